//! What the control register of the floating-point unit says of a process.

use serde::{Deserialize, Serialize};

/// The register that holds the rounding mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlRegister {
    /// Of `x86_64`.
    Mxcsr,
    /// Of arm64.
    Fpcr,
}

impl ControlRegister {
    /// Its name in objects.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mxcsr => "mxcsr",
            Self::Fpcr => "fpcr",
        }
    }
}

/// How often each rounding mode was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundingCounts {
    /// To the nearest, what every program starts with.
    pub nearest: u64,
    /// Toward minus infinity.
    pub down: u64,
    /// Toward plus infinity.
    pub up: u64,
    /// Toward zero.
    pub zero: u64,
}

impl RoundingCounts {
    /// How often another mode than the nearest was found.
    pub fn turned(&self) -> u64 {
        self.down.saturating_add(self.up).saturating_add(self.zero)
    }

    /// All looks.
    pub fn all(&self) -> u64 {
        self.nearest.saturating_add(self.turned())
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            nearest: self.nearest.saturating_sub(earlier.nearest),
            down: self.down.saturating_sub(earlier.down),
            up: self.up.saturating_sub(earlier.up),
            zero: self.zero.saturating_sub(earlier.zero),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            nearest: self.nearest.saturating_add(other.nearest),
            down: self.down.saturating_add(other.down),
            up: self.up.saturating_add(other.up),
            zero: self.zero.saturating_add(other.zero),
        }
    }
}

/// Looks at a process's threads as they left a CPU, counted since it was first seen. It is reported while
/// other modes than the nearest are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounding {
    /// Where it was read.
    pub register: ControlRegister,
    /// Looks that found tiny numbers flushed to zero.
    pub flushing: RoundingCounts,
    /// All other looks.
    pub plain: RoundingCounts,
}
