//! C1: the arithmetic of RandomX.
//!
//! RandomX changes the rounding mode every few instructions, to a mode chosen by its data, so that all four modes are
//! equally frequent. On `x86_64`, it also flushes subnormal numbers to zero all the time (its reference implementation
//! writes 0x9FC0 | mode << 13 into MXCSR). The kernel side samples threads as they leave a CPU; each sample is a look.
//! This detector judges the looks of a window together. A single look proves nothing, because the library restores the
//! mode between two hashes. A burst proves little: some programs derive a key with one hash, and a miner goes on.

mod gathered;
mod nodes;

use std::time::Duration;

use self::{gathered::Gatherings, nodes::Nodes};
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{
        BootTime, ControlRegister, EventBody, EventType, ProcessKey, Request, Rounding, RoundingCounts,
        Signal, SignalClass,
    },
};

/// Minimum number of looks in a directed mode: rounding down, up or toward zero. RandomX is in a directed mode in two
/// of three looks, so a full-time worker needs 24 looks.
const LOOKS: u64 = 16;
/// Minimum number of looks in a directed mode if subnormal numbers are not flushed to zero. Half of the evidence is
/// missing then.
const LOOKS_WITHOUT_FLUSHING: u64 = 48;
/// Minimum number of looks in a directed mode, and minimum time from the first to the last, from which all modes without
/// the flushing decide alone. Tests of a library end.
const LOOKS_OF_LONG_WORK: u64 = 2_000;
/// See [`LOOKS_OF_LONG_WORK`].
const LONG_WORK: Duration = Duration::from_secs(300);
/// Minimum share of each directed mode in long work. `RandomX` gives each a third.
const SHARE_IN_LONG_WORK: f64 = 0.28;
/// Minimum share of each directed mode among the looks in a directed mode. RandomX gives each a third; interval
/// arithmetic uses only two of the three modes.
const SHARE_OF_EACH: f64 = 0.15;
/// Minimum number of looks in each directed mode, so that a few looks do not decide.
const LOOKS_OF_EACH: u64 = 4;
/// Minimum time from the first to the latest look in a directed mode from which the arithmetic decides. Deriving a key
/// takes less.
const LEAST_SPELL: Duration = Duration::from_secs(1);
/// Pause between two looks in a directed mode after which the second begins a new spell of work.
const BREAK: Duration = Duration::from_secs(60);
/// Length of a window. Older evidence no longer counts. A worker that hashes for one hundredth of its time gathers
/// enough evidence in one window.
const WINDOW: Duration = Duration::from_secs(600);
/// Minimum time between two reports of the same process.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// Duration of close sampling, in which the sampler visits an undecided process more often.
const CLOSE_SAMPLING: Duration = Duration::from_secs(10);
/// Pause after the first close sampling. The pause doubles after each close sampling that decided nothing.
const FIRST_PAUSE: Duration = Duration::from_secs(20);
/// Maximum pause after a close sampling.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Maximum number of tracked processes with a rounding mode other than round-to-nearest.
const PROCESSES: usize = 1_024;
/// The evidence that marks the weak form of a burst.
const BURST: &str = "burst";

/// The signal. The full form is conclusive: apart from RandomX, no known program uses all three directed modes evenly
/// while it flushes subnormal numbers to zero. Without the flushing, on a processor where RandomX flushes, a
/// mathematical library under test looks the same, so the weak form leads to "noted" at most. A burst of RandomX that
/// may end at once has the weak form too, marked as such (see [`is_burst`]).
pub const ROUNDING_MODES: SignalInfo = SignalInfo {
    id: "C1",
    class: SignalClass::Compute,
    weight: 50,
    full_weight: 100,
    kind: SignalKind::Mining,
    name: "Arithmetic of RandomX",
    description: "The process's threads change their rounding mode all the time, evenly among all modes: the algorithm of Monero and its relatives does so by design, whatever the program is called and wherever it connects.",
    catches: "RandomX itself: encrypted, renamed, throttled or offline.",
    techniques: &["T1496.001"],
};

