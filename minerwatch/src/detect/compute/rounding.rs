//! C1: the arithmetic of RandomX.
//!
//! RandomX changes the rounding mode every few instructions, to a mode that its data choose, so that all four come up
//! equally often. On `x86_64` it also flushes tiny numbers to zero all the while (its reference writes 0x9FC0 | mode << 13
//! into MXCSR). The kernel side looks at threads as they leave a CPU. Here the looks of a window are judged together. A
//! single look says nothing: the library puts the mode back between two hashes.

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo},
    model::{
        BootTime, ControlRegister, EventBody, EventType, ProcessKey, Request, Rounding, RoundingCounts,
        SignalClass,
    },
};

/// Looks that must have found another rounding mode than the nearest. RandomX is found in one of the three other modes in
/// two looks of three, so that a full-time worker needs 24 looks.
const LOOKS: u64 = 16;
/// The same where tiny numbers are not flushed to zero: half of the evidence is missing.
const LOOKS_WITHOUT_FLUSHING: u64 = 48;
/// The share of those looks that each of the three other modes must have. RandomX gives each a third; interval arithmetic
/// uses two of them.
const SHARE_OF_EACH: f64 = 0.15;
/// Looks that each of the three modes must have, so that few finds do not decide.
const LOOKS_OF_EACH: u64 = 4;
/// Evidence older than this no longer counts. A worker that hashes one hundredth of its time gathers enough in it.
const WINDOW: Duration = Duration::from_secs(600);
/// How often a process that goes on is reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// How long the sampler visits an undecided process more often.
const CLOSE_SAMPLING: Duration = Duration::from_secs(10);
/// The pause until the next such time. It doubles with each that decided nothing.
const FIRST_PAUSE: Duration = Duration::from_secs(20);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Processes with another rounding mode than the nearest that are watched at once.
const PROCESSES: usize = 1_024;

/// The signal. The full form decides alone: no program is known that uses all three other modes by turns, evenly, while it
/// flushes tiny numbers to zero, except those that compute RandomX. Without the flushing, on a processor where RandomX
/// flushes, a mathematical library under test looks the same: that is noted, no more.
pub const ROUNDING_MODES: SignalInfo = SignalInfo {
    id: "C1",
    class: SignalClass::Compute,
    weight: 50,
    full_weight: 100,
    mining: true,
    name: "Arithmetic of RandomX",
    description: "The process's threads change their rounding mode all the time, evenly among all modes: the algorithm of Monero and its relatives does so by design, whatever the program is called and wherever it connects.",
    catches: "RandomX itself: encrypted, renamed, throttled or offline.",
    techniques: &["T1496.001"],
    ..SignalInfo::NONE
};

/// The detector's row.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[ROUNDING_MODES],
    wants: &[EventType::Rounding, EventType::Exit],
    evictions: Some("rounding_evicted"),
    create: |_| Box::new(RoundingModes(BoundedMap::new(PROCESSES))),
};

/// The modes that one process was found in, and when something was done about it.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// Where the window begins, and the counters there.
    since: BootTime,
    base: Rounding,
    latest: Rounding,
    reported: Option<BootTime>,
    /// From when on it may be sampled closely again, and the pause after that.
    sample_from: BootTime,
    pause: Duration,
}

/// What the looks of a window show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// RandomX.
    Hashing(RoundingCounts),
    /// All modes by turns, without the flushing that belongs to RandomX.
    AllModes(RoundingCounts),
    /// It may become one of them.
    Undecided,
    /// Other modes, but not as RandomX uses them: interval arithmetic, a mode set once.
    Other,
}

/// The processes that were found in another rounding mode than the nearest.
#[derive(Debug)]
struct RoundingModes(BoundedMap<ProcessKey, Watched>);

impl Detector for RoundingModes {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Rounding(rounding) => self.report(context, rounding, findings),
            EventBody::Exit(_) => drop(self.0.remove(&context.key())),
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.0.evicted()
    }
}

impl RoundingModes {
    fn report(&mut self, context: &DetectionContext<'_>, rounding: &Rounding, findings: &mut Findings) {
        let (key, now) = (context.key(), context.at());
        let watched = self.0.entry(&key, || Watched::new(rounding.register, now));
        watched.latest = *rounding;
        let (counts, hashing) = match watched.judgement() {
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
        let seconds = now.since(watched.since).as_secs_f64();
        watched.decided(now);
        findings.push(finding(context, rounding.register, &counts, hashing, seconds));
    }
}

impl Watched {
    /// The window begins before the first look: what comes with the first report was found just before it.
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

    fn judgement(&self) -> Judgement {
        let flushing = self.latest.flushing.since(&self.base.flushing);
        let plain = self.latest.plain.since(&self.base.plain);
        match self.latest.register {
            ControlRegister::Mxcsr if all_modes(&flushing, LOOKS) => Judgement::Hashing(flushing),
            ControlRegister::Mxcsr if all_modes(&plain, LOOKS_WITHOUT_FLUSHING) => Judgement::AllModes(plain),
            ControlRegister::Mxcsr if flushing.directed() > 0 => Judgement::Undecided,
            ControlRegister::Mxcsr => Judgement::Other,
            // RandomX leaves the flushing of this register alone.
            ControlRegister::Fpcr => {
                let both = flushing.plus(&plain);
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

    /// Whether to ask for close sampling. It costs the process a little, so there is a pause after each time.
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

    /// Later looks are judged on their own.
    fn decided(&mut self, now: BootTime) {
        self.reported = Some(now);
        self.since = now;
        self.base = self.latest;
        self.sample_from = now;
        self.pause = FIRST_PAUSE;
    }
}

/// Whether the three modes besides the nearest came up evenly, in `least` looks or more. How often the nearest came up
/// says nothing: a throttled worker is mostly found in it.
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
