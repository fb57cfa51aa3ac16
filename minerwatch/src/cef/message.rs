//! Writes a message of CEF: escapes, limits of lengths.

use std::fmt::Write as _;

use super::MAX_BYTES;

/// Maximum length of a part of the header, escaped, in bytes.
const MAX_HEADER_PART: usize = 255;
/// Marks a text that was cut.
const CUT: char = '…';

/// A message that grows.
pub(super) struct Message(String);

impl Message {
    /// Writes the header.
    pub fn new(version: &str, class: &str, name: &str, severity: i64) -> Self {
        let mut line = "CEF:0|minerwatch|minerwatch|".to_owned();
        for part in [version, class, name] {
            push_cut(&mut line, part, MAX_HEADER_PART, in_header);
            line.push('|');
        }
        let _ = write!(line, "{severity}|");
        Self(line)
    }

    /// Adds a text, if it is known.
    pub fn text(&mut self, key: &'static str, value: Option<&str>) {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return };
        let mut pair = String::with_capacity(key.len() + value.len() + 2);
        pair.push_str(key);
        pair.push('=');
        push_cut(&mut pair, value, max_bytes(key), in_extension);
        self.add(&pair);
    }

    /// Adds a number, if it is known.
    pub fn number(&mut self, key: &'static str, value: Option<i64>) {
        if let Some(value) = value {
            self.add(&format!("{key}={value}"));
        }
    }

    /// Adds one of the six free texts and what it means, if it is known.
    pub fn labelled(&mut self, key: &'static str, label: &str, value: Option<&str>) {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return };
        let mut pair = format!("{key}Label={label} {key}=");
        push_cut(&mut pair, value, max_bytes(key), in_extension);
        self.add(&pair);
    }

    pub fn finish(self) -> String {
        self.0
    }

    /// Adds a pair, unless the message is full.
    fn add(&mut self, pair: &str) {
        let space = usize::from(!self.0.ends_with('|'));
        if self.0.len() + space + pair.len() <= MAX_BYTES {
            if space > 0 {
                self.0.push(' ');
            }
            self.0.push_str(pair);
        }
    }
}

/// Maximum length of a value, escaped, in bytes. The sum of all fits into a message, and no length is above that of the
/// CEF dictionary.
fn max_bytes(key: &str) -> usize {
    match key {
        "externalId" => 40,
        "dvchost" => 100,
        "cs3" | "dhost" | "destinationDnsDomain" | "fname" => 255,
        "filePath" | "oldFilePath" => 512,
        "msg" => 1_023,
        // The command line.
        "cs4" => 1_024,
        _ => 128,
    }
}

/// Appends an escaped text. If it is longer than `max` bytes, it is cut between two characters.
fn push_cut(line: &mut String, value: &str, max: usize, escaped: fn(char) -> Escaped) {
    let start = line.len();
    // Where the text ends if it has to be cut.
    let mut end = start;
    for letter in value.chars() {
        let before = line.len();
        if before - start + CUT.len_utf8() <= max {
            end = before;
        }
        match escaped(letter) {
            Escaped::As(text) => line.push_str(text),
            Escaped::Not(letter) => line.push(letter),
        }
        if line.len() - start > max {
            line.truncate(end);
            line.push(CUT);
            return;
        }
    }
}

/// How a character is written.
enum Escaped {
    As(&'static str),
    Not(char),
}

fn in_header(letter: char) -> Escaped {
    match letter {
        '\\' => Escaped::As(r"\\"),
        '|' => Escaped::As(r"\|"),
        letter if is_break(letter) => Escaped::As(" "),
        letter => Escaped::Not(letter),
    }
}

fn in_extension(letter: char) -> Escaped {
    match letter {
        '\\' => Escaped::As(r"\\"),
        '=' => Escaped::As(r"\="),
        '\n' => Escaped::As(r"\n"),
        '\r' => Escaped::As(r"\r"),
        letter if is_break(letter) => Escaped::As(" "),
        letter => Escaped::Not(letter),
    }
}

/// Whether a reader could take the character for the end of a line or for a command to a terminal.
fn is_break(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}
