//! Lines of JSON as text for people: one row per event, a block of rows per alert.
//!
//! The text is made from the same JSON that a program gets, so both show the same. Times are UTC, because readers may
//! be in another time zone than the host. Arguments, names and paths are chosen by processes and therefore untrusted:
//! control characters and escape sequences are made visible and never passed on.

mod alert;
mod chain;
mod event;
mod explanation;
mod line;
mod text;

pub use explanation::Explanation;
use text::{Row, Tone};

/// How the text looks. The caller decides, because only it knows where the text goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether it has colours.
    pub color: bool,
    /// Columns of the terminal. Longer rows are cut; `None` leaves them whole.
    pub width: Option<usize>,
}

/// Turns lines of JSON into text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Renderer {
    style: Style,
}

impl Renderer {
    /// A renderer for one style.
    pub fn new(style: Style) -> Self {
        Self { style }
    }

    /// Takes over a width that changed.
    pub fn set_width(&mut self, width: Option<usize>) {
        self.style.width = width;
    }

    /// Appends an incident's explanation, a block of rows.
    pub fn explanation(&self, explanation: &Explanation, out: &mut String) {
        explanation.write(self.style, out);
    }

    /// Appends the text of one line of JSON, newline included. A line that is no event of minerwatch is shown as it
    /// is, made harmless.
    pub fn line(&self, json: &[u8], out: &mut String) {
        let json = json.trim_ascii();
        match serde_json::from_slice::<line::Line>(json) {
            Ok(line) if line.event.kind == "alert" => alert::write(&line, self.style, out),
            Ok(line) if !line.event.action.is_empty() => event::row(&line).write(self.style, out),
            Ok(_) | Err(_) => {
                let mut row = Row::default();
                row.push(Tone::Dim, &String::from_utf8_lossy(json));
                row.write(self.style, out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
