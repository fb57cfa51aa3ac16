//! Lines of JSON on standard output: as they are for programs, as text for people.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use clap::ValueEnum;

use super::render::{Explanation, Renderer, Style};

/// Whether text for people has colours.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ColorArguments {
    /// Colour the text `always`, `never`, or `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true
    )]
    color: ColorChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// Writes lines to standard output, buffered.
pub(super) struct Presenter {
    renderer: Option<Renderer>,
    text: String,
    output: BufWriter<StdoutLock<'static>>,
}

impl Presenter {
    /// For programs (`json`) or for people.
    pub(super) fn new(json: bool, color: ColorArguments) -> Self {
        Self {
            renderer: (!json).then(|| Renderer::new(style(color.color))),
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

    /// Writes lines that somebody waits for.
    pub(super) fn show_now(&mut self, lines: &[u8]) -> io::Result<()> {
        self.show(lines)?;
        self.flush()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Colour as asked for; without a wish on a terminal, unless `NO_COLOR` is set (no-color.org).
fn style(choice: ColorChoice) -> Style {
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let color = match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let width = if is_terminal {
        rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col))
    } else if choice == ColorChoice::Always {
        // Whoever wants colours through a pipe shows the text on a terminal: its width comes by the environment.
        std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
    } else {
        None
    };
    Style { color, width: width.filter(|columns| *columns > 0) }
}
