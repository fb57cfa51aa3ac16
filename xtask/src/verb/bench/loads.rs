//! Measures whole-host loads with the agents off and on by turns.

mod commands;
mod compile;
mod kinds;
mod nginx;
mod postgres;
mod redis;
mod report;

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::agent::{Agent, Launch};
use super::stage::Stage;
use super::turns::{self, Turn};
use crate::verb::setup;
pub use kinds::{Kind, named};
pub use report::Report;
use report::{Outcome, Row, Times};

/// The time between the start of an agent, or its end, and the load.
const SETTLE: Duration = Duration::from_secs(1);
/// The part of a turn's work that is done before it, uncounted, so that caches are warm.
const WARM_UP: u32 = 5;

/// Measures each load in `rounds` rounds, in which every contender has one turn, and adds it to the report. A load that
/// does not work is skipped with the reason. An agent that fails is an error.
pub fn measure(kinds: &[&Kind], agents: &[Launch], rounds: usize, report: &mut Report) -> Result<()> {
    for kind in kinds {
        eprintln!("bench: load {}, {rounds} rounds", kind.name);
        let outcome = match missing(kind) {
            Some(program) => Outcome::Skipped(format!("{program} is not installed")),
            None => one(kind, agents, rounds)?,
        };
        if let Outcome::Skipped(reason) = &outcome {
            eprintln!("bench: load {} is skipped: {reason}", kind.name);
        }
        report.push(Row { name: kind.name, unit: kind.unit, outcome });
        // A sitting takes long: each load is shown when it is done.
        if let Some(row) = report.last() {
            eprintln!("bench: {row}");
        }
    }
    Ok(())
}

/// Returns the names of the programs that these loads need.
pub fn programs(kinds: &[&Kind]) -> Vec<&'static str> {
    kinds.iter().flat_map(|kind| kind.programs).copied().collect()
}

fn missing(kind: &Kind) -> Option<&'static str> {
    kind.programs.iter().copied().find(|program| setup::program(program).is_none())
}

/// Measures one load.
fn one(kind: &Kind, agents: &[Launch], rounds: usize) -> Result<Outcome> {
    let stage = Stage::open()?;
    let mut load = match (kind.start)(&stage) {
        Ok(load) => load,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let mut run = |amount: u32| load.run(amount.max(1)).map(|seconds| seconds / f64::from(amount.max(1)));
    if let Err(error) = run(kind.amount) {
        return Ok(Outcome::Skipped(format!("{error:#}")));
    }
    let mut times = Times { off: Vec::new(), on: vec![Vec::new(); agents.len()] };
    for round in 0..rounds {
        for turn in turns::of_round(round, agents.len()) {
            let agent = match turn {
                Turn::Off => None,
                Turn::Agent(index) => Some(Agent::start(&agents[index])?),
            };
            thread::sleep(SETTLE);
            let measured = run(kind.amount / WARM_UP).and_then(|_| run(kind.amount));
            agent.map(Agent::stop).transpose()?;
            let each = match measured {
                Ok(each) => each,
                Err(error) => return Ok(Outcome::Skipped(format!("round {}: {error:#}", round + 1))),
            };
            match turn {
                Turn::Off => times.off.push(each),
                Turn::Agent(index) => times.on[index].push(each),
            }
        }
    }
    Ok(Outcome::Measured(times))
}
