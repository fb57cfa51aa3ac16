//! Counters of the control socket.

/// Counters of the control socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlCounters {
    /// Streams that are open now.
    pub subscribers: u64,
    /// Lines sent to readers.
    pub lines: u64,
    /// Lines that slow readers have lost.
    pub lost: u64,
}
