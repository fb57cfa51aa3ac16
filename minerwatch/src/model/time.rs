//! Time as the kernel tells it, and as people read it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds of `CLOCK_BOOTTIME`: since boot, time asleep included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootTime(pub u64);

impl BootTime {
    /// The time since `earlier`, zero if that lies ahead (events of two CPUs may come out of order).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time moved ahead, at most to the end of the clock.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// How boot time becomes wall time: the wall clock's reading at boot. It is taken at the edge, and a
/// recording carries it, so that a replay shows the times of the recorded host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallClock {
    /// Nanoseconds of Unix time at which the boot clock read zero.
    pub boot: i128,
}

impl WallClock {
    /// The Unix time of a boot time, in nanoseconds.
    pub fn unix_nanoseconds(self, time: BootTime) -> i128 {
        self.boot.saturating_add(i128::from(time.0))
    }
}
