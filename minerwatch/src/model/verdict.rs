//! Verdicts on incidents.

use serde::{Deserialize, Serialize};

/// The verdict on an incident, from its score and its signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// 40 points or more. Recorded, but nobody needs to be paged.
    Noted,
    /// 70 points or more, from signals of two classes.
    Suspected,
    /// One conclusive signal, or 100 points or more from signals of two classes, including a sign of mining itself.
    Mining,
}
