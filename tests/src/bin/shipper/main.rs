//! Runs the network outputs of a configuration as the daemon does, without the daemon: alerts go through the spool, and
//! events through the queue. A test kills it and starts it again.
//!
//! The load is a row of batches. Each line of standard input allows the batches up to a number. After a kill, the next
//! run gets the number of the batch to go on with, and hands over all alerts of the earlier ones again, as the daemon
//! does with its outbox. The end of standard input ends the program.

use std::{
    env, fs,
    io::{self, BufRead as _},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use minerwatch::{
    config::Config,
    output::{Batch, Class, SpooledAlert, Worker},
};
use serde_json::{Map, Value, json};

const USAGE: &str = "usage: shipper CONFIGURATION STATE BATCHES ALERTS EVENTS FIRST";

/// Pause between two batches.
const PACE: Duration = Duration::from_millis(15);

/// Pause between two reports on standard output.
const REPORT: Duration = Duration::from_millis(50);

/// Number of alerts that are handed over at once.
const GROUP: usize = 50;

/// One event in this many is one that the server refuses for ever.
const POISON: u64 = 5_000;

/// Time for the outputs to end.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shipper: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, state, numbers @ ..] = arguments.as_slice() else { anyhow::bail!(USAGE) };
    let numbers: Vec<u64> =
        numbers.iter().map(|text| text.parse()).collect::<Result<_, _>>().context(USAGE)?;
    let [batches, alerts, events, first] = *numbers.as_slice() else { anyhow::bail!(USAGE) };
    let load = Load { batches, alerts, events };
    let text = fs::read_to_string(path).with_context(|| path.clone())?;
    let config = Config::parse(&text, Path::new(path))?;
    let mut workers = Vec::new();
    for settings in config.sink.all() {
        let mut worker = Worker::open(settings, Path::new(state))?;
        // Standard output is always configured.
        if worker.spool().is_some() {
            worker.start()?;
            workers.push(worker);
        }
    }
    let shared = Arc::new(Allowed::default());
    let reader = Arc::clone(&shared);
    thread::spawn(move || reader.read());
    ship(&mut workers, load, first, &shared);
    workers.iter_mut().for_each(Worker::close);
    let end = Instant::now() + GRACE;
    while !workers.iter().all(Worker::has_ended) {
        anyhow::ensure!(Instant::now() < end, "an output does not end");
        thread::sleep(PACE);
    }
    report(&workers, load.batches);
    Ok(())
}

/// What standard input has said.
#[derive(Default)]
struct Allowed {
    batches: AtomicU64,
    ends: AtomicBool,
}

impl Allowed {
    fn read(&self) {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            self.batches.store(line.trim().parse().unwrap_or(0), Ordering::Relaxed);
        }
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// What is sent in all.
#[derive(Clone, Copy)]
struct Load {
    batches: u64,
    alerts: u64,
    events: u64,
}

impl Load {
    /// The first number of a batch, of `all` numbers.
    fn first(self, batch: u64, all: u64) -> u64 {
        batch.min(self.batches) * all / self.batches.max(1)
    }
}

/// Hands over what is allowed, and reports, until standard input ends.
fn ship(workers: &mut [Worker], load: Load, first: u64, allowed: &Allowed) {
    let earlier: Vec<SpooledAlert> = (0..load.first(first, load.alerts)).map(alert).collect();
    earlier.chunks(GROUP).for_each(|group| hand_over(workers, group));
    let mut batch = first;
    let mut reported = Instant::now();
    report(workers, batch);
    while !allowed.ends.load(Ordering::Relaxed) {
        if batch < allowed.batches.load(Ordering::Relaxed).min(load.batches) {
            let numbers = |all| load.first(batch, all)..load.first(batch + 1, all);
            let lines: String = numbers(load.events).map(event).collect();
            for worker in &mut *workers {
                worker.add_event(lines.as_bytes());
                worker.flush();
            }
            hand_over(workers, &numbers(load.alerts).map(alert).collect::<Vec<_>>());
            batch += 1;
        }
        if reported.elapsed() > REPORT {
            report(workers, batch);
            reported = Instant::now();
        }
        thread::sleep(PACE);
    }
}

/// Hands alerts to every output as the daemon's journal does.
fn hand_over(workers: &[Worker], alerts: &[SpooledAlert]) {
    for worker in workers.iter().filter(|_| !alerts.is_empty()) {
        let queue = worker.queue();
        if worker.spool().is_some_and(|spool| spool.add_alerts(alerts).is_ok()) {
            queue.wake();
        } else {
            for alert in alerts {
                queue.push(Batch::new(Class::Alert, alert.line.clone()));
            }
        }
    }
}

/// Writes what was handed over, and the counters of the outputs.
fn report(workers: &[Worker], batch: u64) {
    let mut outputs = Map::new();
    for worker in workers {
        let counters = worker.counters();
        let spool = counters.spool.unwrap_or_default();
        let value = json!({
            "alerts": counters.alerts,
            "events": counters.events,
            "alerts_dropped": counters.alerts_dropped,
            "events_dropped": counters.events_dropped,
            "refused": counters.refused,
            "failures": counters.failures,
            "last_error": counters.last_error,
            "waiting": counters.waiting + spool.alerts + spool.events,
            "waiting_alerts": worker.queue().alerts() + spool.alerts,
            "spool_failures": spool.failures,
            "spool_damaged": spool.damaged,
        });
        outputs.insert(worker.name().to_owned(), value);
    }
    println!("{}", json!({ "batch": batch, "outputs": Value::Object(outputs) }));
}

fn alert(number: u64) -> SpooledAlert {
    let line = format!(
        "{}\n",
        json!({
            "@timestamp": "2026-11-28T20:22:55.052517630Z",
            "event": {"id": format!("a-{number}"), "kind": "alert", "action": "incident-opened", "severity": 95},
            "host": {"name": "demo"},
            "message": format!("alert {number}: {}", "a process mines. ".repeat(10)),
            "minerwatch": {"incident": {"id": format!("i-{number}")}},
        })
    );
    SpooledAlert { id: number + 1, line: line.into() }
}

fn event(number: u64) -> String {
    let poison = if number % POISON == POISON - 1 { ",\"poison\":true" } else { "" };
    format!(
        "{{\"@timestamp\":\"2026-11-28T20:22:55.1Z\",\"event\":{{\"id\":\"e-{number}\",\"kind\":\"event\",\"action\":\"exec\"}},\
         \"host\":{{\"name\":\"demo\"}},\"process\":{{\"pid\":{number},\"executable\":\"/usr/bin/true\",\"command_line\":\
         \"true --some --arguments --of --an --ordinary --length {number}\",\"parent\":{{\"pid\":1,\"name\":\"systemd\"}}}}\
         {poison}}}\n"
    )
}
