//! Updates about an open connection, after its first payloads were captured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BootTime, Direction, Flow};

/// Time, direction and size of one payload, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadSample {
    /// Milliseconds after [`FlowUpdate::first`].
    pub at: u32,
    /// The direction of the payload.
    pub direction: Direction,
    /// The size of the payload in bytes, at most 65,535.
    pub length: u16,
}

/// The traffic of a connection so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowUpdate {
    /// The connection, as in [`super::Payload::flow`].
    pub flow: Flow,
    /// Whether the peer opened the connection.
    #[serde(default)]
    pub accepted: bool,
    /// Whether the reporting interval is over. Otherwise the update only carries its samples and has no line in the
    /// output.
    pub interval: bool,
    /// When the first payload was seen.
    pub first: BootTime,
    /// Payload bytes sent and received since [`Self::first`].
    pub bytes: (u64, u64),
    /// Packets with payload sent and received since [`Self::first`].
    pub payloads: (u32, u32),
    /// The payloads since the last update, oldest first; empty for a bulk transfer.
    #[serde(default, rename = "beats")]
    pub samples: Box<[PayloadSample]>,
}

impl FlowUpdate {
    /// Returns the average bytes per minute in both directions over `lasted`. Less than one minute counts as one.
    pub fn bytes_per_minute(&self, lasted: Duration) -> u64 {
        self.bytes.0.saturating_add(self.bytes.1) / (lasted.as_secs() / 60).max(1)
    }
}