/// The same arithmetic in a node, which verifies blocks. The kind is a sign and not mining, because a node need not mine.
pub const NODE_ARITHMETIC: SignalInfo = SignalInfo {
    id: "C1N",
    weight: 50,
    full_weight: 50,
    kind: SignalKind::Sign,
    name: "Arithmetic of RandomX in a node",
    description: "The process does the arithmetic of RandomX and also talks to several peers as the nodes of Monero and its relatives do. Nodes verify each block with this arithmetic, so it does not show that the process mines.",
    catches: "A node of Monero that nobody asked for, or that mines by itself.",
    ..ROUNDING_MODES
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[ROUNDING_MODES, NODE_ARITHMETIC],
    wants: &[EventType::Rounding, EventType::Payload, EventType::Exit],
    evictions: Some("rounding_evicted"),
    create: |_| {
        Box::new(RoundingModes {
            processes: BoundedMap::new(PROCESSES),
            gatherings: Gatherings::new(),
            nodes: Nodes::new(),
        })
    },
};

/// The rounding modes of one process, and when the detector acted on them.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// The start of the window; `base` holds the counters at that time.
    since: BootTime,
    base: Rounding,
    latest: Rounding,
    reported: Option<BootTime>,
    /// The current spell of work: the times of its first and latest look in a directed mode of RandomX.
    spell: Option<(BootTime, BootTime)>,
    /// When a burst was last noted.
    noted: Option<BootTime>,
    /// The start of even work without flushing; `even_base` holds the counters at that time.
    even_since: Option<BootTime>,
    even_base: RoundingCounts,
    /// The earliest start of the next close sampling; `pause` is the pause after it.
    sample_from: BootTime,
    pause: Duration,
}

/// What the looks of a window show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// The modes of RandomX.
    Hashing(RoundingCounts),
    /// The same, for less than [`LEAST_SPELL`] so far.
    Burst(RoundingCounts),
    /// All modes in turn, without the flushing to zero that belongs to RandomX.
    AllModes(RoundingCounts),
    /// The same, for longer than a test takes.
    LongWork(RoundingCounts),
    /// More looks may show `Hashing` or `AllModes`.
    Undecided,
    /// Modes that are not used as RandomX uses them, such as interval arithmetic or a mode set once.
    Other,
}

/// The processes that were found in a directed mode.
#[derive(Debug)]
struct RoundingModes {
    processes: BoundedMap<ProcessKey, Watched>,
    gatherings: Gatherings,
    nodes: Nodes,
}

impl Detector for RoundingModes {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Rounding(rounding) => self.report(context, rounding, findings),
            EventBody::Payload(payload) => self.nodes.note(context.key(), payload),
            EventBody::Exit(_) => {
                self.processes.remove(&context.key());
                self.nodes.forget(&context.key());
            }
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.processes.evicted() + self.gatherings.evicted() + self.nodes.evicted()
    }
}

impl RoundingModes {
    fn report(&mut self, context: &DetectionContext<'_>, rounding: &Rounding, findings: &mut Findings) {
        let (key, now) = (context.key(), context.at());
        let watched = self.processes.entry(&key, || Watched::new(rounding.register, now));
        let before = watched.look(*rounding, now);
        watched.follow_even_work(now);
        let judgement = watched.judgement(now);
        let decides = matches!(judgement, Judgement::Hashing(_) | Judgement::LongWork(_));
        if !decides && self.gather(context, &before, rounding, findings) {
            return;
        }
        let Some(watched) = self.processes.get_mut(&key) else { return };
        let counts = match judgement {
            Judgement::Hashing(counts) | Judgement::LongWork(counts) | Judgement::AllModes(counts) => counts,
            Judgement::Burst(_) | Judgement::Undecided => {
                if watched.may_be_sampled(now) {
                    findings.request(Request::SampleRounding { process: key, span: CLOSE_SAMPLING });
                }
                if let Judgement::Burst(counts) = judgement
                    && watched.may_be_noted(now)
                {
                    let seconds = now.since(watched.since).as_secs_f64();
                    let info = self.signal_of(&key);
                    let found = finding(info, context, rounding.register, &counts, true, seconds);
                    findings.push(found.value(BURST, true));
                }
                return self.move_window(&key, now);
            }
            Judgement::Other => return watched.move_window(now),
        };
        if watched.is_reported(now) {
            return;
        }
        let seconds = now.since(watched.since).as_secs_f64();
        watched.decided(now);
        let flushes = matches!(judgement, Judgement::Hashing(_));
        let found = finding(self.signal_of(&key), context, rounding.register, &counts, flushes, seconds);
        let is_full = decides && !self.nodes.contains(&key);
        findings.push(if is_full { found.full().conclusive() } else { found });
    }

