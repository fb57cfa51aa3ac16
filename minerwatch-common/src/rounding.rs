//! The rounding modes a process was found in when its threads left a CPU.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::RecordHeader;

/// The register that holds the rounding mode, as it stands in [`RoundingRecord::register`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ControlRegister {
    /// MXCSR of `x86_64` (Intel SDM volume 1, 10.2.3): rounding in bits 13 and 14, flush to zero in bit 15,
    /// denormals are zero in bit 6.
    Mxcsr = 1,
    /// FPCR of arm64 (Arm ARM, C5.2.8): rounding in bits 22 and 23, flush to zero in bit 24.
    Fpcr = 2,
}

impl ControlRegister {
    /// The register with this number, or `None` for one this build does not know.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Mxcsr, Self::Fpcr].into_iter().find(|register| *register as u32 == number)
    }
}

/// How often each rounding mode was found, whatever the register calls it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
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

/// Sent when a process is found rounding otherwise than to the nearest: the first time, each time the count
/// of such finds has grown by half, and once a second while it grows. The counters run from the moment the
/// scheduler hook first saw the process.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RoundingRecord {
    /// The process; `tid` is the thread that was found last.
    pub header: RecordHeader,
    /// Looks that found tiny numbers flushed to zero (FTZ and DAZ both, or FZ).
    pub flushing: RoundingCounts,
    /// All other looks.
    pub plain: RoundingCounts,
    /// A [`ControlRegister`] as a number.
    pub register: u32,
    /// Reserved, zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<RoundingRecord>() == 120);
