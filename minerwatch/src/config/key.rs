//! Finds the key and the line of an error in a configuration file.

/// Returns the line of a byte offset, counted from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// Returns the key at a line, with its section: `sink.stdout.events`. The search works on the text, so that it also
/// finds a key in a file that does not parse.
pub(super) fn key_at(text: &str, line: usize) -> Option<String> {
    let mut section = None;
    let mut key = None;
    for current in text.lines().take(line) {
        let current = current.trim();
        if let Some(header) = current.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = Some(header.0.trim_start_matches('[').trim());
            key = None;
        } else if let Some((name, _)) = current.split_once('=').filter(|_| !current.starts_with('#')) {
            key = Some(name.trim());
        }
    }
    match (section, key) {
        (Some(section), Some(key)) => Some(format!("{section}.{key}")),
        (Some(only), None) | (None, Some(only)) => Some(only.to_owned()),
        (None, None) => None,
    }
}

/// Returns the last line that sets `key`. If two keys conflict, this is the later one.
pub(super) fn last_line_of(text: &str, key: &str) -> Option<usize> {
    let sets = |line: &str| line.trim().split_once('=').is_some_and(|(name, _)| name.trim() == key);
    text.lines().enumerate().filter(|(_, line)| sets(line)).last().map(|(index, _)| index + 1)
}

/// Returns the headers of sections (`[a]` or `[[a.b]]`, without spaces), each with the index of its line.
pub(super) fn header_lines(text: &str) -> Vec<(usize, String)> {
    let header = |line: &str| {
        let line: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        (line.starts_with('[') && line.ends_with(']') && !line.contains(['=', ',', '"', '\'']))
            .then_some(line)
    };
    text.lines().enumerate().filter_map(|(index, line)| Some((index, header(line)?))).collect()
}

/// Returns the line that sets `key` in the section with this header and number, or the line of the header.
pub(super) fn line_in_table(text: &str, header: &str, number: usize, key: &str) -> Option<usize> {
    let headers = header_lines(text);
    let start = headers.iter().filter(|(_, own)| own == header).nth(number)?.0;
    let end = headers.iter().map(|(line, _)| *line).find(|line| *line > start).unwrap_or(usize::MAX);
    let sets = |line: &str| line.trim().split_once('=').is_some_and(|(name, _)| name.trim() == key);
    let own = text.lines().enumerate().take(end).skip(start).find(|(_, line)| sets(line));
    Some(own.map_or(start, |(line, _)| line) + 1)
}

/// Returns the known name that is most similar to `name`, if any is similar enough.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    similar(name, known).first().copied()
}

/// Maximum number of similar names that a message suggests.
const SUGGESTIONS: usize = 3;

/// Returns the known names that are similar to `name`, the most similar first.
pub(super) fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3 + 1)
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    let least = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter()
        .take_while(|(distance, _)| *distance <= least + 1)
        .take(SUGGESTIONS)
        .map(|(_, candidate)| candidate)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_in_its_section() {
        let text = "top = 1\n# [no] = 1\n[ sink.stdout ]\nevents = [\n  'exec',\n]\n[[sink.file]]\nkeep=3";
        let expected = [
            (1, Some("top")),
            (2, Some("top")),
            (3, Some("sink.stdout")),
            (5, Some("sink.stdout.events")),
            (7, Some("sink.file")),
            (8, Some("sink.file.keep")),
            (99, Some("sink.file.keep")),
        ];
        for (line, key) in expected {
            assert_eq!(key_at(text, line).as_deref(), key, "line {line}");
        }
        assert_eq!(key_at("", 1), None);
    }

    #[test]
    fn only_similar_names_are_suggested() {
        let known = || ["events", "alerts", "max_size_mib"].into_iter();
        assert_eq!(nearest("event", known()), Some("events"));
        assert_eq!(nearest("max_size", known()), Some("max_size_mib"));
        assert_eq!(nearest("zzz", known()), None);
    }
}
