//! `minerwatch scan`: one look at what runs now.

use std::time::Duration;

use super::{
    ExitReason, Failure, block_on, logging,
    present::{Presenter, is_broken_pipe},
};
use crate::{model::Verdict, pipeline};

/// Look at what runs now, and say whether something is mining
///
/// Takes the state of the host, watches for some seconds, writes the alerts and ends: with exit code 10 when
/// it found an incident of high or above, else with 0.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// One JSON object per line instead of text for people
    #[arg(long)]
    json: bool,
    /// How long to watch
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch scan                              ten seconds, for people
  sudo minerwatch scan --seconds 60 --json          longer, for programs
  sudo minerwatch scan || echo 'look at this host'  in a script";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, seconds } = arguments;
    let mut presenter = Presenter::new(*json);
    let duration = Duration::from_secs(u64::from(*seconds));
    let result = block_on(async {
        match pipeline::scan(duration, &mut |lines| presenter.show_now(lines)).await {
            // Whoever stopped reading has seen enough.
            Err(error) if is_broken_pipe(&error) => Ok(None),
            result => result.map(Some).map_err(Failure::from),
        }
    })?;
    Ok(result.map_or(ExitReason::Fine, |verdict| conclude(verdict, *seconds)))
}

fn conclude(found: Option<Verdict>, seconds: u32) -> ExitReason {
    match found {
        Some(Verdict::Suspected | Verdict::Mining) => ExitReason::Found,
        Some(Verdict::Noted) | None => {
            eprintln!("minerwatch: nothing that looks like mining in {seconds} s");
            ExitReason::Fine
        }
    }
}
