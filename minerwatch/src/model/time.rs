//! Boot time, which events use, and wall time, which people read.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds since boot, including suspend (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootTime(pub u64);

impl BootTime {
    /// Returns the time since `earlier`, or zero if `earlier` is later, because events of different CPUs may arrive out
    /// of order.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns this time plus `span`, at most the largest value of the clock.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Converts boot time to wall time. A recording contains this value, so that a replay shows the times of the recorded
/// host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallClock {
    /// Unix time at boot, nanoseconds.
    pub boot: i128,
}

impl WallClock {
    /// Returns the Unix time of a boot time, in nanoseconds.
    pub fn unix_nanoseconds(self, time: BootTime) -> i128 {
        self.boot.saturating_add(i128::from(time.0))
    }
}
