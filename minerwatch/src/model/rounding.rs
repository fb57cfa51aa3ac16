//! Rounding modes of a process, read from the control register of the floating-point unit.

use serde::{Deserialize, Serialize};

/// The register that holds the rounding mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlRegister {
    /// The register of `x86_64`.
    Mxcsr,
    /// The register of arm64.
    Fpcr,
}

impl ControlRegister {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mxcsr => "mxcsr",
            Self::Fpcr => "fpcr",
        }
    }
}

/// Number of samples of each rounding mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundingCounts {
    /// To the nearest, the mode that every program starts with.
    pub nearest: u64,
    /// Toward minus infinity.
    pub down: u64,
    /// Toward plus infinity.
    pub up: u64,
    /// Toward zero.
    pub zero: u64,
}

impl RoundingCounts {
    /// Returns the number of samples of a directed mode: down, up or toward zero.
    pub fn directed(&self) -> u64 {
        self.down.saturating_add(self.up).saturating_add(self.zero)
    }

    /// Returns the number of all samples.
    pub fn total(&self) -> u64 {
        self.nearest.saturating_add(self.directed())
    }

    /// Returns the samples that were added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            nearest: self.nearest.saturating_sub(earlier.nearest),
            down: self.down.saturating_sub(earlier.down),
            up: self.up.saturating_sub(earlier.up),
            zero: self.zero.saturating_sub(earlier.zero),
        }
    }

    /// Returns the sum of two counts.
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

/// Samples of a process's rounding modes since the process was first seen. A sample is taken each time a thread is
/// switched out. The event is sent only while the samples of directed modes increase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounding {
    /// The register that was read.
    pub register: ControlRegister,
    /// Samples in which subnormal numbers were flushed to zero.
    pub flushing: RoundingCounts,
    /// All other samples.
    pub plain: RoundingCounts,
}
