//! How a connection goes on after its first words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BootTime, Direction, Flow};

/// One payload by its size and time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadSample {
    /// Milliseconds after [`FlowUpdate::first`].
    pub at: u32,
    /// Which way it went.
    pub direction: Direction,
    /// Its bytes, 65,535 for more.
    pub length: u16,
}

/// What went over a connection so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowUpdate {
    /// The connection, as in [`super::Payload::flow`].
    pub flow: Flow,
    /// Whether the peer opened the connection.
    #[serde(default)]
    pub accepted: bool,
    /// Whether the time has come to tell people of it; else only the samples are new.
    pub interval: bool,
    /// When its first payload was seen.
    pub first: BootTime,
    /// Bytes of payloads sent and received since then.
    pub bytes: (u64, u64),
    /// Payloads sent and received since then, as the packets carried them.
    pub payloads: (u32, u32),
    /// The payloads since the last of these events, the oldest first; none of a connection in bulk.
    #[serde(default, rename = "beats")]
    pub samples: Box<[PayloadSample]>,
}

impl FlowUpdate {
    /// Bytes both ways in a minute, on average over the time that it `lasted`; the first minute counts whole.
    pub fn bytes_a_minute(&self, lasted: Duration) -> u64 {
        self.bytes.0.saturating_add(self.bytes.1) / (lasted.as_secs() / 60).max(1)
    }
}