    fn signal_of(&self, process: &ProcessKey) -> SignalInfo {
        if self.nodes.contains(process) { NODE_ARITHMETIC } else { ROUNDING_MODES }
    }

    fn move_window(&mut self, process: &ProcessKey, now: BootTime) {
        if let Some(watched) = self.processes.get_mut(process) {
            watched.move_window(now);
        }
    }

    /// Judges the new looks of a process together with those of related processes. Returns whether they decide.
    fn gather(
        &mut self,
        context: &DetectionContext<'_>,
        before: &Rounding,
        rounding: &Rounding,
        findings: &mut Findings,
    ) -> bool {
        if self.nodes.contains(&context.key()) {
            return false;
        }
        let Some(together) = self.gatherings.add(context, before, rounding) else { return false };
        let seconds = together.lasted.as_secs_f64();
        let found = finding(ROUNDING_MODES, context, rounding.register, &together.counts, true, seconds);
        findings.push(found.full().conclusive().value("processes", together.processes));
        true
    }
}

impl Watched {
    /// Creates an entry whose window begins before the first look, because the first report counts looks from just
    /// before it.
    fn new(register: ControlRegister, now: BootTime) -> Self {
        let nothing =
            Rounding { register, flushing: RoundingCounts::default(), plain: RoundingCounts::default() };
        Self {
            since: now,
            base: nothing,
            latest: nothing,
            reported: None,
            spell: None,
            noted: None,
            even_since: None,
            even_base: RoundingCounts::default(),
            sample_from: now,
            pause: FIRST_PAUSE,
        }
    }

    /// Replaces the counters, and follows the spell of work. Returns the counters before.
    fn look(&mut self, latest: Rounding, now: BootTime) -> Rounding {
        let before = std::mem::replace(&mut self.latest, latest);
        let mut new = latest.flushing.since(&before.flushing);
        if latest.register == ControlRegister::Fpcr {
            new = new.plus(&latest.plain.since(&before.plain));
        }
        if new.directed() > 0 {
            let since =
                self.spell.filter(|(_, until)| now.since(*until) <= BREAK).map_or(now, |(since, _)| since);
            self.spell = Some((since, now));
        }
        before
    }

    /// Notes when even work without flushing began, and when it stopped being even.
    fn follow_even_work(&mut self, now: BootTime) {
        let plain = self.latest.plain.since(&self.even_base);
        let is_even = is_even(&plain, SHARE_IN_LONG_WORK);
        match self.even_since {
            Some(_) if is_even || plain.directed() < LOOKS_WITHOUT_FLUSHING => {}
            None if is_even && plain.directed() >= LOOKS_WITHOUT_FLUSHING => self.even_since = Some(now),
            None if plain.directed() < LOOKS_WITHOUT_FLUSHING => {}
            Some(_) | None => {
                self.even_since = None;
                self.even_base = self.latest.plain;
            }
        }
    }

    fn is_long_work(&self, now: BootTime) -> Option<RoundingCounts> {
        let plain = self.latest.plain.since(&self.even_base);
        let since = self.even_since?;
        (now.since(since) >= LONG_WORK && plain.directed() >= LOOKS_OF_LONG_WORK).then_some(plain)
    }

