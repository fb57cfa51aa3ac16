//! Measures the CPU time and the memory of the agents while nothing happens on the host.

mod host;
mod memory;
mod threads;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::agent::{Agent, Launch};
use super::stage::Stage;
use super::table::Table;
use host::{Activity, Host};
use memory::Memory;
use threads::Thread;

/// The time after which a started agent counts as idle: its start and its first look at the host are over.
const SETTLE: Duration = Duration::from_secs(15);

/// One agent on an idle host.
pub struct Idle {
    agent: String,
    elapsed: Duration,
    processes: u32,
    threads: Vec<Thread>,
    memory: Memory,
    activity: Activity,
}

/// Measures each agent for `length`, beside this many sleeping processes, and adds it to the results.
pub fn measure(agents: &[Launch], length: Duration, processes: u32, results: &mut Vec<Idle>) -> Result<()> {
    let stage = Stage::open()?;
    if processes > 0 {
        eprintln!("bench: starting {processes} sleeping processes");
        sleepers(&stage, processes)?;
    }
    for launch in agents {
        results.push(one(launch, length, processes)?);
    }
    Ok(())
}

/// Starts sleeping processes. They end with the stage.
fn sleepers(stage: &Stage, count: u32) -> Result<()> {
    let script = "i=0; while [ $i -lt $1 ]; do sleep 7200 >/dev/null 2>&1 & i=$((i+1)); done; echo $i";
    let (said, _) = stage.run("sh", &["-c", script, "sleepers", &count.to_string()])?;
    ensure!(said.trim() == count.to_string(), "only {} of {count} processes could be started", said.trim());
    Ok(())
}

fn one(launch: &Launch, length: Duration, processes: u32) -> Result<Idle> {
    let agent = Agent::start(launch)?;
    eprintln!("bench: {} idle, for {} s", launch.name, (SETTLE + length).as_secs());
    thread::sleep(SETTLE);
    let (threads, host, start) = (threads::of(agent.pid())?, Host::now()?, Instant::now());
    thread::sleep(length);
    let elapsed = start.elapsed();
    let threads = threads::since(&threads, threads::of(agent.pid())?);
    let activity = Activity::between(&host, &Host::now()?, elapsed);
    let memory = Memory::of(agent.pid())?;
    agent.stop()?;
    Ok(Idle { agent: launch.name.clone(), elapsed, processes, threads, memory, activity })
}

impl Idle {
    fn a_second(&self, amount: u64) -> f64 {
        amount as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the run time of these threads as a share of one CPU.
    fn share<'a>(&self, threads: impl IntoIterator<Item = &'a Thread>) -> f64 {
        self.a_second(threads.into_iter().map(|thread| thread.nanoseconds).sum()) / 1e9
    }

    /// Returns the figures as JSON. Names of fields end in their unit.
    pub fn json(&self) -> Value {
        let threads = self.threads.iter().map(|thread| {
            json!({
                "name": thread.name, "cpu_share": self.share([thread]),
                "wake_ups_a_second": self.a_second(thread.wake_ups),
            })
        });
        json!({
            "agent": self.agent, "seconds": self.elapsed.as_secs_f64(), "sleeping_processes": self.processes,
            "cpu_share": self.share(&self.threads), "threads": threads.collect::<Value>(),
            "memory": self.memory.json(), "host": self.activity.json(),
        })
    }
}

/// Returns the table of all agents, and one of the threads of each.
pub fn tables(all: &[Idle]) -> Vec<Table> {
    let mut tables = Vec::new();
    if all.is_empty() {
        return tables;
    }
    let mut table = Table::new(
        [
            "idle",
            "of one CPU",
            "wake-ups/s",
            "resident",
            "kernel maps",
            "programs",
            "memory in all",
            "forks/s",
            "switches/s",
            "host busy",
        ]
        .map(String::from),
    );
    for idle in all {
        let Idle { memory, activity, .. } = idle;
        let wake_ups = idle.threads.iter().map(|thread| thread.wake_ups).sum();
        table.push([
            idle.agent.clone(),
            format!("{:.3} %", idle.share(&idle.threads) * 100.0),
            format!("{:.1}", idle.a_second(wake_ups)),
            memory::mib(memory.resident),
            memory::mib(memory.maps),
            memory::mib(memory.programs),
            memory::mib(memory.total()),
            format!("{:.1}", activity.forks),
            format!("{:.0}", activity.switches),
            format!("{:.1} %", activity.busy * 100.0),
        ]);
    }
    tables.push(table);
    for idle in all {
        let head = [format!("threads of {}", idle.agent)];
        let rest = ["of one CPU", "wake-ups/s", "a wake-up"].map(String::from);
        let mut table = Table::new(head.into_iter().chain(rest));
        for thread in &idle.threads {
            let each = match thread.wake_ups {
                0 => "-".to_owned(),
                count => super::format::duration(thread.nanoseconds as f64 / count as f64),
            };
            table.push([
                thread.name.clone(),
                format!("{:.3} %", idle.share([thread]) * 100.0),
                format!("{:.1}", idle.a_second(thread.wake_ups)),
                each,
            ]);
        }
        tables.push(table);
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_one_cpu() {
        let thread = |name: &str, milliseconds: u64, wake_ups| Thread {
            id: 1,
            name: name.into(),
            nanoseconds: milliseconds * 1_000_000,
            wake_ups,
        };
        let idle = Idle {
            agent: "minerwatch".into(),
            elapsed: Duration::from_secs(10),
            processes: 0,
            threads: vec![thread("main", 20, 40), thread("sampler", 5, 0)],
            memory: Memory { resident: 20 << 20, maps: 16 << 20, programs: 1 << 20, shared: 10 << 20 },
            activity: Activity { forks: 0.5, switches: 300.0, busy: 0.03 },
        };
        let tables: Vec<_> = tables(&[idle]).iter().map(Table::text).collect();
        let row: Vec<_> =
            tables[0].lines().nth(1).unwrap().split("  ").filter(|cell| !cell.is_empty()).collect();
        let expected = [
            "minerwatch",
            "0.250 %",
            "4.0",
            "20.0 MiB",
            "16.0 MiB",
            "1.0 MiB",
            "27.0 MiB",
            "0.5",
            "300",
            "3.0 %",
        ];
        assert_eq!(row.iter().map(|cell| cell.trim()).collect::<Vec<_>>(), expected);
        assert!(tables[1].contains("0.200 %") && tables[1].contains("500 µs"), "{}", tables[1]);
    }
}
