//! C8: a program that takes a quarter of a processor or more over a whole day, evenly or by the clock.
//! C9J: a program that takes many times what it took over its own last day.
//!
//! People's programs follow people: their load rises and falls over a day. A throttled miner's is flat, one
//! that works at night only is a square wave.

use super::{
    LoadThresholds,
    load_history::{Identity, LoadHistories, LoadHistory, LoadHistoryState},
    yield_periodicity::spread,
};
use crate::{
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, CpuUsage},
};

/// The shape of a day's load.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Even, with this coefficient of variation over the hours.
    Flat(f64),
    /// On and off, with the share while on, and of the time it was on.
    Square(f64, f64),
}

/// The programs that work, over days.
#[derive(Debug)]
pub struct LoadPatterns {
    duties: LoadHistories,
    jump: f64,
}

impl LoadPatterns {
    /// Follows at most so many programs.
    pub fn new(thresholds: LoadThresholds, capacity: usize) -> Self {
        Self { duties: LoadHistories::new(capacity), jump: thresholds.jump }
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.duties.evicted()
    }

    /// What outlives the daemon.
    pub fn state(&self, now: BootTime) -> LoadHistoryState {
        self.duties.state(now)
    }

    /// Takes over what an earlier daemon left.
    pub fn restore(&mut self, state: LoadHistoryState, now: BootTime, elapsed: std::time::Duration) {
        self.duties.restore(state, now, elapsed);
    }

    /// Takes a report in, and each ten minutes judges the program it belongs to.
    pub fn report(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage, findings: &mut Vec<Finding>) {
        let Some(identity) = Identity::of(context.process, context.table) else { return };
        let duty = self.duties.add(&identity, context.at(), usage.on_cpu);
        if !duty.is_due() {
            return;
        }
        findings.extend(tidal(context, duty));
        findings.extend(jump(context, duty, self.jump));
    }
}

fn tidal(context: &DetectionContext<'_>, duty: &LoadHistory) -> Option<Finding> {
    let shares = duty.shares();
    if duty.age() < tuning::TIDE_AGE.as_secs() || shares.day <= tuning::TIDE_DUTY {
        return None;
    }
    let shape = shape(duty)?;
    let day = shares.day * 100.0;
    let (words, name, value, threshold) = match shape {
        Shape::Flat(variation) => (
            format!("evenly, varying by {:.0} % from hour to hour", variation * 100.0),
            "variation",
            variation,
            "below 0.1",
        ),
        Shape::Square(level, on) => (
            format!("on and off: {level:.1} of one for {:.0} % of the time, and nothing else", on * 100.0),
            "on_share",
            on,
            "0.15 to 0.85, with nothing between on and off",
        ),
    };
    let detail = format!("this program took {day:.0} % of a processor over 24 hours, {words}");
    let finding = Finding::new(signals::INTERMITTENT_LOAD, context, detail)
        .against("day_share", &format!("{:.2}", shares.day), "above 0.25 of a processor over 24 h")
        .against(name, &format!("{value:.3}"), threshold);
    Some(windows(finding, shares))
}

fn jump(context: &DetectionContext<'_>, duty: &LoadHistory, factor: f64) -> Option<Finding> {
    let shares = duty.shares();
    let tens = duty.tens_of_day();
    let earlier = tens.get(..tens.len().saturating_sub(1)).unwrap_or_default();
    let known = usize::try_from(duty.age() / 600).unwrap_or(usize::MAX).min(earlier.len());
    let earlier = earlier.get(earlier.len() - known..).unwrap_or_default();
    let baseline = earlier.iter().sum::<f64>() / earlier.len().max(1) as f64;
    let risen = shares.ten_minutes / baseline.max(tuning::JUMP_BASELINE);
    if duty.age() < tuning::JUMP_AGE.as_secs()
        || shares.ten_minutes < tuning::JUMP_SHARE
        || risen < factor + 1.0
    {
        return None;
    }
    let detail = format!(
        "this program took {:.1} processors in 10 minutes, {:.0} % more than over its last day",
        shares.ten_minutes,
        (risen - 1.0) * 100.0
    );
    let finding = Finding::new(signals::LOAD_JUMP, context, detail)
        .against(
            "rise_percent",
            &format!("{:.0}", (risen - 1.0) * 100.0),
            &format!("at least {:.0}", factor * 100.0),
        )
        .against("ten_minutes_share", &format!("{:.2}", shares.ten_minutes), "at least 0.70")
        .with("baseline_share", &format!("{baseline:.3}"));
    Some(windows(finding, shares))
}

