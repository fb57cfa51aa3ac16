//! The score of a suspect: from signals to points, and from points to a verdict.

use std::{cmp::Ordering, collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    detect::{
        SignalInfo, SignalKind,
        behavior::{DEEDS, HIDDEN, TRIPLE_CHAIN, is_fed},
        compute::{DATASET, HUGE_PAGES, MSR, ROUNDING_MODES, SCRATCHPADS, SUSTAINED_CPU, is_burst},
        network::{ENCRYPTED_BEACONING, POOL_WORDS, is_private},
    },
    model::{
        BootTime, NextVerdict, Points, ProcessKey, ScoreParts, Signal, SignalClass, SignalPoints, Value,
        Verdict,
    },
};

/// Half-life of the points of network and compute signals. An hour later a process may do something else.
const HALF_LIFE_ACTIVITY: Duration = Duration::from_secs(3_600);
/// Half-life of the points of behavior signals. How a program arrived stays true for longer.
const HALF_LIFE_BEHAVIOR: Duration = Duration::from_secs(24 * 3_600);
/// Minimum points of the verdict `noted`: the incident is put on record.
const NOTED: u32 = 40;
/// Minimum points of the verdict `suspected`, which also needs signals of two classes and a sign of mining, of disguise
/// or of force. Installers fetch, run and register programs too, but they do not hide.
const SUSPECTED: u32 = 70;
/// Minimum points of the verdict `mining`, which also needs signals of two classes and a signal about mining itself.
const MINING: u32 = 100;

/// Share of the points that a step has if a person at a terminal or a CI agent took it.
const EXCUSED_SHARE: f64 = 0.5;

/// A signal of a suspect: the strongest with its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HeldSignal {
    pub(super) signal: Signal,
    pub(super) kind: SignalKind,
    pub(super) conclusive: bool,
    /// When the signal was last shown. Its points decay from this time on.
    pub(super) last: BootTime,
    /// The process that showed the signal and its ancestors in its process tree, nearest first.
    pub(super) path: Vec<ProcessKey>,
    /// Number of findings that repeated the signal.
    pub(super) repeated: u64,
}

impl HeldSignal {
    pub(super) fn new(info: SignalInfo, signal: Signal, conclusive: bool, path: Vec<ProcessKey>) -> Self {
        Self { last: signal.at, kind: info.kind, conclusive, signal, path, repeated: 0 }
    }

    /// Forgets times and processes of an earlier boot. The process id stays for people. A process of this boot may have the
    /// same id and start time, so the start time is set to 0.
    pub(super) fn leave_boot(&mut self) {
        self.signal.process.start_ticks = 0;
        self.signal.at = BootTime::default();
        self.signal.last = BootTime::default();
        self.last = BootTime::default();
        self.path.clear();
    }

    /// Returns a signal of an alert, for the score alone. `None` if no detector has such a signal.
    pub(super) fn of_alert(signal: &Signal) -> Option<Self> {
        let info = crate::detect::signal(&signal.id.0)?;
        let last = signal.last.max(signal.at);
        Some(Self { last, ..Self::new(*info, signal.clone(), signal.conclusive, Vec::new()) })
    }

