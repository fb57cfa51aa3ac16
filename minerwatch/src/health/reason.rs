//! Why the sensor can be degraded.

/// Why the sensor is degraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A table is full and evicts entries that are needed.
    TableFull,
    /// A hook that was attached is not attached any more.
    HookGone,
    /// Many events are lost.
    Losses,
    /// The wall clock of the host was set.
    ClockJumped,
    /// The state directory cannot be written.
    StateUnwritable,
    /// The previous daemon was killed or crashed.
    Killed,
}

impl Reason {
    /// Every reason, in the order of the numbers.
    pub const ALL: [Self; 6] = [
        Self::TableFull,
        Self::HookGone,
        Self::Losses,
        Self::ClockJumped,
        Self::StateUnwritable,
        Self::Killed,
    ];

    /// Returns the name in events and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::TableFull => "table-full",
            Self::HookGone => "hook-gone",
            Self::Losses => "losses",
            Self::ClockJumped => "clock-jumped",
            Self::StateUnwritable => "state-unwritable",
            Self::Killed => "killed",
        }
    }

    /// Returns the severity of the alert. From 70 on, somebody should look at once: neither a hook nor the daemon
    /// ends by itself.
    pub fn severity(self) -> u32 {
        match self {
            Self::HookGone | Self::Killed => 75,
            Self::Losses | Self::TableFull | Self::StateUnwritable => 50,
            Self::ClockJumped => 40,
        }
    }
}