fn windows(finding: Finding, shares: super::load_history::Shares) -> Finding {
    finding
        .with("hour_share", &format!("{:.2}", shares.hour))
        .with("week_share", &format!("{:.2}", shares.week))
}

/// Flat, a square wave, or neither.
fn shape(duty: &LoadHistory) -> Option<Shape> {
    let (_, variation) = spread(&duty.hours_of_day());
    if variation < tuning::TIDE_VARIATION {
        return Some(Shape::Flat(variation));
    }
    let tens = duty.tens_of_day();
    let on: Vec<f64> = tens.iter().copied().filter(|share| *share >= tuning::TIDE_OFF).collect();
    let on_share = on.len() as f64 / tens.len().max(1) as f64;
    let (level, _) = spread(&on);
    // A slot in which it went on or off lies between; there is one for each edge.
    let between = on.iter().filter(|share| (**share - level).abs() > tuning::TIDE_LEVEL * level).count();
    let edges = tens
        .windows(2)
        .filter(
            |pair| matches!(pair, [one, other] if (*one >= tuning::TIDE_OFF) != (*other >= tuning::TIDE_OFF)),
        )
        .count();
    let is_square =
        tuning::TIDE_ON.contains(&on_share) && (1..=tuning::TIDE_EDGES).contains(&edges) && between <= edges;
    is_square.then_some(Shape::Square(level, on_share))
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Burn, Host, findings_on, seconds},
        model::ProcessKey,
    };

    /// Signals of a program whose share of a processor in each minute of so many hours is as given.
    fn found(hours: u64, share: impl Fn(u64) -> f64) -> Vec<&'static str> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let mut worker = host.spawn(init, "/opt/worker", &["worker"]);
        for minute in 0..hours * 60 {
            if minute % 300 == 299 {
                // Killed and started again: the same program.
                host.exit(worker);
                worker = host.spawn(init, "/opt/worker", &["worker"]);
            }
            use_minute(&mut host, worker, share(minute));
        }
        let mut ids: Vec<_> = findings_on(&host, 8)
            .into_iter()
            .map(|(id, _)| id)
            .filter(|id| ["C8", "C9J"].contains(id))
            .collect();
        ids.dedup();
        ids
    }

    fn use_minute(host: &mut Host, key: ProcessKey, processors: f64) {
        if processors > 0.0 {
            host.report(key, Burn { window: 60, processors, ..Burn::default() });
        } else {
            host.wait(seconds(60));
        }
    }

    #[test]
    fn tides() {
        assert_eq!(found(26, |_| 0.3), ["C8"], "throttled to 30 %");
        assert_eq!(found(26, |minute| if minute / 60 % 24 < 8 { 2.0 } else { 0.0 }), ["C8"], "nights only");
        assert_eq!(found(26, |_| 0.2), [""; 0], "too little");
        assert_eq!(found(20, |_| 0.5), [""; 0], "too short");
    }

    #[test]
    fn what_people_use_has_the_shape_of_their_day() {
        let day = |minute: u64| {
            let hour = minute as f64 / 60.0;
            0.6 + 0.5 * (hour * std::f64::consts::PI / 12.0).sin()
        };
        assert_eq!(found(30, day), [""; 0]);
        assert_eq!(
            found(30, |minute| if minute * 7_919 % 13 < 5 { 1.0 } else { 0.1 }),
            ["C8"],
            "evenly mixed is flat over hours"
        );
        assert_eq!(
            found(30, |minute| if minute / 37 % 3 == 0 { 0.4 + (minute % 11) as f64 / 5.0 } else { 0.1 }),
            [""; 0],
            "jobs of all sizes"
        );
    }

    #[test]
    fn a_jump_over_its_own_day() {
        let jump = |minute: u64| if minute > 60 * 12 { 1.5 } else { 0.1 };
        assert!(found(14, jump).contains(&"C9J"));
        assert!(
            !found(14, |minute| if minute > 60 * 12 { 0.5 } else { 0.1 }).contains(&"C9J"),
            "not half busy"
        );
        assert!(
            !found(2, |minute| if minute > 60 { 1.5 } else { 0.1 }).contains(&"C9J"),
            "too young to know"
        );
        assert!(
            !found(14, |minute| if minute > 60 * 12 { 2.0 } else { 0.8 }).contains(&"C9J"),
            "only more than double"
        );
    }
}
