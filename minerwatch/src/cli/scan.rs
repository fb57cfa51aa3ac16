//! `minerwatch scan`: one look at what runs now.

use std::{
    cell::RefCell,
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use super::{
    ExitReason, Failure, block_on,
    hooks::HookArguments,
    logging,
    present::{Presenter, is_broken_pipe},
};
use crate::{
    model::{Alert, Verdict},
    pipeline::{self, ScanProgress},
};

/// Look at what runs now, and say whether something is mining
///
/// Takes the state of the host, watches for some seconds, makes busy programs leave their CPU so that their arithmetic
/// can be looked at, writes the alerts, and ends with a list of what was found: with exit code 10 when there is an
/// incident of high or above, else with 0. What is only noted stands in the list and gives no alert.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// One JSON object per line instead of text for people; what is only noted gives one too
    #[arg(long)]
    json: bool,
    /// How long to watch
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Lists and thresholds from the daemon's configuration; without it those that come with the program
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch scan                              ten seconds, for people
  sudo minerwatch scan --seconds 60 --json          longer, for programs
  sudo minerwatch scan --config /etc/minerwatch.toml with lists of your own
  sudo minerwatch scan || echo 'look at this host'  in a script";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, seconds, config, hooks } = arguments;
    let watching = hooks.watching(config.as_deref())?;
    let mut presenter = Presenter::new(*json);
    let duration = Duration::from_secs(u64::from(*seconds));
    let least = if *json { Verdict::Noted } else { Verdict::Suspected };
    let progress = RefCell::new(ProgressLine::new(*seconds));
    let result = block_on(async {
        let mut show = |lines: &[u8]| {
            progress.borrow_mut().clear();
            presenter.show_now(lines)
        };
        let mut on_progress = |now| progress.borrow_mut().show(now);
        match pipeline::scan(duration, &watching, least, &mut show, &mut on_progress).await {
            // Whoever stopped reading has seen enough.
            Err(error) if is_broken_pipe(&error) => Ok(Vec::new()),
            result => result.map_err(Failure::from),
        }
    });
    progress.borrow_mut().clear();
    let found = result?;
    eprint!("{}", summary(&found, *seconds));
    let is_serious = found.iter().any(|alert| alert.verdict >= Verdict::Suspected);
    Ok(if is_serious { ExitReason::Found } else { ExitReason::Fine })
}

/// How far it is, in one line that the next one replaces; nothing where standard error is no terminal.
struct ProgressLine {
    seconds: u32,
    on_terminal: bool,
    is_there: bool,
}

impl ProgressLine {
    fn new(seconds: u32) -> Self {
        Self { seconds, on_terminal: io::stderr().is_terminal(), is_there: false }
    }

    fn show(&mut self, now: ScanProgress) {
        if !self.on_terminal {
            return;
        }
        self.is_there = true;
        let ScanProgress { seconds, processes, visits, incidents } = now;
        // A terminal that is gone takes nothing; the scan goes on.
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{} of {} s: {processes} processes, {visits} looks at busy CPUs, {incidents} findings",
            seconds.min(self.seconds),
            self.seconds
        );
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_there) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// What was found, a line for each suspect: verdict, points, process, the signals that speak against it.
fn summary(found: &[Alert], seconds: u32) -> String {
    let mut text = String::new();
    let serious = found.iter().filter(|alert| alert.verdict >= Verdict::Suspected).count();
    let noted = found.len() - serious;
    let _ = match (serious, noted) {
        (0, 0) => writeln!(text, "minerwatch: nothing that looks like mining in {seconds} s"),
        (0, noted) => {
            writeln!(text, "minerwatch: nothing that looks like mining in {seconds} s, {noted} noted:")
        }
        (serious, 0) => writeln!(text, "minerwatch: {serious} found in {seconds} s:"),
        (serious, noted) => writeln!(text, "minerwatch: {serious} found in {seconds} s, {noted} noted:"),
    };
    for alert in found {
        let verdict = match alert.verdict {
            Verdict::Noted => "noted",
            Verdict::Suspected => "suspected",
            Verdict::Mining => "mining",
        };
        let suspect = &alert.suspect;
        let container = alert.container.as_ref().and_then(|container| container.id.as_deref());
        let place = container.map_or(String::new(), |id| format!(" in container {}", shortened(id)));
        let reasons: Vec<String> = alert
            .signals
            .iter()
            .map(|signal| {
                let name = pipeline::signal_text(&signal.id).map_or("", |text| text.name);
                format!("{} {} {name}", signal.id, signal.weight)
            })
            .collect();
        let _ = writeln!(
            text,
            "  {verdict:<9} {:>4}  {} (pid {}){place}: {}",
            alert.score,
            suspect.name,
            suspect.key.pid,
            reasons.join("; ")
        );
    }
    text
}

/// As much of a container's id as its runtime's own tools show.
fn shortened(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::testing::{Host, alerts},
        model::{ControlRegister, Rounding, RoundingCounts},
    };

    #[test]
    fn the_list_names_suspects_and_reasons() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        let flushing = RoundingCounts { nearest: 9, down: 6, up: 6, zero: 6 };
        let plain = RoundingCounts::default();
        host.looks(worker, Rounding { register: ControlRegister::Mxcsr, flushing, plain });
        let found = alerts(&host);
        assert_eq!(
            summary(&found, 10),
            "minerwatch: 1 found in 10 s:\n  mining     100  sshd (pid 2): C1 100 Arithmetic of RandomX\n"
        );
        assert_eq!(summary(&[], 3), "minerwatch: nothing that looks like mining in 3 s\n");
        let noted: Vec<Alert> =
            found.into_iter().map(|alert| Alert { verdict: Verdict::Noted, score: 50, ..alert }).collect();
        assert!(summary(&noted, 3).starts_with(
            "minerwatch: nothing that looks like mining in 3 s, 1 noted:\n  noted       50  sshd (pid 2): "
        ));
    }

    #[test]
    fn an_odd_id_is_shown_whole() {
        assert_eq!(shortened("4f1d0c9a8b7e6d5c"), "4f1d0c9a8b7e");
        assert_eq!(shortened("short"), "short");
    }
}
