//! Text for a terminal: coloured, cut to the width of the terminal, and with control characters escaped.

use std::fmt::Write;

use super::Style;

/// The role of a piece of text, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Tone {
    Plain,
    Dim,
    Strong,
    Good,
    Bad,
    Network,
    File,
    Cpu,
    Snapshot,
    /// The heading of an alert with this verdict.
    Mining,
    Suspected,
    Noted,
}

impl Tone {
    /// Returns the parameters of the escape sequence "select graphic rendition" (ECMA-48), or an empty string for plain
    /// text.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "2",
            Self::Strong => "1",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Network => "36",
            Self::File => "33",
            Self::Cpu => "35",
            Self::Snapshot => "34",
            Self::Mining => "1;97;41",
            Self::Suspected => "1;31",
            Self::Noted => "1;33",
        }
    }
}

/// A row of text, made of coloured pieces.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Row {
    pieces: Vec<(Tone, String)>,
}

impl Row {
    /// Appends text, with control characters escaped.
    pub fn push(&mut self, tone: Tone, text: &str) -> &mut Self {
        self.pieces.push((tone, harmless(text)));
        self
    }

    /// Appends text in a left-aligned column of `width` characters, and a space after the column. Longer text is cut.
    pub fn column(&mut self, tone: Tone, text: &str, width: usize) -> &mut Self {
        let mut cell = cut(harmless(text), width);
        let _ = write!(cell, "{:1$}", "", width + 1 - cell.chars().count().min(width));
        self.pieces.push((tone, cell));
        self
    }

    /// Appends text in a right-aligned column of `width` characters, and a space after the column. Longer text is cut.
    pub fn right(&mut self, tone: Tone, text: &str, width: usize) -> &mut Self {
        let cell = cut(harmless(text), width);
        self.pieces.push((tone, format!("{cell:>width$} ")));
        self
    }

    /// Appends the row and a newline, cut to the terminal's width.
    pub fn write(&self, style: Style, out: &mut String) {
        let length: usize =
            self.pieces.iter().map(|(_, text)| text.trim_end_matches('\n').chars().count()).sum();
        let mut room = match style.width {
            Some(width) if length > width => width.saturating_sub(1),
            Some(_) | None => usize::MAX,
        };
        let start = out.len();
        for (tone, text) in &self.pieces {
            let end = text.char_indices().nth(room).map_or(text.len(), |(end, _)| end);
            let shown = text.get(..end).unwrap_or_default();
            room = room.saturating_sub(shown.chars().count());
            if shown.is_empty() {
                continue;
            }
            if style.color && !tone.code().is_empty() {
                let _ = write!(out, "\x1b[{}m{shown}\x1b[0m", tone.code());
            } else {
                out.push_str(shown);
            }
        }
        if style.width.is_some_and(|width| length > width) {
            out.push('…');
        }
        let end = out.trim_end_matches(' ').len().max(start);
        out.truncate(end);
        out.push('\n');
    }
}

/// Escapes the characters that a terminal would act on: control characters, and characters that hide text or change its
/// direction.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(control));
            }
            mark if is_invisible(mark) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(mark));
            }
            plain => out.push(plain),
        }
    }
    out
}

/// Returns whether a character is a Unicode format character that changes how other text looks: zero-width, direction,
/// line-separating, annotation and tag characters.
fn is_invisible(character: char) -> bool {
    matches!(
        u32::from(character),
        0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
            | 0xfff9..=0xfffb | 0xe0000..=0xe007f
    )
}

/// Splits text into lines of at most `width` characters, at spaces where possible. Without a width, the text is one
/// line. Returns at least one line.
pub(super) fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let text = harmless(text);
    let Some(width) = width.filter(|width| *width > 0) else { return vec![text] };
    let mut lines = Vec::new();
    let mut rest = text.as_str();
    while let Some((end, _)) = rest.char_indices().nth(width) {
        let whole = rest.get(..end).unwrap_or_default();
        // A space right after the line is also a place to split.
        let space = if rest.get(end..).is_some_and(|behind| behind.starts_with(' ')) {
            Some(end)
        } else {
            whole.rfind(' ').filter(|space| *space > 0)
        };
        let (line, behind) = rest.split_at(space.unwrap_or(end));
        lines.push(line.to_owned());
        rest = behind.trim_start_matches(' ');
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// Cuts text to `width` characters. The last character of a cut text is an ellipsis.
fn cut(mut text: String, width: usize) -> String {
    if text.chars().count() > width {
        let end = text.char_indices().nth(width.saturating_sub(1)).map_or(0, |(end, _)| end);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Returns the time of day of a timestamp, to the millisecond: `23:14:05.123`.
pub(super) fn time_of_day(timestamp: &str) -> &str {
    timestamp.get(11..23).unwrap_or("--:--:--.---")
}

/// Formats a number of bytes in the largest unit that gives a value of at least 1.
pub(super) fn bytes(count: u64) -> String {
    scaled(count, &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]).unwrap_or(format!("{count} B"))
}

/// Formats a duration in the largest unit that gives a value of at least 1.
pub(super) fn duration(nanoseconds: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let units =
        [(3_600 * SECOND, "h"), (60 * SECOND, "min"), (SECOND, "s"), (1_000_000, "ms"), (1_000, "µs")];
    scaled(nanoseconds, &units).unwrap_or(format!("{nanoseconds} ns"))
}

fn scaled(count: u64, units: &[(u64, &str)]) -> Option<String> {
    let (size, unit) = units.iter().find(|(size, _)| count >= *size)?;
    Some(format!("{:.1} {unit}", count as f64 / *size as f64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_and_invisible_characters_are_made_visible() {
        for (text, expected) in [
            ("plain größe 漢字", "plain größe 漢字"),
            ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("\u{9b}31m\u{7f}\0", "\\x9b31m\\x7f\\x00"),
            ("txt\u{202e}gpj.sh", "txt\\u{202e}gpj.sh"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }

    #[test]
    fn long_text_is_wrapped_at_spaces() {
        for (text, width, expected) in [
            ("", Some(5), &[""][..]),
            ("one two", None, &["one two"]),
            ("one two", Some(7), &["one two"]),
            ("one two three", Some(7), &["one two", "three"]),
            ("one two three", Some(6), &["one", "two", "three"]),
            ("unbroken", Some(3), &["unb", "rok", "en"]),
            ("größe über", Some(5), &["größe", "über"]),
            ("ab    ", Some(2), &["ab"]),
        ] {
            assert_eq!(wrapped(text, width), expected, "{text:?} {width:?}");
        }
    }

    #[test]
    fn sizes_and_durations_have_units() {
        assert_eq!(
            (bytes(517), bytes(1_536), bytes(3 << 30)),
            ("517 B".into(), "1.5 KiB".into(), "3.0 GiB".into())
        );
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(1_523_000_000), "1.5 s");
        assert_eq!(duration(u64::MAX), "5124095.6 h");
    }

    proptest! {
        #[test]
        fn a_row_is_one_line_and_fits_the_terminal(text in "\\PC{0,60}|.{0,60}", width in 0_usize..50) {
            let mut row = Row::default();
            row.column(Tone::Strong, &text, 10).right(Tone::Plain, &text, 5).push(Tone::Bad, &text);
            let mut out = String::new();
            row.write(Style { color: false, width: Some(width) }, &mut out);
            prop_assert!(out.ends_with('\n'));
            let line = &out[..out.len() - 1];
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert!(line.chars().count() <= width.max(1));
        }
    }
}
