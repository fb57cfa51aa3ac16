//! The parts of an incident's score. The engine computes the parts once; an explanation of an alert only shows them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::Verdict;

/// Points with a resolution of one tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points {
    tenths: u32,
}

impl Points {
    /// Rounds to a tenth. Negative points become 0.
    pub fn new(points: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float that does not fit becomes the nearest number that does"
        )]
        let tenths = (points * 10.0).round() as u32;
        Self { tenths }
    }

    /// The points as a float.
    pub fn as_f64(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }
}

impl fmt::Display for Points {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.1}", self.as_f64())
    }
}

/// The contribution of one signal to the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalPoints {
    /// The current points: the weight of the signal after decay.
    pub points: Points,
    /// Half-life of the points.
    pub half_life: Duration,
    /// Time since the signal was last shown.
    pub age: Duration,
    /// Whether the points count. Of several signals of mere CPU load, only the strongest counts.
    pub counted: bool,
}

/// The parts of a score.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreParts {
    /// One entry for each signal of the alert, in the same order.
    pub signals: Vec<SignalPoints>,
    /// The verdict for the current points. Points decay, but an incident keeps its highest verdict.
    pub verdict: Option<Verdict>,
    /// The next higher verdict; `None` if there is no higher verdict.
    pub next: Option<NextVerdict>,
}

/// A verdict that is not reached yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// What is missing, for people: `30 points (70 of 100)`.
    pub missing: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_rounded_to_a_tenth() {
        let shown = |points: f64| Points::new(points).to_string();
        assert_eq!([0.0, 12.34, 12.35, 100.0].map(shown), ["0.0", "12.3", "12.4", "100.0"]);
        assert_eq!([-1.0, f64::NAN].map(shown), ["0.0", "0.0"]);
    }
}
