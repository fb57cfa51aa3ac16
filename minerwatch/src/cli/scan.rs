//! `minerwatch scan`: checks once whether something is mining on this host.

mod summary;

use std::{
    cell::RefCell,
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::Duration,
};

use super::{
    ExitReason, Failure, block_on,
    counted::counted,
    hooks::HookArguments,
    logging,
    present::{ColorArguments, Presenter},
    streams::{ended_by_reader, is_broken_pipe, of_stdout, tell_as_is},
};
use crate::{
    model::Verdict,
    pipeline::{self, ScanProgress},
};

/// Check whether something is mining on this host right now
///
/// Reads the running processes and open connections, watches for some seconds while it samples the arithmetic of busy
/// programs, and writes an alert for each incident. A summary at the end covers all incidents, including those that are
/// only `noted` and get no alert in the text output. The exit code is 10 if an incident has the verdict `suspected` or
/// `mining`, else 0.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Write one JSON object per line instead of text for people: the alerts, including those that are only `noted`,
    /// and a summary as the last line
    #[arg(long)]
    json: bool,
    /// Watch for N seconds
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Use the lists and thresholds of this configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    color: ColorArguments,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch scan                                watch for ten seconds
  sudo minerwatch scan --seconds 60 --json            watch longer, and write JSON
  sudo minerwatch scan --config /etc/minerwatch.toml  use lists of your own
  sudo minerwatch scan || echo 'look at this host'    use it in a script";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, seconds, config, color, hooks } = arguments;
    let options = hooks.options(config.as_deref())?;
    let mut presenter = Presenter::new(*json, *color);
    let duration = Duration::from_secs(u64::from(*seconds));
    let least = if *json { Verdict::Noted } else { Verdict::Suspected };
    let progress = RefCell::new(ProgressLine::new(*seconds));
    let result = block_on(async {
        let mut show = |lines: &[u8]| {
            progress.borrow_mut().clear();
            of_stdout(presenter.show_now(lines))
        };
        let mut on_progress = |now| progress.borrow_mut().show(now);
        pipeline::scan(duration, &options, least, &mut show, &mut on_progress).await.map_err(Failure::from)
    });
    progress.borrow_mut().clear();
    let report = match result {
        // The reader of standard output has closed the pipe, which is not a failure.
        Err(failure) if is_broken_pipe(&failure.error) => return Ok(ExitReason::Fine),
        result => result?,
    };
    if *json {
        ended_by_reader(presenter.show_now(&summary::json(&report)?))?;
    } else {
        tell_as_is(&summary::text(&report));
    }
    let is_serious = report.incidents.iter().any(|alert| alert.verdict >= Verdict::Suspected);
    Ok(if is_serious { ExitReason::Found } else { ExitReason::Fine })
}

/// The progress of the scan, on one line that each update overwrites. Shown only if standard error is a terminal.
struct ProgressLine {
    seconds: u32,
    on_terminal: bool,
    is_shown: bool,
}

impl ProgressLine {
    fn new(seconds: u32) -> Self {
        Self { seconds, on_terminal: io::stderr().is_terminal(), is_shown: false }
    }

    fn show(&mut self, now: ScanProgress) {
        if !self.on_terminal {
            return;
        }
        self.is_shown = true;
        let ScanProgress { seconds, processes, visits, incidents } = now;
        tell_as_is(&format!(
            "\r\x1b[K{} of {} s: {}, {} of busy CPUs, {}",
            seconds.min(self.seconds),
            self.seconds,
            counted(processes, "process", "processes"),
            counted(visits, "sample", "samples"),
            counted(incidents, "finding", "findings"),
        ));
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            tell_as_is("\r\x1b[K");
        }
    }
}
