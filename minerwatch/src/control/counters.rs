//! What the control socket counts.

/// What the control socket did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlCounters {
    /// Streams open now.
    pub subscribers: u64,
    /// Lines sent to readers.
    pub lines: u64,
    /// Lines that a slow reader lost.
    pub lost: u64,
}
