//! Writes lines of JSON to standard output, unchanged for programs or as text for people.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use clap::ValueEnum;

use super::render::{Explanation, Renderer, Style};

/// The option `--color`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ColorArguments {
    /// Colour the text: `always`, `never`, or `auto`, which means on a terminal unless `NO_COLOR` is set
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

/// Writes to standard output through a buffer.
pub(super) struct Presenter {
    renderer: Option<Renderer>,
    text: String,
    output: BufWriter<StdoutLock<'static>>,
}

impl Presenter {
    /// Creates a presenter that writes JSON for programs (`json`), or text for people.
    pub(super) fn new(json: bool, color: ColorArguments) -> Self {
        Self {
            renderer: (!json).then(|| Renderer::new(style(color))),
            text: String::new(),
            output: BufWriter::with_capacity(64 << 10, io::stdout().lock()),
        }
    }

    /// Writes one or more lines. Each line is a JSON object.
    pub(super) fn show(&mut self, lines: &[u8]) -> io::Result<()> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match &mut self.renderer {
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

    /// Writes the explanation of an incident.
    pub(super) fn explain(&mut self, explanation: &Explanation) -> io::Result<()> {
        match &mut self.renderer {
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

    /// Writes lines and flushes the output.
    pub(super) fn show_now(&mut self, lines: &[u8]) -> io::Result<()> {
        self.show(lines)?;
        self.flush()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Chooses colours and width. `auto` means colours on a terminal, unless `NO_COLOR` is set (no-color.org).
pub(super) fn style(ColorArguments { color: choice }: ColorArguments) -> Style {
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
        // With `always` and a pipe, the text probably ends up on a terminal. `COLUMNS` has the width of that terminal.
        std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
    } else {
        None
    };
    Style { color, width: width.filter(|columns| *columns > 0) }
}
