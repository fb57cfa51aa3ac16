//! From signals to points, from points to a verdict.

use crate::{
    detect::{SignalInfo, tuning},
    model::{BootTime, Signal, SignalClass, Verdict},
};

/// A signal of an incident: the strongest of its id.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) signal: Signal,
    pub(super) mining: bool,
    pub(super) conclusive: bool,
    /// When it was last shown; points fade from here.
    pub(super) last: BootTime,
}

impl Held {
    pub(super) fn new(info: SignalInfo, signal: Signal, conclusive: bool) -> Self {
        Self { last: signal.at, mining: info.mining, conclusive, signal }
    }

    /// Its points now.
    fn points(&self, now: BootTime) -> f64 {
        let half_life = match self.signal.class {
            SignalClass::Network | SignalClass::Compute => tuning::HALF_LIFE_ACTIVITY,
            SignalClass::Behavior => tuning::HALF_LIFE_BEHAVIOR,
        };
        let age = now.since(self.last).as_secs_f64() / half_life.as_secs_f64();
        f64::from(self.signal.weight) * (-age).exp2()
    }
}

/// The points of all signals together, rounded. Of those that only say that it is busy the greatest counts.
pub(super) fn score(signals: &[Held], now: BootTime) -> u32 {
    let (mut points, mut load) = (0.0, 0.0_f64);
    for held in signals {
        if tuning::LOAD_SIGNALS.contains(&&*held.signal.id.0) {
            load = load.max(held.points(now));
        } else {
            points += held.points(now);
        }
    }
    points += load;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of at most 255 each")]
    let points = points.round() as u32;
    points
}

/// How sure these signals make one. Two classes are asked for because one witness can be wrong; "mining"
/// is said only where a signal speaks of mining itself, however many speak of an intrusion.
pub(super) fn verdict(signals: &[Held], now: BootTime) -> Option<Verdict> {
    let score = score(signals, now);
    let first = signals.first().map(|held| held.signal.class);
    let two_classes = signals.iter().any(|held| Some(held.signal.class) != first);
    let mining = signals.iter().any(|held| held.mining);
    if signals.iter().any(|held| held.conclusive) || (score >= tuning::MINING && two_classes && mining) {
        Some(Verdict::Mining)
    } else if score >= tuning::SUSPECTED && two_classes {
        Some(Verdict::Suspected)
    } else if score >= tuning::NOTED {
        Some(Verdict::Noted)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::signals,
        model::{ProcessKey, SignalId},
    };

    fn held(info: SignalInfo, weight: u8, conclusive: bool) -> Held {
        let signal = Signal {
            id: SignalId::known(info.id),
            class: info.class,
            weight,
            at: BootTime(0),
            process: ProcessKey { pid: 1, start_ticks: 1 },
            detail: String::new(),
            evidence: Vec::new(),
        };
        Held::new(info, signal, conclusive)
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
    fn busy_in_many_ways_is_busy_once() {
        let load = [
            signals::SUSTAINED_CPU,
            signals::LONG_LOAD,
            signals::HOST_LOAD,
            signals::LOAD_JUMP,
            signals::TIDAL,
        ];
        let held: Vec<_> = load.into_iter().map(|info| held(info, info.weight, false)).collect();
        assert_eq!(score(&held, BootTime(0)), 20);
        assert_eq!(load.map(|info| info.id).iter().filter(|id| tuning::LOAD_SIGNALS.contains(id)).count(), 5);
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
