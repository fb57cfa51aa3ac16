//! Readers for line-based lists: plain text with one entry per line, and CSV with a header row.

use std::{
    borrow::Cow,
    collections::VecDeque,
    io::{self, BufRead, Read as _},
};

use super::{
    Builder, ImportReport, Indicator,
    import_report::{Form, ImportLocation, Problem},
    importer::Importer,
    record::{Field, Record},
};

/// Maximum length of a line, in bytes. A longer line is no entry.
const MAX_LINE: u64 = 64 << 10;
/// Limits of one CSV row, whose quoted fields may contain line breaks. An unfinished row is continued for at most 8
/// more lines, and only while it is shorter than 16 KiB.
const MAX_ROW: (usize, usize) = (8, 16 << 10);
/// The possible delimiters of columns.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// Adds the entries of a list to the builder's current list. In plain text, the entry is the first field of a line,
/// which ends at white space, a comma or a semicolon. In a hosts file, the entry is the name. A note may follow after
/// `#`. If the first line is a header row, even after `#`, the list is CSV.
pub(super) fn read_lines(input: impl BufRead, now: i64, builder: &mut Builder) -> ImportReport {
    let mut importer = Importer::new(Form::Text, now, builder);
    let mut lines = Lines { input, pending: VecDeque::new(), number: 0, broken: None };
    let mut has_begun = false;
    while let Some(line) = lines.next() {
        let location = || ImportLocation::Line(line.number);
        let Some(text) = line.text.as_deref() else {
            importer.refuse(location, "a line of more than 64 KiB", "line too long");
            continue;
        };
        let (entry, note) = text.split_once('#').unwrap_or((text, ""));
        let entry = entry.trim();
        if !has_begun
            && let Some(head) = Head::of(if entry.is_empty() { note } else { text }, entry.is_empty())
        {
            importer.report.form = Form::Csv;
            read_rows(&mut lines, &head, &mut importer);
            break;
        }
        let entry = first_field(entry);
        if !entry.is_empty() {
            has_begun = true;
            importer.add(Indicator::parse(entry), line.number, location, note);
        }
    }
    importer.report.broken = lines.broken.map(|error| Problem {
        location: ImportLocation::Line(lines.number),
        reason: format!("cannot be read any further: {error}"),
    });
    importer.report
}

/// Returns the entry of a line: the first field. In a line of a hosts file, the first field is an address of this host,
/// so the second field is the entry.
fn first_field(line: &str) -> &str {
    let mut fields = line.split([',', ';', ' ', '\t']).filter(|field| !field.is_empty());
    match (fields.next(), fields.next()) {
        (Some("0.0.0.0" | "127.0.0.1" | "::" | "::1"), Some(name)) => name,
        (first, _) => first.unwrap_or_default(),
    }
}

/// The header row of a CSV list: the delimiter, and the field of each column.
struct Head {
    delimiter: char,
    columns: Vec<Option<Field>>,
}

impl Head {
    /// Parses a header row. Returns `None` if the line does not name columns. The rules are stricter after `#`, because
    /// the line may be any comment.
    fn of(line: &str, is_remark: bool) -> Option<Self> {
        let delimiter = DELIMITERS.into_iter().max_by_key(|delimiter| line.matches(*delimiter).count())?;
        let names = split(line.trim(), delimiter).ok()?;
        let columns: Vec<Option<Field>> = names.iter().map(|name| Field::of(name)).collect();
        let is_name = |name: &Cow<'_, str>| !name.trim().is_empty() && !name.trim().contains(' ');
        let is_head = columns.iter().any(|column| matches!(column, Some(Field::Value(_))))
            && (!is_remark || names.len() >= 3 && names.iter().all(is_name));
        is_head.then_some(Self { delimiter, columns })
    }
}

fn read_rows(lines: &mut Lines<impl BufRead>, head: &Head, importer: &mut Importer<'_>) {
    while let Some(Line { number, text }) = lines.next() {
        let location = || ImportLocation::Line(number);
        let Some(mut row) = text else {
            importer.refuse(location, "a line of more than 64 KiB", "line too long");
            continue;
        };
        if row.trim().is_empty() || row.starts_with('#') {
            continue;
        }
        let mut taken = Vec::new();
        while split(&row, head.delimiter).is_err() && taken.len() < MAX_ROW.0 && row.len() < MAX_ROW.1 {
            let Some(next) = lines.next() else { break };
            row.push('\n');
            row.push_str(next.text.as_deref().unwrap_or_default());
            taken.push(next);
        }
        let Ok(fields) = split(&row, head.delimiter) else {
            // Only the first line is skipped. The lines after it may be rows.
            lines.give_back(taken);
            importer.refuse(location, "a quote that does not end where its field does", "quote out of place");
            continue;
        };
        let mut record = Record::default();
        for (field, text) in head.columns.iter().zip(&fields) {
            if let Some(field) = field {
                record.set(*field, text);
            }
        }
        if record.has_value() {
            record.take(importer, number, location, None);
        } else {
            importer.refuse(location, "no column with an entry is filled", "row without an entry");
        }
    }
}

/// Splits a row into fields (RFC 4180). Fails if a quote is not closed, or does not end its field.
fn split(row: &str, delimiter: char) -> Result<Vec<Cow<'_, str>>, ()> {
    let mut fields = Vec::new();
    let mut rest = row;
    loop {
        let start = rest.trim_start_matches(' ');
        let (field, behind) = if let Some(quoted) = start.strip_prefix('"') {
            quoted_field(quoted)?
        } else {
            let (field, behind) = rest.split_at(rest.find(delimiter).unwrap_or(rest.len()));
            (Cow::Borrowed(field), behind)
        };
        fields.push(field);
        let (between, next) = match behind.split_once(delimiter) {
            Some((between, next)) => (between, Some(next)),
            None => (behind, None),
        };
        if !between.trim().is_empty() {
            return Err(());
        }
        match next {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// Reads a field up to its closing quote. Returns the field and the text after the quote.
fn quoted_field(quoted: &str) -> Result<(Cow<'_, str>, &str), ()> {
    let mut from = 0;
    loop {
        let end = from + quoted.get(from..).and_then(|rest| rest.find('"')).ok_or(())?;
        let (field, behind) = quoted.split_at(end);
        let behind = behind.get(1..).unwrap_or_default();
        if behind.starts_with('"') {
            from = end + 2;
            continue;
        }
        let field = if from == 0 { Cow::Borrowed(field) } else { Cow::Owned(field.replace("\"\"", "\"")) };
        return Ok((field, behind));
    }
}

/// A line without its newline. There is no text if the line is too long.
struct Line {
    number: u32,
    text: Option<String>,
}

struct Lines<R> {
    input: R,
    pending: VecDeque<Line>,
    number: u32,
    broken: Option<io::Error>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Option<Line> {
        if let Some(line) = self.pending.pop_front() {
            return Some(line);
        }
        let mut bytes = Vec::new();
        match (&mut self.input).take(MAX_LINE + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                self.broken = Some(error);
                return None;
            }
        }
        self.number = self.number.saturating_add(1);
        let number = self.number;
        if bytes.len() as u64 > MAX_LINE && bytes.last() != Some(&b'\n') {
            if let Err(error) = self.input.skip_until(b'\n') {
                self.broken = Some(error);
            }
            return Some(Line { number, text: None });
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { &*text };
        Some(Line { number, text: Some(text.trim_end_matches(['\n', '\r']).to_owned()) })
    }

    fn give_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.pending.push_front(line);
        }
    }
}

#[cfg(test)]
mod tests;