    /// Compares signals for display: the strongest first, among equals the oldest.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let (one, other) = (&self.signal, &other.signal);
        other.weight.cmp(&one.weight).then(one.at.cmp(&other.at)).then(one.id.cmp(&other.id))
    }

    fn age(&self, now: BootTime) -> Duration {
        now.since(self.last)
    }

    /// The half-life of the signal's points.
    fn half_life(&self) -> Duration {
        match self.signal.class {
            SignalClass::Network | SignalClass::Compute => HALF_LIFE_ACTIVITY,
            SignalClass::Behavior => HALF_LIFE_BEHAVIOR,
        }
    }

    /// The points at time `now`. If `excused`, steps count half.
    fn points(&self, excused: bool, now: BootTime) -> f64 {
        let half_lives = self.age(now).as_secs_f64() / self.half_life().as_secs_f64();
        let share = if excused && self.kind == SignalKind::Step { EXCUSED_SHARE } else { 1.0 };
        f64::from(self.signal.weight) * share * (-half_lives).exp2()
    }

    fn is_load(&self) -> bool {
        self.kind == SignalKind::Load
    }

    /// Whether the signal is more than a step that honest programs take too.
    fn is_alarming(&self) -> bool {
        match self.kind {
            SignalKind::Mining | SignalKind::Sign => true,
            SignalKind::Step | SignalKind::Hint | SignalKind::Load => false,
        }
    }

    /// Whether the signal is a deed that serves whatever its process works for: an entry, a change of a place that starts
    /// programs, sabotage, a preparation of the host. Other signals are about one program.
    pub(super) fn is_deed(&self) -> bool {
        DEEDS.iter().any(|info| info.names(&self.signal)) || self.changes_host()
    }

    /// Whether the signal is a change of the host that prepares it for mining: a deed, not a load.
    pub(super) fn changes_host(&self) -> bool {
        HUGE_PAGES.names(&self.signal) || MSR.names(&self.signal)
    }

    /// Whether the signal is N5 with a peer in a private network. Agents keep such connections to servers on the premises.
    fn is_rhythm_inside(&self) -> bool {
        let is_inside = || matches!(self.signal.value("destination"), Some(Value::Address(peer)) if is_private(peer.ip()));
        ENCRYPTED_BEACONING.names(&self.signal) && is_inside()
    }

    /// Whether the signal is evidence of computing. A minute of load (C5) is not enough, because any program can be busy so long.
    fn is_of_computation(&self) -> bool {
        self.signal.class == SignalClass::Compute
            && !self.changes_host()
            && !SUSTAINED_CPU.names(&self.signal)
    }

    /// The second class that the signal is evidence of, if any. A chain contains a connection beside the file change. An
    /// interpreter that runs downloaded code shows a connection, too. Preparing the host for RandomX is behavior
    /// beside the preparation of the computation.
    fn second_class(&self) -> Option<SignalClass> {
        if TRIPLE_CHAIN.names(&self.signal) || is_fed(&self.signal) {
            Some(SignalClass::Network)
        } else if self.changes_host() {
            Some(SignalClass::Behavior)
        } else {
            None
        }
    }
}

/// The score of a suspect at one point in time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a condition of a verdict of its own")]
pub(super) struct Score {
    /// Points of all signals together, rounded.
    pub(super) points: u32,
    /// Whether the signals are of at least two classes.
    two_classes: bool,
    /// Whether a signal is about mining itself.
    mining: bool,
    /// Whether a signal is about mining, disguise or force.
    alarming: bool,
    /// Whether a signal decides the verdict alone.
    conclusive: bool,
    /// Whether the signals suffice for a record: not only a load and one sign of the same class.
    recorded: bool,
    /// Whether steps count half.
    excused: bool,
    /// Index of the load signal that counts: the one with the most points.
    load: Option<usize>,
}

