//! Lists as plain text or CSV: one entry a line.

use super::{Builder, Indicator};

/// The most problems of one list that are told; a file that is no list has one on every line.
const MAX_PROBLEMS: usize = 20;

/// A line that adds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which, from 1.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// Adds the entries of a text to the list begun last. The first field of a line counts (up to white space, a comma or a
/// semicolon); what follows `#` is a note on the entry. Lines without an entry are passed over, and those that are none
/// are told, the first twenty.
pub fn read_text(text: &str, builder: &mut Builder) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1_u32..) {
        let (entry, note) = line.split_once('#').unwrap_or((line, ""));
        let entry = entry.trim().split([',', ';', ' ', '\t']).next().unwrap_or_default();
        if entry.is_empty() {
            continue;
        }
        let reason = match Indicator::parse(entry) {
            Ok(indicator) if builder.add(&indicator, number, note) => continue,
            Ok(_) => "there is no room for more entries".to_owned(),
            Err(refusal) => refusal.to_string(),
        };
        if problems.len() < MAX_PROBLEMS {
            problems.push(Problem { line: number, reason });
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intel::{List, ListKind};

    fn read(text: &str, room: usize) -> (usize, Vec<u32>) {
        let mut builder = Builder::new(room);
        let list = List { name: "l".to_owned(), source: "l".to_owned(), kind: ListKind::Mining, weight: 60 };
        assert!(builder.list(list));
        let problems = read_text(text, &mut builder);
        (builder.build().len(), problems.iter().map(|problem| problem.line).collect())
    }

    #[test]
    fn entries_notes_and_problems() {
        let text = "\u{feff}# a list\n\npool.example # eu\nevil[.]example,2026-11-25,C2\n192.0.2.1;x\r\n\
                    two words\n10.0.0.0/33\nstratum+tcp://a.example:3333\n";
        assert_eq!(read(text, 10), (4, vec![6, 7]));
        assert_eq!(read(text, 2), (2, vec![5, 6, 7, 8]));
        assert_eq!(read(&"nonsense\n".repeat(100), 10).1.len(), MAX_PROBLEMS);
    }
}
