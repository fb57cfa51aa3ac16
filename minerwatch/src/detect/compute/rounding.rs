//! C1: the arithmetic of RandomX.
//!
//! RandomX changes the rounding mode every few instructions, to a mode chosen by its data, so that all four modes are
//! equally frequent. On `x86_64`, it also flushes subnormal numbers to zero all the time (its reference implementation
//! writes 0x9FC0 | mode << 13 into MXCSR). The kernel side samples threads as they leave a CPU; each sample is a look.
//! This detector judges the looks of a window together. A single look proves nothing, because the library restores the
//! mode between two hashes.
//!
//! A miner may run in workers that live for less than a tenth of a second, each with a look or two. The looks of
//! processes that ended therefore count for later processes of the same executable.

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{
        BootTime, ControlRegister, EventBody, EventType, FileId, ProcessKey, Request, Rounding,
        RoundingCounts, SignalClass,
    },
};

/// Minimum number of looks in a directed mode: rounding down, up or toward zero. RandomX is in a directed mode in two
/// of three looks, so a full-time worker needs 24 looks.
const LOOKS: u64 = 16;
/// Minimum number of looks in a directed mode if subnormal numbers are not flushed to zero. Half of the evidence is
/// missing then.
const LOOKS_WITHOUT_FLUSHING: u64 = 48;
/// Minimum share of each directed mode among the looks in a directed mode. RandomX gives each a third; interval
/// arithmetic uses only two of the three modes.
const SHARE_OF_EACH: f64 = 0.15;
/// Minimum number of looks in each directed mode, so that a few looks do not decide.
const LOOKS_OF_EACH: u64 = 4;
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
/// Maximum number of executables whose ended processes are remembered.
const EXECUTABLES: usize = 256;

/// The signal. The full form is conclusive: apart from RandomX, no known program uses all three directed modes evenly
/// while it flushes subnormal numbers to zero. Without the flushing, on a processor where RandomX flushes, a
/// mathematical library under test looks the same, so the weak form leads to "noted" at most.
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

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[ROUNDING_MODES],
    wants: &[EventType::Rounding, EventType::Exit],
    evictions: Some("rounding_evicted"),
    create: |_| {
        Box::new(RoundingModes { processes: BoundedMap::new(PROCESSES), ended: BoundedMap::new(EXECUTABLES) })
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
    /// The earliest start of the next close sampling; `pause` is the pause after it.
    sample_from: BootTime,
    pause: Duration,
}

/// What the looks of a window show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// The modes of RandomX.
    Hashing(RoundingCounts),
    /// All modes in turn, without the flushing to zero that belongs to RandomX.
    AllModes(RoundingCounts),
    /// More looks may show `Hashing` or `AllModes`.
    Undecided,
    /// Modes that are not used as RandomX uses them, such as interval arithmetic or a mode set once.
    Other,
}

/// The looks at processes of one executable that ended in the window before anything was decided.
#[derive(Clone, Copy, Debug)]
struct Ended {
    /// The start of the window.
    since: BootTime,
    looks: Looks,
}

/// Looks by whether subnormal numbers were flushed to zero.
#[derive(Clone, Copy, Debug, Default)]
struct Looks {
    flushing: RoundingCounts,
    plain: RoundingCounts,
}

/// The processes that were found in a directed mode, and what is left of such processes by executable.
#[derive(Debug)]
struct RoundingModes {
    processes: BoundedMap<ProcessKey, Watched>,
    ended: BoundedMap<FileId, Ended>,
}

impl Detector for RoundingModes {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Rounding(rounding) => self.report(context, rounding, findings),
            EventBody::Exit(_) => self.end(context),
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.processes.evicted().saturating_add(self.ended.evicted())
    }
}

