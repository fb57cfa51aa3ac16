//! Lines of JSON as a person reads them: one row per event, a block per alert.
//!
//! What is shown is made from the JSON a program would get, so both see the same. Times are UTC: a host's
//! local time zone says nothing to who reads from elsewhere. Whatever a process chose itself (arguments,
//! names, paths) is untrusted: control characters and escape sequences are made visible, never passed on.

mod alert;
mod chain;
mod event;
mod explanation;
mod line;
mod text;

pub use explanation::Explanation;
use text::{Row, Tone};

/// How the output looks. The caller decides: colour only on a terminal and without `NO_COLOR`, a width only
/// if there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
    /// Columns of the terminal; longer rows are cut. `None` leaves them whole.
    pub width: Option<usize>,
}

/// Makes rows of lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Renderer {
    style: Style,
}

impl Renderer {
    /// A renderer for one terminal.
    pub fn new(style: Style) -> Self {
        Self { style }
    }

    /// Takes over a width that changed.
    pub fn set_width(&mut self, width: Option<usize>) {
        self.style.width = width;
    }

    /// Appends the reasons of an incident, a block of rows.
    pub fn explanation(&self, explanation: &Explanation, out: &mut String) {
        explanation.write(self.style, out);
    }

    /// Appends one line of JSON to `out` as a person reads it, newline included. What is no event of
    /// minerwatch is shown as it is, made harmless.
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
