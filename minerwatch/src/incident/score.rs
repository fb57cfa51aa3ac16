//! From signals to points, from points to a verdict.

use std::time::Duration;

use crate::{
    detect::{SignalInfo, tuning},
    model::{BootTime, Signal, SignalClass, Verdict},
};

/// A signal of an incident: the strongest of its id.
#[derive(Clone, Debug)]
pub(super) struct HeldSignal {
    pub(super) signal: Signal,
    pub(super) mining: bool,
    pub(super) conclusive: bool,
    /// When it was last shown; points fade from here.
    pub(super) last: BootTime,
}

impl HeldSignal {
    pub(super) fn new(info: SignalInfo, signal: Signal, conclusive: bool) -> Self {
        Self { last: signal.at, mining: info.mining, conclusive, signal }
    }

    /// What the arithmetic needs of it.
    pub(super) fn term(&self, now: BootTime) -> Contribution<'_> {
        Contribution {
            id: &self.signal.id.0,
            class: self.signal.class,
            weight: self.signal.weight,
            age: now.since(self.last),
            mining: self.mining,
            conclusive: self.conclusive,
        }
    }
}

/// One signal as the arithmetic sees it.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its witness.
    pub class: SignalClass,
    /// Its points when fresh.
    pub weight: u8,
    /// How long ago it was last shown.
    pub age: Duration,
    /// Whether it speaks of mining itself.
    pub mining: bool,
    /// Whether it decides alone.
    pub conclusive: bool,
}

impl Contribution<'_> {
    /// In what time its points fade to a half.
    pub fn half_life(&self) -> Duration {
        match self.class {
            SignalClass::Network | SignalClass::Compute => tuning::HALF_LIFE_ACTIVITY,
            SignalClass::Behavior => tuning::HALF_LIFE_BEHAVIOR,
        }
    }

    /// Its points by now.
    pub fn points(&self) -> f64 {
        let age = self.age.as_secs_f64() / self.half_life().as_secs_f64();
        f64::from(self.weight) * (-age).exp2()
    }

    fn is_load(&self) -> bool {
        tuning::LOAD_SIGNALS.contains(&self.id)
    }
}

/// What an incident comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Points of all signals together, rounded.
    pub score: u32,
    /// Whether two witnesses speak.
    pub two_classes: bool,
    /// Whether a signal speaks of mining itself.
    pub mining: bool,
    /// Whether a signal decides alone.
    pub conclusive: bool,
    /// The greatest points among the signals that only say that it is busy: the others of them do not count.
    pub load: f64,
}

impl Score {
    /// Adds up. Of the signals that only say that it is busy the greatest counts.
    pub fn of<'a>(terms: impl Iterator<Item = Contribution<'a>>) -> Self {
        let (mut points, mut load) = (0.0, 0.0_f64);
        let mut first = None;
        let mut sum = Self { score: 0, two_classes: false, mining: false, conclusive: false, load: 0.0 };
        for term in terms {
            if term.is_load() {
                load = load.max(term.points());
            } else {
                points += term.points();
            }
            sum.two_classes |= *first.get_or_insert(term.class) != term.class;
            sum.mining |= term.mining;
            sum.conclusive |= term.conclusive;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a sum of at most 255 each"
        )]
        let score = (points + load).round() as u32;
        Self { score, load, ..sum }
    }

    /// Whether a term is among those added up.
    pub fn counts(&self, term: &Contribution<'_>) -> bool {
        !term.is_load() || term.points() >= self.load
    }

    /// How sure it makes one. Two classes are asked for because one witness can be wrong; "mining" is said
    /// only where a signal speaks of mining itself, however many speak of an intrusion.
    pub fn verdict(&self) -> Option<Verdict> {
        let Self { score, two_classes, mining, conclusive, .. } = *self;
        if conclusive || (score >= tuning::MINING && two_classes && mining) {
            Some(Verdict::Mining)
        } else if score >= tuning::SUSPECTED && two_classes {
            Some(Verdict::Suspected)
        } else if score >= tuning::NOTED {
            Some(Verdict::Noted)
        } else {
            None
        }
    }

    /// The verdict after a given one, and what is missing to it, in words; nothing after the last.
    pub fn missing(&self) -> Option<(Verdict, Vec<String>)> {
        let (next, points) = match self.verdict() {
            None => (Verdict::Noted, tuning::NOTED),
            Some(Verdict::Noted) => (Verdict::Suspected, tuning::SUSPECTED),
            Some(Verdict::Suspected) => (Verdict::Mining, tuning::MINING),
            Some(Verdict::Mining) => return None,
        };
        let mut missing = Vec::new();
        if self.score < points {
            missing.push(format!("{} points ({} of {points})", points - self.score, self.score));
        }
        if next > Verdict::Noted && !self.two_classes {
            missing.push("a signal of a second class".to_owned());
        }
        if next == Verdict::Mining && !self.mining {
            missing.push("a signal that speaks of mining itself".to_owned());
        }
        Some((next, missing))
    }
}

