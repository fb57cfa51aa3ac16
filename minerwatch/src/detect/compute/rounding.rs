//! C1: the arithmetic of RandomX.
//!
//! RandomX changes the rounding mode every few instructions, to a mode that its data choose, so that all four
//! come up equally often; on `x86_64` it also flushes tiny numbers to zero all the while (its reference writes
//! 0x9FC0 | mode << 13 into MXCSR). The sensor looks at threads as they leave a CPU; here the looks of a window
//! are judged together. A single look says nothing: the library puts the mode back between two hashes.

use rustc_hash::FxHashMap;

use crate::{
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, ControlRegister, ProcessKey, Rounding, RoundingCounts},
};

/// What a process was found in, and when something was done about it.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// Where the window begins, and the counters there.
    since: BootTime,
    base: Rounding,
    latest: Rounding,
    last: BootTime,
    told: Option<BootTime>,
    /// From when on it may be looked at more often again, and the pause after that.
    closer_from: BootTime,
    pause: std::time::Duration,
}

/// What a window's looks come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// RandomX.
    Hashing(RoundingCounts),
    /// All modes by turns, without the flushing that belongs to it.
    AllModes(RoundingCounts),
    /// It may become one of them.
    Undecided,
    /// Other modes, but not those of RandomX: interval arithmetic, a mode set once.
    Other,
}

/// The processes that were found rounding otherwise than to the nearest; whoever was found longest ago makes
/// room.
#[derive(Debug)]
pub struct RoundingWitness {
    capacity: usize,
    watched: FxHashMap<ProcessKey, Watched>,
    undecided: Vec<ProcessKey>,
}

impl RoundingWitness {
    /// Watches at most so many.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, watched: FxHashMap::default(), undecided: Vec::new() }
    }

    /// Adds the counters of one process; a finding once the window's looks decide, and again each
    /// [`tuning::ROUNDING_AGAIN`] that it goes on.
    pub fn judge(&mut self, context: &DetectionContext<'_>, rounding: &Rounding) -> Option<Finding> {
        let (key, now) = (context.key(), context.at());
        self.make_room(key);
        let watched = self.watched.entry(key).or_insert_with(|| Watched::new(rounding.register, now));
        watched.latest = *rounding;
        watched.last = now;
        let judgement = watched.judgement();
        let (counts, hashing) = match judgement {
            Judgement::Hashing(counts) => (counts, true),
            Judgement::AllModes(counts) => (counts, false),
            Judgement::Undecided => {
                if watched.may_be_looked_at(now) {
                    self.undecided.push(key);
                }
                watched.move_window(now);
                return None;
            }
            Judgement::Other => {
                watched.move_window(now);
                return None;
            }
        };
        if watched.told.is_some_and(|told| now.since(told) < tuning::ROUNDING_AGAIN) {
            return None;
        }
        let seconds = now.since(watched.since).as_secs_f64();
        watched.decided(now);
        Some(finding(context, rounding.register, &counts, hashing, seconds))
    }

    /// The processes that need more looks, since the last call.
    pub fn take_undecided(&mut self) -> Vec<ProcessKey> {
        std::mem::take(&mut self.undecided)
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.watched.remove(&key);
    }

    fn make_room(&mut self, key: ProcessKey) {
        if self.watched.len() < self.capacity || self.watched.contains_key(&key) {
            return;
        }
        let oldest = self.watched.iter().map(|(key, watched)| (watched.last, *key)).min();
        if let Some((_, key)) = oldest {
            self.watched.remove(&key);
        }
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
            last: now,
            told: None,
            closer_from: now,
            pause: tuning::ROUNDING_PAUSE,
        }
    }

    fn judgement(&self) -> Judgement {
        let flushing = self.latest.flushing.since(&self.base.flushing);
        let plain = self.latest.plain.since(&self.base.plain);
        match self.latest.register {
            ControlRegister::Mxcsr if all_modes(&flushing, tuning::ROUNDING_LOOKS) => {
                Judgement::Hashing(flushing)
            }
            ControlRegister::Mxcsr if all_modes(&plain, tuning::ROUNDING_LOOKS_PLAIN) => {
                Judgement::AllModes(plain)
            }
            ControlRegister::Mxcsr if flushing.turned() > 0 => Judgement::Undecided,
            ControlRegister::Mxcsr => Judgement::Other,
            // RandomX leaves the flushing of this register alone.
            ControlRegister::Fpcr => {
                let both = flushing.plus(&plain);
                if all_modes(&both, tuning::ROUNDING_LOOKS_PLAIN) {
                    Judgement::Hashing(both)
                } else if both.turned() > 0 {
                    Judgement::Undecided
                } else {
                    Judgement::Other
                }
            }
        }
    }

    /// Whether more looks are to be asked for: not while they are being taken, and after a time in which they
    /// decided nothing only after a pause. Such looks cost the process a little.
    fn may_be_looked_at(&mut self, now: BootTime) -> bool {
        if now < self.closer_from {
            return false;
        }
        self.closer_from = now.plus(tuning::ROUNDING_CLOSER + self.pause);
        self.pause = (self.pause * 2).min(tuning::ROUNDING_LONGEST_PAUSE);
        true
    }

    fn move_window(&mut self, now: BootTime) {
        if now.since(self.since) > tuning::ROUNDING_WINDOW {
            self.since = now;
            self.base = self.latest;
        }
    }

    /// What comes next is judged on its own.
    fn decided(&mut self, now: BootTime) {
        self.told = Some(now);
        self.since = now;
        self.base = self.latest;
        self.closer_from = now;
        self.pause = tuning::ROUNDING_PAUSE;
    }
}

/// Whether the three modes besides the nearest came up evenly, in `least` looks or more. How often the nearest
/// came up says nothing: a throttled worker is mostly found in it.
fn all_modes(counts: &RoundingCounts, least: u64) -> bool {
    let turned = counts.turned();
    let fewest = counts.down.min(counts.up).min(counts.zero);
    turned >= least
        && fewest >= tuning::ROUNDING_EACH
        && fewest as f64 >= tuning::ROUNDING_SHARE * turned as f64
}

fn finding(
    context: &DetectionContext<'_>,
    register: ControlRegister,
    counts: &RoundingCounts,
    hashing: bool,
    seconds: f64,
) -> Finding {
    let RoundingCounts { nearest, down, up, zero } = counts;
    let flushing = match (register, hashing) {
        (ControlRegister::Mxcsr, true) => ", flushing tiny numbers to zero,",
        (ControlRegister::Mxcsr, false) | (ControlRegister::Fpcr, _) => "",
    };
    let detail = format!(
        "was found rounding down {down}, up {up} and toward zero {zero} times{flushing} in {} looks of {seconds:.1} s",
        counts.all()
    );
    let finding = Finding::new(signals::ROUNDING_MODES, context, detail)
        .with("looks", &counts.all())
        .with("nearest", nearest)
        .with("down", down)
        .with("up", up)
        .with("toward_zero", zero)
        .with("register", register.name());
    if hashing { Finding { conclusive: true, ..finding.full() } } else { finding }
}

#[cfg(test)]
mod tests;
