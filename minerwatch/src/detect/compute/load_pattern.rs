//! C8: a program that uses more than a quarter of a processor over a whole day, evenly or as a square wave.
//!
//! The load of programs that serve people rises and falls over a day. The load of a throttled miner is flat. The load
//! of a miner that works only at night is a square wave.

use std::{ops::RangeInclusive, time::Duration};

use super::variation::mean_and_variation;
use crate::{
    detect::{
        Declaration, DetectionContext, Finding, LoadHistory, Shares, SignalInfo, SignalKind, Stateless,
    },
    model::{Decimal, EventType, SignalClass, Threshold},
};

/// Share of a processor over 24 hours above which a program is judged.
const DAY_SHARE: f64 = 0.25;
/// Minimum time that a program must be known, in hours.
const KNOWN_HOURS: u64 = 24;
/// Coefficient of variation over the hours below which a load is flat.
const FLAT: f64 = 0.10;
/// Share of a processor below which a program is off.
const OFF: f64 = 0.05;
/// Maximum deviation from the level while the load is on, as a share of the level.
const LEVEL_TOLERANCE: f64 = 0.15;
/// Share of the time that a square wave is on.
const ON: RangeInclusive<f64> = 0.15..=0.85;
/// Maximum number of edges of a square wave in a day. Jobs have more.
const MOST_EDGES: usize = 12;

/// The signal.
pub const INTERMITTENT_LOAD: SignalInfo = SignalInfo {
    id: "C8",
    class: SignalClass::Compute,
    weight: 20,
    full_weight: 20,
    kind: SignalKind::Load,
    name: "Even or on-and-off load over a day",
    description: "The program took more than a quarter of a processor over 24 hours, either evenly (varying by less than 10 % from hour to hour) or as a square wave. People's programs follow people's days.",
    catches: "A miner that throttles itself, or works only at night, to stay below other thresholds.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[INTERMITTENT_LOAD],
    wants: &[EventType::Cpu],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// The shape of a day's load.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Even, with this coefficient of variation over the hours.
    Flat(f64),
    /// On and off, with the share of a processor while on, and the share of the time it was on.
    Square(f64, f64),
}

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    judge(context, context.known.due_load_history()?)
}

fn judge(context: &DetectionContext<'_>, history: &LoadHistory) -> Option<Finding> {
    let shares = history.shares();
    if history.age() < Duration::from_secs(KNOWN_HOURS * 3_600) || shares.day <= DAY_SHARE {
        return None;
    }
    let shape = shape(history)?;
    let day = shares.day * 100.0;
    let (words, name, value, threshold) = match shape {
        Shape::Flat(variation) => (
            format!("evenly, varying by {:.0} % from hour to hour", variation * 100.0),
            "variation",
            variation,
            Threshold::below(Decimal::new(FLAT, 1)),
        ),
        Shape::Square(level, on) => (
            format!("on and off: {level:.1} of one for {:.0} % of the time, and nothing else", on * 100.0),
            "on_share",
            on,
            Threshold::between(Decimal::new(*ON.start(), 2), Decimal::new(*ON.end(), 2))
                .note(", with nothing between on and off"),
        ),
    };
    let detail = format!("this program took {day:.0} % of a processor over {KNOWN_HOURS} hours, {words}");
    let day_share =
        Threshold::above(Decimal::new(DAY_SHARE, 2)).note(format!(" of a processor over {KNOWN_HOURS} h"));
    let finding = Finding::new(INTERMITTENT_LOAD, context, detail)
        .measured("day_share", Decimal::new(shares.day, 2), day_share)
        .measured(name, Decimal::new(value, 3), threshold);
    Some(with_longer_shares(finding, shares))
}

/// Adds the shares over an hour and a week as evidence, for comparison.
pub(super) fn with_longer_shares(finding: Finding, shares: Shares) -> Finding {
    finding
        .value("hour_share", Decimal::new(shares.hour, 2))
        .value("week_share", Decimal::new(shares.week, 2))
}

/// Returns the shape of a load, or `None` if the load is neither flat nor a square wave.
fn shape(history: &LoadHistory) -> Option<Shape> {
    let (_, variation) = mean_and_variation(&history.hours_of_day());
    if variation < FLAT {
        return Some(Shape::Flat(variation));
    }
    let tens = history.tens_of_day();
    let on: Vec<f64> = tens.iter().copied().filter(|share| *share >= OFF).collect();
    let on_share = on.len() as f64 / tens.len().max(1) as f64;
    let (level, _) = mean_and_variation(&on);
    // The load of a slot in which the program went on or off lies between off and the level. There is at most one such
    // slot per edge.
    let between = on.iter().filter(|share| (**share - level).abs() > LEVEL_TOLERANCE * level).count();
    let edges = tens
        .windows(2)
        .filter(|pair| matches!(pair, [one, other] if (*one >= OFF) != (*other >= OFF)))
        .count();
    let is_square = ON.contains(&on_share) && (1..=MOST_EDGES).contains(&edges) && between <= edges;
    is_square.then_some(Shape::Square(level, on_share))
}

#[cfg(test)]
pub(super) mod tests {
    use crate::testing::{CpuReport, Host, findings_on, seconds};

    /// The share of a processor in a given minute.
    pub(in super::super) type Minute = fn(u64) -> f64;

    /// Returns which of C8 and C9J are found for a program that runs for `hours`.
    pub(in super::super) fn found(hours: u64, share: Minute) -> Vec<&'static str> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let mut worker = host.spawn(init, "/opt/worker", &["worker"]);
        for minute in 0..hours * 60 {
            if minute % 300 == 299 {
                // A restarted program is the same program.
                host.exit(worker);
                worker = host.spawn(init, "/opt/worker", &["worker"]);
            }
            let processors = share(minute);
            if processors > 0.0 {
                host.report(worker, CpuReport { window: 60, processors, ..CpuReport::default() });
            } else {
                host.wait(seconds(60));
            }
        }
        let found = findings_on(&host, 8).into_iter().map(|(id, _)| id);
        let mut ids: Vec<_> = found.filter(|id| ["C8", "C9J"].contains(id)).collect();
        ids.dedup();
        ids
    }

    #[test]
    fn a_load_must_be_flat_or_a_square_wave_over_a_day() {
        let like_people = |minute: u64| {
            let hour = minute as f64 / 60.0;
            0.6 + 0.5 * (hour * std::f64::consts::PI / 12.0).sin()
        };
        let cases: [(&str, u64, Minute, &[&str]); 7] = [
            ("throttled to 30 %", 26, |_| 0.3, &["C8"]),
            ("nights only", 26, |minute| if minute / 60 % 24 < 8 { 2.0 } else { 0.0 }, &["C8"]),
            (
                "mixed, but even from hour to hour",
                30,
                |minute| if minute * 7_919 % 13 < 5 { 1.0 } else { 0.1 },
                &["C8"],
            ),
            ("too little", 26, |_| 0.2, &[]),
            ("known for too short a time", 20, |_| 0.5, &[]),
            ("it rises and falls with people's day", 30, like_people, &[]),
            (
                "jobs of all sizes",
                30,
                |minute| if minute / 37 % 3 == 0 { 0.4 + (minute % 11) as f64 / 5.0 } else { 0.1 },
                &[],
            ),
        ];
        for (name, hours, minute, expected) in cases {
            assert_eq!(found(hours, minute), expected, "{name}");
        }
    }
}
