//! Signals from one process to another.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{COMM_LENGTH, RecordHeader};

/// The numbers of the signals that are reported (asm/signal.h of x86 and arm64).
pub mod sent_signal {
    /// Ends the process.
    pub const KILL: u32 = 9;
    /// Asks the process to end.
    pub const TERM: u32 = 15;
    /// Lets a stopped process go on.
    pub const CONT: u32 = 18;
    /// Stops the process.
    pub const STOP: u32 = 19;
}

/// A process sent a signal to another one. The header names the sender. The same signal to the same process is reported
/// once a second.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SignalRecord {
    /// The sender.
    pub header: RecordHeader,
    /// Start time of the target, as in [`RecordHeader::start`].
    pub target_start: u64,
    /// Process id of the target.
    pub target_pid: u32,
    /// The number of the signal, one of [`sent_signal`].
    pub signal: u32,
    /// The `comm` of the target's thread that the signal is for.
    pub target_comm: [u8; COMM_LENGTH],
}

const _: () = assert!(size_of::<SignalRecord>() == 80);
