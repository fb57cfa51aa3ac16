//! Renders lines of JSON as text for people: one row per event, a block of rows per alert.
//!
//! The text is rendered from the JSON that a program would get, so text and JSON agree. Times are in UTC, because
//! readers may be in another time zone than the host. Processes choose their arguments, names and paths, so these are
//! untrusted. Control characters and escape sequences are escaped and never reach the terminal.

mod alert;
mod chain;
mod event;
mod excepted;
mod explanation;
mod line;
mod seen;
mod text;

pub use explanation::Explanation;
use seen::SeenSteps;
pub(super) use text::{Row, Tone};

/// Colours and width of the text. The caller chooses them, because only the caller knows where the text goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether the text has colours.
    pub color: bool,
    /// Width of the terminal, in columns. Longer rows are cut. `None` means no limit.
    pub width: Option<usize>,
}

/// Renders lines of JSON as text.
#[derive(Debug, Default)]
pub struct Renderer {
    style: Style,
    seen: SeenSteps,
}

impl Renderer {
    /// Creates a renderer with this style.
    pub fn new(style: Style) -> Self {
        Self { style, seen: SeenSteps::default() }
    }

    /// Changes the width of the terminal.
    pub fn set_width(&mut self, width: Option<usize>) {
        self.style.width = width;
    }

    /// Appends the explanation of an incident as a block of rows.
    pub fn explanation(&self, explanation: &Explanation, out: &mut String) {
        explanation.write(self.style, out);
    }

    /// Appends the text of one line of JSON, with a newline. Of an incident that was shown before, only new steps are
    /// drawn. A line that is not an event of minerwatch is shown
    /// unchanged, except that control characters are escaped.
    pub fn line(&mut self, json: &[u8], out: &mut String) {
        let json = json.trim_ascii();
        match serde_json::from_slice::<line::Line>(json) {
            Ok(line) if line.event.kind == "alert" => {
                let steps = self.seen.new_steps(&line);
                alert::write(&line, &steps, self.style, out);
            }
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
