//! From signals to points, from points to a verdict.

use std::time::Duration;

use crate::{
    detect::{self, SignalInfo},
    model::{BootTime, Signal, SignalClass, Verdict},
};

/// Half-life of the points of network and compute signals: an hour later a process may do something else.
const HALF_LIFE_ACTIVITY: Duration = Duration::from_secs(3_600);
/// Half-life of the points of behavior signals: how a program came stays true for long.
const HALF_LIFE_BEHAVIOR: Duration = Duration::from_secs(24 * 3_600);
/// Points from which an incident is put on record.
const NOTED: u32 = 40;
/// Points from which an incident is suspected, if it has signals of two classes.
const SUSPECTED: u32 = 70;
/// Points from which an incident is mining, if it has signals of two classes and one speaks of mining itself.
const MINING: u32 = 100;

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
    /// Its class.
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
    /// Half-life of the points.
    pub fn half_life(&self) -> Duration {
        match self.class {
            SignalClass::Network | SignalClass::Compute => HALF_LIFE_ACTIVITY,
            SignalClass::Behavior => HALF_LIFE_BEHAVIOR,
        }
    }

    /// Its points by now.
    pub fn points(&self) -> f64 {
        let age = self.age.as_secs_f64() / self.half_life().as_secs_f64();
        f64::from(self.weight) * (-age).exp2()
    }

    fn is_load(&self) -> bool {
        detect::signal(self.id).is_some_and(|info| info.load)
    }
}

/// What an incident comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Points of all signals together, rounded.
    pub score: u32,
    /// Whether it has signals of two classes.
    pub two_classes: bool,
    /// Whether a signal speaks of mining itself.
    pub mining: bool,
    /// Whether a signal decides alone.
    pub conclusive: bool,
    /// The greatest points of a signal that says no more than "busy". The other such signals do not count.
    pub load: f64,
}

impl Score {
    /// Adds up. Of the signals that say no more than "busy" only the greatest counts.
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

    /// The verdict for this score. It takes two classes because one kind of observation can be wrong. The verdict is
    /// "mining" only where a signal speaks of mining itself, however many speak of an intrusion.
    pub fn verdict(&self) -> Option<Verdict> {
        let Self { score, two_classes, mining, conclusive, .. } = *self;
        if conclusive || (score >= MINING && two_classes && mining) {
            Some(Verdict::Mining)
        } else if score >= SUSPECTED && two_classes {
            Some(Verdict::Suspected)
        } else if score >= NOTED {
            Some(Verdict::Noted)
        } else {
            None
        }
    }

    /// The next higher verdict and what is missing to reach it, in words. `None` if there is no higher one.
    pub fn missing(&self) -> Option<(Verdict, Vec<String>)> {
        let (next, points) = match self.verdict() {
            None => (Verdict::Noted, NOTED),
            Some(Verdict::Noted) => (Verdict::Suspected, SUSPECTED),
            Some(Verdict::Suspected) => (Verdict::Mining, MINING),
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

/// The verdict for these signals.
pub(super) fn verdict(signals: &[HeldSignal], now: BootTime) -> Option<Verdict> {
    Score::of(signals.iter().map(|held| held.term(now))).verdict()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::{
            behavior::{DROP_AND_RUN, MINER_COMMAND_LINE, PERSISTENCE, SERVICE_DOWNLOADER, TRIPLE_CHAIN},
            compute::{HOST_LOAD, INTERMITTENT_LOAD, LOAD_JUMP, LONG_LOAD, QUOTA_THROTTLED, SUSTAINED_CPU},
            network::SUSPECT_CONNECTION,
        },
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
    fn the_verdict_follows_from_points_and_classes() {
        let drop = || held(DROP_AND_RUN, 25, false);
        let chain = || held(TRIPLE_CHAIN, 35, false);
        let stays = || held(PERSISTENCE, 20, false);
        let calls = || held(SUSPECT_CONNECTION, 10, false);
        let entry = || held(SERVICE_DOWNLOADER, 35, false);
        let line = || held(MINER_COMMAND_LINE, 70, false);
        let burns = || held(SUSTAINED_CPU, 15, false);
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
            (vec![held(MINER_COMMAND_LINE, 100, true)], Some(Verdict::Mining)),
        ];
        for (signals, expected) in cases {
            let ids: Vec<_> = signals.iter().map(|held| held.signal.id.to_string()).collect();
            assert_eq!(verdict(&signals, BootTime(0)), expected, "{ids:?}");
        }
    }

    #[test]
    fn the_next_verdict_says_what_is_missing() {
        let missing = |signals: &[HeldSignal]| {
            Score::of(signals.iter().map(|held| held.term(BootTime(0))))
                .missing()
                .map(|(next, words)| (next, words.join(", ")))
        };
        let drop = || held(DROP_AND_RUN, 25, false);
        let chain = || held(TRIPLE_CHAIN, 35, false);
        let calls = || held(SUSPECT_CONNECTION, 10, false);
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
        assert_eq!(missing(&[held(MINER_COMMAND_LINE, 100, true)]), None);
    }

    #[test]
    fn of_the_signals_that_say_busy_the_greatest_counts() {
        let load = [SUSTAINED_CPU, LONG_LOAD, HOST_LOAD, LOAD_JUMP, INTERMITTENT_LOAD, QUOTA_THROTTLED];
        let held: Vec<_> = load.into_iter().map(|info| held(info, info.weight, false)).collect();
        assert_eq!(score(&held, BootTime(0)), 20);
        assert_eq!(detect::catalogue().iter().filter(|info| info.load).count(), load.len());
    }

    #[test]
    fn points_halve_in_their_half_life() {
        let signals = [held(SUSTAINED_CPU, 15, false), held(SERVICE_DOWNLOADER, 35, false)];
        let hours = |count: u64| BootTime(count * 3_600_000_000_000);
        assert_eq!(score(&signals, hours(0)), 50);
        assert_eq!(score(&signals, hours(1)), 42);
        assert_eq!(score(&signals, hours(24)), 18);
        assert_eq!(score(&signals, hours(24 * 365)), 0);
    }
}