impl RoundingModes {
    fn report(&mut self, context: &DetectionContext<'_>, rounding: &Rounding, findings: &mut Findings) {
        let (key, now) = (context.key(), context.at());
        let file = context.process.view.executable.file;
        let ended = file.and_then(|file| self.ended.get(&file)).filter(|ended| ended.is_recent(now)).copied();
        let watched = self.processes.entry(&key, || Watched::new(rounding.register, now));
        watched.latest = *rounding;
        let looks = ended.map_or(watched.looks(), |ended| watched.looks().plus(&ended.looks));
        let (counts, hashing) = match judgement(rounding.register, &looks) {
            Judgement::Hashing(counts) => (counts, true),
            Judgement::AllModes(counts) => (counts, false),
            Judgement::Undecided => {
                if watched.may_be_sampled(now) {
                    findings.request(Request::SampleRounding { process: key, span: CLOSE_SAMPLING });
                }
                return watched.move_window(now);
            }
            Judgement::Other => return watched.move_window(now),
        };
        if watched.reported.is_some_and(|reported| now.since(reported) < REPORT_INTERVAL) {
            return;
        }
        let since = ended.map_or(watched.since, |ended| ended.since.min(watched.since));
        let seconds = now.since(since).as_secs_f64();
        watched.decided(now);
        if let Some(file) = file {
            self.ended.remove(&file);
        }
        findings.push(finding(context, rounding.register, &counts, hashing, seconds));
    }

    /// Keeps the looks of a process that ends for later processes of its executable.
    fn end(&mut self, context: &DetectionContext<'_>) {
        let Some(watched) = self.processes.remove(&context.key()) else { return };
        let (Some(file), now) = (context.process.view.executable.file, context.at()) else { return };
        let ended = self.ended.entry(&file, || Ended { since: watched.since, looks: Looks::default() });
        if !ended.is_recent(now) {
            *ended = Ended { since: watched.since, looks: Looks::default() };
        }
        ended.looks = ended.looks.plus(&watched.looks());
    }
}

impl Ended {
    fn is_recent(&self, now: BootTime) -> bool {
        now.since(self.since) <= WINDOW
    }
}

impl Looks {
    fn plus(&self, other: &Self) -> Self {
        Self { flushing: self.flushing.plus(&other.flushing), plain: self.plain.plus(&other.plain) }
    }
}

fn judgement(register: ControlRegister, Looks { flushing, plain }: &Looks) -> Judgement {
    match register {
        ControlRegister::Mxcsr if all_modes(flushing, LOOKS) => Judgement::Hashing(*flushing),
        ControlRegister::Mxcsr if all_modes(plain, LOOKS_WITHOUT_FLUSHING) => Judgement::AllModes(*plain),
        ControlRegister::Mxcsr if flushing.directed() > 0 => Judgement::Undecided,
        ControlRegister::Mxcsr => Judgement::Other,
        // RandomX does not change the flush-to-zero bit of this register.
        ControlRegister::Fpcr => {
            let both = flushing.plus(plain);
            if all_modes(&both, LOOKS_WITHOUT_FLUSHING) {
                Judgement::Hashing(both)
            } else if both.directed() > 0 {
                Judgement::Undecided
            } else {
                Judgement::Other
            }
        }
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
            sample_from: now,
            pause: FIRST_PAUSE,
        }
    }

    /// Returns the looks of the window.
    fn looks(&self) -> Looks {
        Looks {
            flushing: self.latest.flushing.since(&self.base.flushing),
            plain: self.latest.plain.since(&self.base.plain),
        }
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

/// Whether the three directed modes are about equally frequent, in at least `least` looks. The number of looks in
/// round-to-nearest does not matter, because a throttled worker is mostly in that mode.
fn all_modes(counts: &RoundingCounts, least: u64) -> bool {
    let directed = counts.directed();
    let fewest = counts.down.min(counts.up).min(counts.zero);
    directed >= least && fewest >= LOOKS_OF_EACH && fewest as f64 >= SHARE_OF_EACH * directed as f64
}

fn finding(
    context: &DetectionContext<'_>,
    register: ControlRegister,
    counts: &RoundingCounts,
    hashing: bool,
    seconds: f64,
) -> Finding {
    let RoundingCounts { nearest, down, up, zero } = *counts;
    let flushing = match (register, hashing) {
        (ControlRegister::Mxcsr, true) => ", flushing tiny numbers to zero,",
        (ControlRegister::Mxcsr, false) | (ControlRegister::Fpcr, _) => "",
    };
    let detail = format!(
        "was found rounding down {down}, up {up} and toward zero {zero} times{flushing} in {} looks of {seconds:.1} s",
        counts.total()
    );
    let finding = Finding::new(ROUNDING_MODES, context, detail)
        .value("looks", counts.total())
        .value("nearest", nearest)
        .value("down", down)
        .value("up", up)
        .value("toward_zero", zero)
        .value("register", register.name());
    if hashing { finding.full().conclusive() } else { finding }
}

#[cfg(test)]
mod tests;
