//! Recognises the format of a list by its file name and its first bytes.

use std::io::{BufRead, Read};

use super::{
    Builder, ImportReport,
    import_report::{Form, ImportLocation, Problem},
    json::read_json,
    lines::read_lines,
};

/// Number of bytes read to recognise the format.
const PEEK: u64 = 512;

/// Adds the entries of a list to the current list of `builder`. `name` is the file name. The list is JSON if the name
/// ends in `.json`, `.jsonl`, `.ndjson` or `.stix`, or if the contents begin like JSON. `now` is the time in seconds
/// since 1970.
pub fn read_list(name: &str, mut input: impl BufRead, now: i64, builder: &mut Builder) -> ImportReport {
    let mut start = Vec::new();
    if let Err(error) = (&mut input).take(PEEK).read_to_end(&mut start) {
        let mut report = ImportReport::new(Form::Text);
        report.broken = Some(Problem { location: ImportLocation::Line(1), reason: error.to_string() });
        return report;
    }
    let start = start.strip_prefix("\u{feff}".as_bytes()).map(<[u8]>::to_vec).unwrap_or(start);
    let is_json = is_json(name, &start);
    let input = start.as_slice().chain(input);
    if is_json { read_json(input, now, builder) } else { read_lines(input, now, builder) }
}

fn is_json(name: &str, start: &[u8]) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if ["json", "jsonl", "ndjson", "stix"].iter().any(|known| known.eq_ignore_ascii_case(extension)) {
        return true;
    }
    let mut letters = start.iter().filter(|byte| !byte.is_ascii_whitespace());
    match letters.next() {
        Some(b'{') => true,
        // `[2001:db8::1]:443` and `[.]` are not JSON.
        Some(b'[') => matches!(letters.next(), Some(b'{' | b'"' | b'[' | b']')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_recognised() {
        for (name, start, json) in [
            ("a.json", "pool.example", true),
            ("a.STIX", "", true),
            ("a.txt", " \n{\"type\"", true),
            ("list", "[ {", true),
            ("list", "[\n\"a", true),
            ("list", "[2001:db8::1]:443", false),
            ("list", "pool.example", false),
            ("json", "", false),
        ] {
            assert_eq!(is_json(name, start.as_bytes()), json, "{name}: {start}");
        }
    }
}