/// The points of all signals together, rounded.
pub(super) fn score(signals: &[HeldSignal], now: BootTime) -> u32 {
    Score::of(signals.iter().map(|held| held.term(now))).score
}

/// How sure these signals make one.
pub(super) fn verdict(signals: &[HeldSignal], now: BootTime) -> Option<Verdict> {
    Score::of(signals.iter().map(|held| held.term(now))).verdict()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::signals,
        model::{ProcessKey, SignalId},
    };

    fn held(info: SignalInfo, weight: u8, conclusive: bool) -> HeldSignal {
        let signal = Signal {
            id: SignalId::known(info.id),
            class: info.class,
            weight,
            at: BootTime(0),
            process: ProcessKey { pid: 1, start_ticks: 1 },
            detail: String::new(),
            evidence: Vec::new(),
            last: BootTime(0),
            conclusive,
        };
        HeldSignal::new(info, signal, conclusive)
    }

    #[test]
    fn verdicts() {
        let drop = || held(signals::DROP_AND_RUN, 25, false);
        let chain = || held(signals::TRIPLE_CHAIN, 35, false);
        let stays = || held(signals::PERSISTENCE, 20, false);
        let calls = || held(signals::SUSPECT_CONNECTION, 10, false);
        let entry = || held(signals::SERVICE_DOWNLOADER, 35, false);
        let line = || held(signals::MINER_COMMAND_LINE, 70, false);
        let burns = || held(signals::SUSTAINED_CPU, 15, false);
        let cases = [
            (vec![], None),
            (vec![drop()], None),
            (vec![drop(), burns()], Some(Verdict::Noted)),
            (vec![drop(), chain(), stays()], Some(Verdict::Noted)),
            (vec![drop(), chain(), stays(), calls()], Some(Verdict::Suspected)),
            (vec![drop(), chain(), stays(), calls(), entry()], Some(Verdict::Suspected)),
            (vec![line()], Some(Verdict::Noted)),
            (vec![line(), burns()], Some(Verdict::Suspected)),
            (vec![line(), burns(), drop()], Some(Verdict::Mining)),
            (vec![line(), drop(), stays()], Some(Verdict::Noted)),
            (vec![held(signals::MINER_COMMAND_LINE, 100, true)], Some(Verdict::Mining)),
        ];
        for (signals, expected) in cases {
            let ids: Vec<_> = signals.iter().map(|held| held.signal.id.to_string()).collect();
            assert_eq!(verdict(&signals, BootTime(0)), expected, "{ids:?}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let missing = |signals: &[HeldSignal]| {
            Score::of(signals.iter().map(|held| held.term(BootTime(0))))
                .missing()
                .map(|(next, words)| (next, words.join(", ")))
        };
        let drop = || held(signals::DROP_AND_RUN, 25, false);
        let chain = || held(signals::TRIPLE_CHAIN, 35, false);
        let calls = || held(signals::SUSPECT_CONNECTION, 10, false);
        assert_eq!(missing(&[drop()]), Some((Verdict::Noted, "15 points (25 of 40)".to_owned())));
        assert_eq!(
            missing(&[drop(), chain()]),
            Some((Verdict::Suspected, "10 points (60 of 70), a signal of a second class".to_owned()))
        );
        assert_eq!(
            missing(&[drop(), chain(), calls()]),
            Some((
                Verdict::Mining,
                "30 points (70 of 100), a signal that speaks of mining itself".to_owned()
            ))
        );
        assert_eq!(missing(&[held(signals::MINER_COMMAND_LINE, 100, true)]), None);
    }

    #[test]
    fn busy_in_many_ways_is_busy_once() {
        let load = [
            signals::SUSTAINED_CPU,
            signals::LONG_LOAD,
            signals::HOST_LOAD,
            signals::LOAD_JUMP,
            signals::INTERMITTENT_LOAD,
            signals::QUOTA_THROTTLED,
        ];
        let held: Vec<_> = load.into_iter().map(|info| held(info, info.weight, false)).collect();
        assert_eq!(score(&held, BootTime(0)), 20);
        assert_eq!(load.map(|info| info.id).iter().filter(|id| tuning::LOAD_SIGNALS.contains(id)).count(), 6);
    }

    #[test]
    fn points_fade() {
        let signals = [held(signals::SUSTAINED_CPU, 15, false), held(signals::SERVICE_DOWNLOADER, 35, false)];
        let hours = |count: u64| BootTime(count * 3_600_000_000_000);
        assert_eq!(score(&signals, hours(0)), 50);
        assert_eq!(score(&signals, hours(1)), 42);
        assert_eq!(score(&signals, hours(24)), 18);
        assert_eq!(score(&signals, hours(24 * 365)), 0);
    }
}
