//! Every alert arrives, although the server fails in every way and the agent's delivery is killed at random.
//!
//! The program `shipper` runs the output, in a process of its own that can be killed. Each server is a [`Receiver`].

mod bulk_server;
mod collectors;
mod disks;
mod elasticsearch;
mod process;
mod syslog;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant, SystemTime},
};

use minerwatch_tests::{Scratch, notes::note, receiver::Fault, require::full};

use self::process::{Load, Shipping};

/// Pause between two looks at everything.
const LOOK: Duration = Duration::from_millis(10);

/// Time for one fault to be met, and for the delivery of the rest.
const LATE: Duration = Duration::from_secs(75);

/// Memory that the process may use. The queue alone may have 8 MiB.
const MAX_MEMORY: u64 = 48 << 20;

/// A server that fails as it is told.
trait Receiver {
    /// Words in front of the command that runs the output.
    fn wrapper(&self) -> Vec<String> {
        Vec::new()
    }

    /// The section of the configuration, without `spool_max_mib`.
    fn section(&self, scratch: &Scratch) -> String;

    /// The faults that it can imitate.
    fn faults(&self) -> Vec<Fault>;

    /// Begins a fault, or ends it with `None`.
    fn set_fault(&mut self, fault: Option<Fault>, scratch: &Scratch);

    /// A number that grows while the server works well.
    fn taken(&self) -> u64;

    /// Number of times that the output met a fault, if the server can tell.
    fn failed(&self) -> Option<u64>;

    /// How often each alert arrived. A server that recognizes ids takes each once.
    fn alerts(&self) -> BTreeMap<String, u64>;

    /// What else is to be told in the notes.
    fn summary(&self) -> String;
}

/// What happens.
#[derive(Clone, Copy)]
struct Plan {
    load: Load,
    spool_mib: u64,
    /// Length of each fault, and of the absence.
    fault: Duration,
    away: Duration,
    kills: usize,
}

impl Plan {
    /// A plan for the default run, or for the full one.
    fn of_this_run() -> Self {
        let long = full();
        Self {
            load: Load { batches: 200, alerts: 500, events: if long { 100_000 } else { 20_000 } },
            spool_mib: if long { 128 } else { 64 },
            fault: Duration::from_millis(if long { 2_000 } else { 300 }),
            away: Duration::from_secs(if long { 10 } else { 1 }),
            kills: 5,
        }
    }
}

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    kills: usize,
    largest_file: u64,
    largest_memory: u64,
    alerts_dropped: u64,
    events_dropped: u64,
    dead_letters: u64,
}

/// Random numbers (xorshift). The seed is in the notes.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(now.as_secs() << 32 | u64::from(now.subsec_nanos()) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}

/// Runs a plan, and checks what must hold at every moment. What arrived is checked by the caller.
fn run(test: &str, receiver: &mut dyn Receiver, plan: Plan) -> Seen {
    let scratch = Scratch::new();
    let section = format!("{}spool_max_mib = {}\n", receiver.section(&scratch), plan.spool_mib);
    let mut random = Random::new();
    let start = random.0;
    let mut shipping = Shipping::start(receiver.wrapper(), &scratch, &section, plan.load);
    let mut seen = Seen::default();
    let faults = receiver.faults();
    // Each kill comes at a random time after the beginning of some fault.
    let mut kills: Vec<(usize, Duration)> = (0..plan.kills)
        .map(|_| {
            let longest = u64::try_from(plan.fault.as_millis()).unwrap_or(u64::MAX) * 2;
            (random.index(faults.len()), Duration::from_millis(random.below(longest)))
        })
        .collect();
    // Batches until a number of half faults. The first half of a fault's part meets the fault, and the second half its end.
    let until = |halves: usize| halves as u64 * plan.load.batches / (2 * faults.len() as u64);
    let begin = Instant::now();
    for (number, fault) in faults.iter().copied().enumerate() {
        let begin = Instant::now();
        let length = if fault == Fault::Away { plan.away } else { plan.fault };
        let (failed, mut taken) = (receiver.failed(), None);
        receiver.set_fault(Some(fault), &scratch);
        shipping.allow(until(2 * number + 1));
        loop {
            thread::sleep(LOOK);
            shipping.look(&mut seen, plan, start);
            if let Some(at) = kills.iter().position(|kill| kill.0 == number && kill.1 <= begin.elapsed()) {
                kills.remove(at);
                shipping.kill_and_restart(&mut seen);
            }
            // A server that is away cannot tell.
            let is_met = matches!(fault, Fault::Killed | Fault::Away)
                || receiver.failed().is_none_or(|now| Some(now) > failed);
            assert!(begin.elapsed() < LATE, "{fault:?} is not over (seed {start}): {shipping}");
            match taken {
                None if begin.elapsed() >= length && is_met => {
                    receiver.set_fault(None, &scratch);
                    taken = Some(receiver.taken());
                    shipping.allow(until(2 * number + 2));
                }
                // The next fault comes when the server has taken something, and the kills of this one are over.
                Some(before) if receiver.taken() > before && kills.iter().all(|kill| kill.0 != number) => {
                    break;
                }
                _ => {}
            }
        }
    }
    let rest = Instant::now();
    while !shipping.has_delivered() {
        assert!(rest.elapsed() < LATE, "the rest is not delivered (seed {start}): {shipping}");
        thread::sleep(LOOK);
        shipping.look(&mut seen, plan, start);
    }
    shipping.end(&mut seen);
    seen.dead_letters = shipping.dead_letters();
    note(&format!(
        "{test}: {:.0} s, {} kills, largest spool {} KiB, memory {} KiB, events dropped {}; {} (seed {start})",
        begin.elapsed().as_secs_f64(),
        seen.kills,
        seen.largest_file >> 10,
        seen.largest_memory >> 10,
        seen.events_dropped,
        receiver.summary(),
    ));
    assert_eq!(seen.kills, plan.kills);
    assert_eq!(seen.alerts_dropped, 0);
    assert!(seen.largest_memory < MAX_MEMORY, "{seen:?}");
    seen
}

/// Checks that every alert of a plan arrived. Returns how often one arrived again.
fn check_alerts(receiver: &dyn Receiver, plan: Plan) -> u64 {
    let alerts = receiver.alerts();
    let missing: Vec<String> = (0..plan.load.alerts)
        .map(|number| format!("a-{number}"))
        .filter(|id| !alerts.contains_key(id))
        .collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert_eq!(alerts.len() as u64, plan.load.alerts);
    alerts.values().map(|times| times - 1).sum()
}
