//! Lines of JSON on standard output: as they are for a program, rendered for a person.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use super::{
    Failure,
    render::{Explanation, Renderer, Style},
};

/// Writes lines to standard output.
pub(super) struct Presenter {
    renderer: Option<Renderer>,
    text: String,
    output: BufWriter<StdoutLock<'static>>,
}

impl Presenter {
    /// As JSON, or for a person.
    pub(super) fn new(json: bool) -> Self {
        Self {
            renderer: (!json).then(|| Renderer::new(style())),
            text: String::new(),
            output: BufWriter::with_capacity(64 << 10, io::stdout().lock()),
        }
    }

    /// Writes one line or several, each a JSON object.
    pub(super) fn show(&mut self, lines: &[u8]) -> io::Result<()> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match &self.renderer {
                None => {
                    self.output.write_all(line)?;
                    self.output.write_all(b"\n")?;
                }
                Some(renderer) => {
                    self.text.clear();
                    renderer.line(line, &mut self.text);
                    self.output.write_all(self.text.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Writes the reasons of an incident.
    pub(super) fn explain(&mut self, explanation: &Explanation) -> io::Result<()> {
        match &self.renderer {
            None => {
                serde_json::to_writer(&mut self.output, explanation)?;
                self.output.write_all(b"\n")
            }
            Some(renderer) => {
                self.text.clear();
                renderer.explanation(explanation, &mut self.text);
                self.output.write_all(self.text.as_bytes())
            }
        }
    }

    /// Writes and lets go: what a person or a program waits for.
    pub(super) fn show_now(&mut self, lines: &[u8]) -> io::Result<()> {
        self.show(lines)?;
        self.flush()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Colour only on a terminal and unless `NO_COLOR` is set (no-color.org).
fn style() -> Style {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return Style::default();
    }
    let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let columns = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col));
    Style { color, width: (columns > 0).then_some(columns) }
}

/// A reader that has seen enough (`minerwatch tail | head`) ends the command well.
pub(super) fn ended_by_reader(result: Result<(), io::Error>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| anyhow::Error::from(error).context("standard output").into()),
    }
}

/// The same for a command whose own error may be about standard output or not.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
