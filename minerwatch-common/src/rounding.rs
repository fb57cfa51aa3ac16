//! Floating-point rounding modes of a process, sampled when a thread leaves a CPU.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{RecordHeader, numbered::numbered};

numbered! {
    /// The register that holds the rounding mode, stored in [`RoundingRecord::register`].
    pub enum ControlRegister: u32 {
        /// MXCSR of `x86_64` (Intel SDM volume 1, 10.2.3): rounding mode in bits 13 and 14, flush to zero (FTZ) in bit
        /// 15, denormals are zero (DAZ) in bit 6.
        Mxcsr = 1,
        /// FPCR of arm64 (Arm ARM, C5.2.8): rounding mode in bits 22 and 23, flush to zero (FZ) in bit 24.
        Fpcr = 2,
    }
}

/// Number of samples in each rounding mode.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RoundingCounts {
    /// To nearest, which is the default of every program.
    pub nearest: u64,
    /// Toward minus infinity.
    pub down: u64,
    /// Toward plus infinity.
    pub up: u64,
    /// Toward zero.
    pub zero: u64,
}

/// A process uses a rounding mode other than to nearest. The record is sent for the first sample in such a mode, each
/// time the number of these samples has grown by half, and once per second while the number grows. The counters are
/// totals since the scheduler hook first saw the process.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RoundingRecord {
    /// The process. `tid` is the thread of the latest sample.
    pub header: RecordHeader,
    /// Samples in which denormal numbers are flushed to zero (both FTZ and DAZ, or FZ).
    pub flushing: RoundingCounts,
    /// All other samples.
    pub plain: RoundingCounts,
    /// A [`ControlRegister`] as a number.
    pub register: u32,
    /// Reserved, zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<RoundingRecord>() == 120);