    fn judgement(&self, now: BootTime) -> Judgement {
        if let Some(counts) = self.is_long_work(now) {
            return Judgement::LongWork(counts);
        }
        let flushing = self.latest.flushing.since(&self.base.flushing);
        let plain = self.latest.plain.since(&self.base.plain);
        match self.latest.register {
            ControlRegister::Mxcsr if all_modes(&flushing, LOOKS) => self.hashing(flushing),
            ControlRegister::Mxcsr if all_modes(&plain, LOOKS_WITHOUT_FLUSHING) => Judgement::AllModes(plain),
            ControlRegister::Mxcsr if flushing.directed() > 0 => Judgement::Undecided,
            ControlRegister::Mxcsr => Judgement::Other,
            // RandomX does not change the flush-to-zero bit of this register.
            ControlRegister::Fpcr => {
                let both = flushing.plus(&plain);
                if all_modes(&both, LOOKS_WITHOUT_FLUSHING) {
                    self.hashing(both)
                } else if both.directed() > 0 {
                    Judgement::Undecided
                } else {
                    Judgement::Other
                }
            }
        }
    }

    fn hashing(&self, counts: RoundingCounts) -> Judgement {
        let is_long = self.spell.is_some_and(|(since, until)| until.since(since) >= LEAST_SPELL);
        if is_long { Judgement::Hashing(counts) } else { Judgement::Burst(counts) }
    }

    /// Whether the process was reported a moment ago.
    fn is_reported(&self, now: BootTime) -> bool {
        self.reported.is_some_and(|reported| now.since(reported) < REPORT_INTERVAL)
    }

    /// Whether to note a burst. The window goes on, so that the looks of the burst count for what comes after.
    fn may_be_noted(&mut self, now: BootTime) -> bool {
        if self.is_reported(now) || self.noted.is_some_and(|noted| now.since(noted) < REPORT_INTERVAL) {
            return false;
        }
        self.noted = Some(now);
        true
    }

    /// Whether to request close sampling. Close sampling costs the process a little time, so a pause follows each
    /// request.
    fn may_be_sampled(&mut self, now: BootTime) -> bool {
        if now < self.sample_from {
            return false;
        }
        self.sample_from = now.plus(CLOSE_SAMPLING + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }

    fn move_window(&mut self, now: BootTime) {
        if now.since(self.since) > WINDOW {
            self.since = now;
            self.base = self.latest;
        }
    }

    /// Records a report and starts a new window, so that later looks are judged on their own.
    fn decided(&mut self, now: BootTime) {
        self.reported = Some(now);
        self.since = now;
        self.base = self.latest;
        self.sample_from = now;
        self.pause = FIRST_PAUSE;
    }
}

/// Whether a signal is the weak form of C1 that a burst has. Programs that derive a key with RandomX also have its
/// memory, so a burst is no witness beside it.
pub fn is_burst(signal: &Signal) -> bool {
    signal.evidence.iter().any(|evidence| evidence.name == BURST)
}

/// Whether the three directed modes are about equally frequent, in at least `least` looks. The number of looks in
/// round-to-nearest does not matter, because a throttled worker is mostly in that mode.
fn all_modes(counts: &RoundingCounts, least: u64) -> bool {
    let directed = counts.directed();
    let fewest = counts.down.min(counts.up).min(counts.zero);
    directed >= least && fewest >= LOOKS_OF_EACH && is_even(counts, SHARE_OF_EACH)
}

/// Whether each directed mode has this share of the looks in a directed mode.
fn is_even(counts: &RoundingCounts, share: f64) -> bool {
    let fewest = counts.down.min(counts.up).min(counts.zero);
    fewest as f64 >= share * counts.directed() as f64
}

fn finding(
    info: SignalInfo,
    context: &DetectionContext<'_>,
    register: ControlRegister,
    counts: &RoundingCounts,
    flushes: bool,
    seconds: f64,
) -> Finding {
    let RoundingCounts { nearest, down, up, zero } = *counts;
    let flushing = match (register, flushes) {
        (ControlRegister::Mxcsr, true) => ", flushing tiny numbers to zero,",
        (ControlRegister::Mxcsr, false) | (ControlRegister::Fpcr, _) => "",
    };
    let detail = format!(
        "was found rounding down {down}, up {up} and toward zero {zero} times{flushing} in {} looks of {seconds:.1} s",
        counts.total()
    );
    Finding::new(info, context, detail)
        .value("looks", counts.total())
        .value("nearest", nearest)
        .value("down", down)
        .value("up", up)
        .value("toward_zero", zero)
        .value("register", register.name())
}

#[cfg(test)]
mod tests;
