//! `cargo xtask bench`.

mod agent;
mod details;
mod document;
mod format;
mod idle;
mod latency;
mod loads;
mod measure;
mod operations;
mod outcome;
mod peer;
mod programs;
mod report;
mod sitting;
mod stage;
mod statistics;
mod table;
mod throughput;
mod turns;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Error, Result, bail};
use clap::Args;
use xtask::operations::{ALL, Operation};

use super::{build, setup};
use crate::command;
use agent::Launch;
use loads::Kind;
use outcome::Outcome;
use peer::Peer;
use report::Report;

/// The number of rounds for the operations. The median of five turns tolerates two disturbed ones.
const ROUNDS: usize = 5;

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench                                  single operations, the programs, latency and throughput
  cargo xtask bench --loads --against bpftrace       whole loads, with a peer beside it
  cargo xtask bench --load nginx,redis --pairs 15    two loads, more pairs
  cargo xtask bench --idle --processes 1000          the agent's CPU time and memory on an idle host
  cargo xtask bench --all --bless                    everything, and writes the tables of docs/prices.md
  cargo xtask bench --loads --against '/old/minerwatch run' --ready watching    another build as the peer";

/// Measure what the agent costs: single operations, whole loads, and an idle host
///
/// Alternates between agent off and agent on in one sitting, so that a drifting machine disturbs both alike. With
/// --against, a peer has its turns in the same rounds. Without --loads, --idle or --all, operations are measured: in
/// each turn the time of an operation is the shortest of many small batches, all on one CPU. The table has the median
/// over the turns. Its "noise" is the spread of the turns without an agent: an overhead below the noise means nothing.
/// Then come the kernel's own figures per program (`bpf_stats`, restored afterwards), and the latency from an event to
/// the output. For minerwatch alone there is the number of events that become lines, the loss at rising rates, and the
/// events per second that the engine judges.
///
/// With --loads, real programs do a fixed amount of work in each turn: in a network namespace of their own, as an
/// unprivileged user. The table has the median of the slow-downs of the pairs, and the interval that contains it with
/// 95 %. docs/prices.md describes the loads. Needs root, and goes through sudo if you are not root.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Measure whole loads
    #[arg(long)]
    loads: bool,
    /// Measure only these loads, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    load: Vec<String>,
    /// Number of rounds of each load; each contender has one turn in a round
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u8).range(1..=99))]
    pairs: u8,
    /// Measure CPU time and memory on an idle host, for --seconds
    #[arg(long)]
    idle: bool,
    /// Start this many sleeping processes before --idle
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=20_000))]
    processes: u16,
    /// Measure operations, loads and the idle host
    #[arg(long, conflicts_with_all = ["loads", "idle"])]
    all: bool,
    /// Also write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the tables to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the tables into docs/prices.md
    #[arg(long, requires = "all", conflicts_with = "only", conflicts_with = "load")]
    bless: bool,
    /// Total time to measure operations, and time to measure the idle host, in seconds; everything else takes extra
    /// time
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Only operations whose name contains this text
    #[arg(long, value_name = "OP")]
    only: Option<String>,
    /// Also measure another agent: one that this program knows, or a shell command that stays in the foreground; may be
    /// repeated
    #[arg(long, value_name = "PEER", long_help = peer::HELP)]
    against: Vec<String>,
    /// Text that a command of --against writes to standard error or standard output when ready; without this option it
    /// gets 10 s to start
    #[arg(long, value_name = "TEXT", requires = "against")]
    ready: Option<String>,
    /// Measure only without an agent, to see the machine's noise
    #[arg(long, conflicts_with_all = ["against", "idle", "all"])]
    off: bool,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        let operations = self.operations()?;
        let loads = if self.has_loads() { loads::named(&self.load)? } else { Vec::new() };
        let peers: Vec<_> = self.against.iter().map(|peer| Peer::named(peer, self.ready.clone())).collect();
        // The run through sudo neither builds nor unpacks again: the user's run has just done both, and root would
        // leave root's files in the tree.
        if env::var_os("SUDO_UID").is_none() {
            if !self.off {
                build::release()?;
            }
            let peers = peers.iter().flat_map(Peer::programs).copied();
            setup::offer(&loads::programs(&loads).into_iter().chain(peers).collect::<Vec<_>>());
        }
        if !command::is_root() && (!self.off || !loads.is_empty()) {
            return Err(again_as_root());
        }
        let agents = self.agents(&peers)?;
        let mut outcome = Outcome::begin(&agents);
        let measured = self.measure(&operations, &loads, &agents, &mut outcome);
        // What was measured before a failure is shown, too: a sitting takes long.
        print!("{outcome}");
        measured?;
        let write = |file: &Option<PathBuf>, text: &dyn Fn() -> String| match file {
            None => Ok(()),
            Some(file) => fs::write(file, text()).with_context(|| format!("cannot write {}", file.display())),
        };
        write(&self.json, &|| outcome.to_json())?;
        write(&self.markdown, &|| outcome.to_markdown())?;
        if self.bless {
            document::write(&outcome.to_markdown())?;
        }
        Ok(())
    }

    fn has_loads(&self) -> bool {
        self.all || self.loads || !self.load.is_empty()
    }

    /// Returns the operations to measure.
    fn operations(&self) -> Result<Vec<&'static Operation>> {
        if (self.has_loads() || self.idle) && !self.all {
            return Ok(Vec::new());
        }
        let is_wanted = |operation: &&Operation| {
            self.only.as_ref().is_none_or(|only| operation.name.contains(only.as_str()))
        };
        let operations: Vec<_> = ALL.iter().filter(is_wanted).collect();
        if operations.is_empty() {
            let names: Vec<_> = ALL.iter().map(|operation| operation.name).collect();
            bail!("no operation has that in its name; there are: {}", names.join(", "));
        }
        Ok(operations)
    }

    /// Returns the agents to measure: none with `--off`, else minerwatch and the peers. A peer that does not see what
    /// happens on this host is an error.
    fn agents(&self, peers: &[Peer]) -> Result<Vec<Launch>> {
        if self.off {
            return Ok(Vec::new());
        }
        let mut agents = vec![Launch::minerwatch(command::target_dir().join("release/minerwatch"))];
        for peer in peers {
            let mut launch = peer.verified()?;
            // Another build of minerwatch has its name, too.
            let namesakes =
                agents.iter().filter(|agent: &&Launch| agent.name.starts_with(&launch.name)).count();
            if namesakes > 0 {
                launch.name = format!("{} ({})", launch.name, namesakes + 1);
            }
            agents.push(launch);
        }
        Ok(agents)
    }

    fn measure(
        &self,
        operations: &[&'static Operation],
        loads: &[&'static Kind],
        agents: &[Launch],
        outcome: &mut Outcome,
    ) -> Result<()> {
        let time = Duration::from_secs(self.seconds);
        loads::measure(loads, agents, self.pairs.into(), &mut outcome.loads)?;
        if self.all || self.idle {
            idle::measure(agents, time, self.processes.into(), &mut outcome.idle)?;
        }
        if operations.is_empty() {
            return Ok(());
        }
        // Only now, because loads and agents use all CPUs.
        measure::pin_to_one_cpu()?;
        let report = outcome.operations.insert(Report::new(operations, &outcome.agents));
        operations::measure(operations, agents, ROUNDS, time, report)?;
        for agent in agents {
            outcome.details.push(operations::details(operations, agent, ROUNDS, time)?);
        }
        Ok(())
    }
}

/// Replaces this process by the same command, started through sudo. Returns only on failure.
fn again_as_root() -> Error {
    let become_root = || -> Result<Error> {
        let mut again =
            command::as_root("env").context("measuring an agent needs root: install sudo, or be root")?;
        if let Some(dir) = env::var_os("CARGO_TARGET_DIR") {
            again.arg(format!("CARGO_TARGET_DIR={}", dir.to_string_lossy()));
        }
        again
            .arg(env::current_exe().context("cannot tell where this executable is")?)
            .args(env::args_os().skip(1));
        Ok(Error::from(again.exec()).context("cannot start sudo"))
    };
    become_root().unwrap_or_else(|error| error)
}