impl Score {
    /// Computes the score of signals at time `now`. Each signal id must occur once. `excused` is whether a person at a
    /// terminal or a CI agent took the steps.
    pub(super) fn of<'a>(
        signals: impl IntoIterator<Item = &'a HeldSignal>,
        excused: bool,
        now: BootTime,
    ) -> Self {
        let mut sum = 0.0;
        let mut load: Option<(usize, f64)> = None;
        let mut classes = BTreeSet::new();
        let mut strong_classes = BTreeSet::new();
        let (mut arithmetic, mut memory, mut hidden) = (false, false, false);
        let (mut rhythm_inside, mut computes) = (false, false);
        let mut work: f64 = 0.0;
        let mut score = Self {
            points: 0,
            two_classes: false,
            mining: false,
            alarming: false,
            conclusive: false,
            recorded: false,
            excused,
            load: None,
        };
        for (index, held) in signals.into_iter().enumerate() {
            let points = held.points(excused, now);
            if !held.is_load() {
                sum += points;
            } else if load.is_none_or(|(_, most)| points > most) {
                load = Some((index, points));
            }
            classes.extend([Some(held.signal.class), held.second_class()].into_iter().flatten());
            if !held.kind.is_weak() {
                strong_classes.extend([Some(held.signal.class), held.second_class()].into_iter().flatten());
                score.recorded |= u32::from(held.signal.weight) >= NOTED;
            }
            if held.is_rhythm_inside() {
                rhythm_inside = true;
            } else {
                score.mining |= held.kind == SignalKind::Mining;
                score.alarming |= held.is_alarming();
            }
            computes |= held.is_of_computation();
            score.conclusive |= held.conclusive;
            arithmetic |= ROUNDING_MODES.names(&held.signal) && !is_burst(&held.signal);
            hidden |= HIDDEN.names(&held.signal);
            memory |= DATASET.names(&held.signal) || SCRATCHPADS.names(&held.signal);
            if POOL_WORDS.names(&held.signal) {
                work = points;
            }
        }
        // A miner computes, wherever its peer is. So N5 with a private peer needs a compute signal or another alarming one.
        score.mining |= rhythm_inside && (computes || score.alarming);
        score.alarming |= rhythm_inside && computes;
        // What a program computes and the memory that it does it in are two witnesses of one algorithm.
        score.conclusive |= arithmetic && memory;
        // Two views of the host disagree about the process, so this one signal counts as two classes.
        score.two_classes |= hidden;
        // Who only listens to a pool is idle. Who is given work and computes mines, while both are recent.
        score.conclusive |= load.is_some_and(|(_, points)| work + points >= f64::from(SUSPECTED));
        let (load, load_points) = load.map_or((None, 0.0), |(index, points)| (Some(index), points));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a sum of at most 255 each"
        )]
        let points = (sum + load_points).round() as u32;
        let recorded = score.recorded || strong_classes.len() > 1;
        Self { points, load, recorded, two_classes: score.two_classes || classes.len() > 1, ..score }
    }

    /// Returns the verdict for this score. `suspected` and `mining` need signals of two classes, because one class
    /// alone can be wrong. `suspected` also needs a signal of mining, disguise or force, and `mining` one of mining
    /// itself, however many signals are about an intrusion. A conclusive signal alone means `mining`, and so does work
    /// from a pool together with a load, which have 95 points or more between them when they are new. `noted` needs
    /// signals of two classes other than hints and load, or one signal that has the points alone.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let Self { points, two_classes, mining, alarming, conclusive, recorded, excused: _, load: _ } = *self;
        if conclusive || (points >= MINING && two_classes && mining) {
            Some(Verdict::Mining)
        } else if points >= SUSPECTED && two_classes && alarming {
            Some(Verdict::Suspected)
        } else if points >= NOTED && recorded {
            Some(Verdict::Noted)
        } else {
            None
        }
    }

    /// Returns the next higher verdict, and what is missing for it.
    fn next(&self) -> Option<NextVerdict> {
        let (next, needed) = match self.verdict() {
            None => (Verdict::Noted, NOTED),
            Some(Verdict::Noted) => (Verdict::Suspected, SUSPECTED),
            Some(Verdict::Suspected) => (Verdict::Mining, MINING),
            Some(Verdict::Mining) => return None,
        };
        let mut missing = Vec::new();
        if self.points < needed {
            let points = needed - self.points;
            let noun = if points == 1 { "point" } else { "points" };
            missing.push(format!("{points} {noun} ({} of {needed})", self.points));
        }
        if (next > Verdict::Noted && !self.two_classes) || (next == Verdict::Noted && !self.recorded) {
            missing.push("a signal of a second class".to_owned());
        }
        if next == Verdict::Suspected && !self.alarming {
            missing.push("a sign of mining, disguise or force".to_owned());
        }
        if next == Verdict::Mining && !self.mining {
            missing.push("a signal about mining itself".to_owned());
        }
        Some(NextVerdict { verdict: next, missing })
    }

    /// Returns the parts of the score, in the order of `signals`: the signals that the score was computed from, in the
    /// same order.
    pub(super) fn parts(&self, signals: &[&HeldSignal], now: BootTime) -> ScoreParts {
        let part = |(index, held): (usize, &&HeldSignal)| SignalPoints {
            points: Points::new(held.points(self.excused, now)),
            half_life: held.half_life(),
            age: held.age(now),
            counted: !held.is_load() || self.load == Some(index),
        };
        ScoreParts {
            signals: signals.iter().enumerate().map(part).collect(),
            verdict: self.verdict(),
            next: self.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::{
            behavior::{DROP_AND_RUN, MINER_COMMAND_LINE, PERSISTENCE, SERVICE_DOWNLOADER, TRIPLE_CHAIN},
            compute::{HOST_LOAD, INTERMITTENT_LOAD, LOAD_JUMP, LONG_LOAD, QUOTA_THROTTLED},
            network::{SUSPECT_CONNECTION, beaconing::EVEN_PUSHES},
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
        HeldSignal::new(info, signal, conclusive, Vec::new())
    }

    #[test]
    fn the_verdict_follows_from_points_and_classes() {
        let drop = || held(DROP_AND_RUN, 25, false);
        let chain = || held(TRIPLE_CHAIN, 35, false);
        let wrong = || held(SignalInfo { kind: SignalKind::Sign, ..TRIPLE_CHAIN }, 70, false);
        let stays = || held(PERSISTENCE, 20, false);
        let calls = || held(SUSPECT_CONNECTION, 10, false);
        let entry = || held(SERVICE_DOWNLOADER, 35, false);
        let line = || held(MINER_COMMAND_LINE, 70, false);
        let burns = || held(SUSTAINED_CPU, 15, false);
        let cases = [
            (vec![], None),
            (vec![drop()], None),
            (vec![drop(), burns()], None),
            (vec![drop(), calls(), burns()], Some(Verdict::Noted)),
            (vec![drop(), chain(), stays()], Some(Verdict::Noted)),
            (vec![drop(), chain(), stays(), calls()], Some(Verdict::Noted)),
            (vec![drop(), chain(), stays(), calls(), burns()], Some(Verdict::Noted)),
            (vec![drop(), chain(), stays(), calls(), entry()], Some(Verdict::Suspected)),
            (vec![wrong()], Some(Verdict::Suspected)),
            (vec![line()], Some(Verdict::Noted)),
            (vec![line(), burns()], Some(Verdict::Suspected)),
            (vec![line(), burns(), drop()], Some(Verdict::Mining)),
            (vec![line(), drop(), stays()], Some(Verdict::Noted)),
            (vec![held(MINER_COMMAND_LINE, 100, true)], Some(Verdict::Mining)),
        ];
        for (signals, expected) in cases {
            let ids: Vec<_> = signals.iter().map(|held| held.signal.id.to_string()).collect();
            assert_eq!(Score::of(&signals, false, BootTime(0)).verdict(), expected, "{ids:?}");
        }
    }

    #[test]
    fn even_pushes_count_only_beside_what_a_program_computes() {
        let pushes = || held(EVEN_PUSHES, EVEN_PUSHES.weight, false);
        let burns = || held(SUSTAINED_CPU, 15, false);
        let dataset = || held(DATASET, DATASET.weight, false);
        let arithmetic = || held(ROUNDING_MODES, ROUNDING_MODES.weight, false);
        for (signals, expected) in [
            (vec![pushes()], None),
            (vec![pushes(), burns()], None),
            (vec![pushes(), burns(), held(DROP_AND_RUN, 25, false)], None),
            (vec![dataset(), burns()], Some(Verdict::Noted)),
            (vec![dataset(), burns(), pushes()], Some(Verdict::Suspected)),
            (vec![arithmetic(), burns(), pushes()], Some(Verdict::Suspected)),
        ] {
            let ids: Vec<_> = signals.iter().map(|held| held.signal.id.to_string()).collect();
            assert_eq!(Score::of(&signals, false, BootTime(0)).verdict(), expected, "{ids:?}");
        }
    }

    #[test]
    fn a_rhythm_inside_the_private_network_counts_beside_what_a_program_computes() {
        let rhythm = |peer: &str| {
            let mut held = held(ENCRYPTED_BEACONING, ENCRYPTED_BEACONING.weight, false);
            let peer: std::net::SocketAddr = peer.parse().unwrap();
            held.signal.evidence.push(crate::model::Evidence::new("destination", peer));
            held
        };
        let steps =
            || [held(TRIPLE_CHAIN, 35, false), held(PERSISTENCE, 20, false), held(DROP_AND_RUN, 25, false)];
        let busy = Some(SUSTAINED_CPU);
        for (peer, computes, expected) in [
            ("10.1.2.3:8443", None, Verdict::Noted),
            ("[fd00::7]:8443", busy, Verdict::Noted),
            ("100.64.0.9:8443", None, Verdict::Noted),
            ("10.1.2.3:8443", Some(LONG_LOAD), Verdict::Mining),
            ("10.1.2.3:8443", Some(DATASET), Verdict::Mining),
            ("198.51.100.7:443", None, Verdict::Mining),
        ] {
            let mut signals = Vec::from(steps());
            signals.push(rhythm(peer));
            signals.extend(computes.map(|info| held(info, info.weight, false)));
            assert_eq!(Score::of(&signals, false, BootTime(0)).verdict(), Some(expected), "{peer}");
        }
    }

    #[test]
    fn work_from_a_pool_is_conclusive_beside_a_recent_load() {
        let work = || held(POOL_WORDS, POOL_WORDS.weight, false);
        let minutes = |count: u64| BootTime(count * 60_000_000_000);
        assert_eq!(Score::of(&[work()], false, BootTime(0)).verdict(), Some(Verdict::Noted));
        for load in [SUSTAINED_CPU, LONG_LOAD, HOST_LOAD, LOAD_JUMP, INTERMITTENT_LOAD, QUOTA_THROTTLED] {
            let verdict = |start| {
                let mut load = held(load, load.weight, false);
                load.last = minutes(start);
                Score::of(&[work(), load], false, minutes(start)).verdict()
            };
            assert_eq!(verdict(1), Some(Verdict::Mining), "{}", load.id);
            assert_eq!(verdict(20), Some(Verdict::Mining), "{}", load.id);
            assert_ne!(verdict(50), Some(Verdict::Mining), "{}: other work by now", load.id);
        }
        let name = || held(SignalInfo { id: "N3", ..POOL_WORDS }, 80, false);
        let burns = || held(SUSTAINED_CPU, 15, false);
        assert_eq!(Score::of(&[name(), burns()], false, BootTime(0)).verdict(), Some(Verdict::Suspected));
    }

    #[test]
    fn what_the_next_verdict_needs() {
        let missing = |signals: &[HeldSignal]| {
            let next = Score::of(signals, false, BootTime(0)).next()?;
            Some((next.verdict, next.missing.join(", ")))
        };
        let drop = || held(DROP_AND_RUN, 25, false);
        let chain = || held(TRIPLE_CHAIN, 35, false);
        let calls = || held(SUSPECT_CONNECTION, 10, false);
        assert_eq!(
            missing(&[drop()]),
            Some((Verdict::Noted, "15 points (25 of 40), a signal of a second class".to_owned()))
        );
        assert_eq!(
            missing(&[drop(), chain()]),
            Some((
                Verdict::Suspected,
                "10 points (60 of 70), a sign of mining, disguise or force".to_owned()
            ))
        );
        assert_eq!(
            missing(&[held(SERVICE_DOWNLOADER, 25, false), calls(), chain()]),
            Some((Verdict::Mining, "30 points (70 of 100), a signal about mining itself".to_owned()))
        );
        assert_eq!(missing(&[held(MINER_COMMAND_LINE, 100, true)]), None);
    }

    #[test]
    fn of_the_load_signals_only_the_strongest_counts() {
        let load = [SUSTAINED_CPU, LONG_LOAD, HOST_LOAD, LOAD_JUMP, INTERMITTENT_LOAD, QUOTA_THROTTLED];
        let held: Vec<_> = load.into_iter().map(|info| held(info, info.weight, false)).collect();
        let score = Score::of(&held, false, BootTime(0));
        assert_eq!(score.points, 20);
        assert!(load.iter().all(|info| info.kind == SignalKind::Load));
        let parts = score.parts(&held.iter().collect::<Vec<_>>(), BootTime(0));
        let counted: Vec<Points> =
            parts.signals.iter().filter(|part| part.counted).map(|part| part.points).collect();
        assert_eq!(counted, [Points::new(20.0)]);
    }

    #[test]
    fn points_halve_in_their_half_life() {
        let signals = [held(SUSTAINED_CPU, 15, false), held(SERVICE_DOWNLOADER, 35, false)];
        let hours = |count: u64| BootTime(count * 3_600_000_000_000);
        let score = |now| Score::of(&signals, false, now);
        assert_eq!(score(hours(0)).points, 50);
        assert_eq!(score(hours(1)).points, 42);
        assert_eq!(score(hours(24)).points, 18);
        assert_eq!(score(hours(24 * 365)).points, 0);
        let parts = score(hours(24)).parts(&signals.iter().collect::<Vec<_>>(), hours(24));
        assert_eq!(parts.signals[1].points, Points::new(17.5));
        assert_eq!(parts.signals[1].half_life, parts.signals[1].age);
        assert_eq!(parts.verdict, None);
    }
}
