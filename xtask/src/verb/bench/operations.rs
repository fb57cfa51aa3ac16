//! Measures single operations with the agents off and on by turns, and each agent's own figures.

use std::time::Duration;

use anyhow::Result;
use xtask::operations::Operation;

use super::agent::{Agent, Launch};
use super::details::{Details, Ends, Stream};
use super::report::Report;
use super::turns::{self, Turn};
use super::{latency, measure, programs, throughput};

/// Measures the operations in `rounds` rounds of equal length, in which every contender has one turn, and adds them to
/// the report. All rounds together take `time`.
pub fn measure(
    operations: &[&Operation],
    agents: &[Launch],
    rounds: usize,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let turn = turn_length(agents, rounds, time);
    for round in 0..rounds {
        eprintln!("bench: operations, round {} of {rounds}", round + 1);
        for whose in turns::of_round(round, agents.len()) {
            match whose {
                Turn::Off => report.off(measure::turn(operations, turn)?),
                Turn::Agent(index) => {
                    let agent = Agent::start(&agents[index])?;
                    report.on(index, measure::turn(operations, turn)?);
                    agent.stop()?;
                }
            }
        }
    }
    Ok(())
}

/// Measures the agent's programs and its latency, and the throughput of minerwatch.
pub fn details(operations: &[&Operation], launch: &Launch, rounds: usize, time: Duration) -> Result<Details> {
    let turn = turn_length(std::slice::from_ref(launch), rounds, time);
    eprintln!("bench: the programs of {}", launch.name);
    let agent = Agent::start(launch)?;
    let figures = programs::during(agent.pid(), || measure::turn(operations, turn).map(drop))?;
    agent.stop()?;
    eprintln!("bench: its latencies");
    let latencies = match &launch.minerwatch {
        Some(program) => (Ends::CallToAlert, latency::measure(program.clone())?),
        None => (Ends::StartToLine, latency::measure_marked(launch)?),
    };
    let stream = match &launch.minerwatch {
        Some(program) => {
            eprintln!("bench: its lines, its engine");
            Some(Stream {
                steps: throughput::measure(program.clone())?,
                engine: throughput::engine(program, || measure::turn(operations, turn).map(drop))?,
            })
        }
        None => None,
    };
    Ok(Details { agent: launch.name.clone(), programs: figures, latencies, stream })
}

fn turn_length(agents: &[Launch], rounds: usize, time: Duration) -> Duration {
    let turns = rounds * (1 + agents.len());
    time / u32::try_from(turns).unwrap_or(u32::MAX).max(1)
}
