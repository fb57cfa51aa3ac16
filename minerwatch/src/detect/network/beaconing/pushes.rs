//! N5P: work that comes evenly and often. Some pools (DERO) send all miners new work twice a second, so their
//! connections carry more bytes than [N5](super::ENCRYPTED_BEACONING) allows, and the shares are few beside it.

use std::{ops::RangeInclusive, time::Duration};

use super::Totals;
use crate::{
    detect::{SignalInfo, SignalKind},
    model::SignalClass,
};

/// The signal. It is a hint, because a ticker of prices or a stream of measurements may look the same: it takes evidence
/// of what the process computes.
pub const EVEN_PUSHES: SignalInfo = SignalInfo {
    id: "N5P",
    class: SignalClass::Network,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Hint,
    name: "Encrypted stream of equal messages",
    description: "For minutes, messages of one size came over a TLS connection at even times, and little was sent back. Some pools send new work in this way, and so do tickers.",
    catches: "Mining inside TLS at pools that send new work every second.",
    techniques: &["T1496.001", "T1573"],
};

/// Minimum number of pushes.
pub(super) const MIN_PUSHES: u32 = 120;
/// Minimum time that the client was connected.
const MIN_AGE: Duration = Duration::from_secs(300);
/// Maximum number of bytes per minute, both ways.
const MAX_BYTES_A_MINUTE: u64 = 200_000;
/// Maximum share of the sent bytes, in percent of all bytes.
const MAX_SENT_PERCENT: u64 = 5;
/// Maximum number of sent messages, as a share of the pushes: one for this many. A program that asks for each message is
/// no miner.
const PUSHES_PER_SENT: u32 = 4;
/// Length of a message with new work, in bytes. The others are heartbeats, answers and bulk data.
const LENGTHS: RangeInclusive<u16> = 150..=4_096;
/// Maximum difference between the lengths of the pushes, in bytes, or in percent of the longest.
const MAX_SPREAD: u16 = 16;
const MAX_SPREAD_PERCENT: u32 = 3;
/// Maximum coefficient of variation of the gaps between pushes. A clock has 0, and random times have 1.
pub(super) const MAX_UNEVENNESS: f64 = 0.35;
/// Maximum number of messages that do not fit: this many, or one of [`PUSHES_PER_STRAY`] pushes.
const MAX_STRAYS: u32 = 8;
const PUSHES_PER_STRAY: u32 = 8;
/// A gap of this many times the mean says that messages between were not seen.
const LOST_GAPS: f64 = 4.0;
/// Minimum number of gaps before their mean says what is too long.
const MIN_GAPS: u32 = 16;

/// A run of received messages of near-equal length. It has a fixed size: the messages are not stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pushes {
    pub(super) count: u32,
    /// The shortest and the longest length, in bytes.
    pub(super) least: u16,
    pub(super) most: u16,
    /// Number of messages that did not fit.
    strays: u32,
    /// Number of messages that the client sent meanwhile.
    sent: u32,
    /// When the last push came, in milliseconds after the beginning of its connection. `None` at the beginning.
    previous: Option<u32>,
    /// Number of gaps, the sum of their lengths in milliseconds, and the sum of the squares.
    gaps: u32,
    sum: f64,
    squares: f64,
}

impl Pushes {
    /// Counts a sent message.
    pub(super) fn sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    /// Adds a received message of `length` bytes, `at` milliseconds after the beginning of the connection.
    pub(super) fn received(&mut self, at: u32, length: u16) {
        if !LENGTHS.contains(&length) {
            return;
        }
        let (least, most) = match self.count {
            0 => (length, length),
            _ => (self.least.min(length), self.most.max(length)),
        };
        if u32::from(most - least) > u32::from(MAX_SPREAD).max(u32::from(most) * MAX_SPREAD_PERCENT / 100) {
            self.stray();
            return;
        }
        (self.least, self.most) = (least, most);
        self.count = self.count.saturating_add(1);
        let Some(previous) = self.previous.replace(at) else { return };
        let gap = f64::from(at.saturating_sub(previous));
        if self.gaps >= MIN_GAPS && gap * f64::from(self.gaps) > LOST_GAPS * self.sum {
            self.stray();
            return;
        }
        self.gaps = self.gaps.saturating_add(1);
        self.sum += gap;
        self.squares += gap * gap;
    }

    /// Goes on in a new connection of the same client, whose times begin at 0.
    pub(super) fn reconnect(&mut self) {
        self.previous = None;
    }

    /// Begins a new run once too many messages did not fit: the first message may have been the odd one.
    fn stray(&mut self) {
        self.strays = self.strays.saturating_add(1);
        if self.strays > MAX_STRAYS.max(self.count / PUSHES_PER_STRAY) {
            *self = Self::default();
        }
    }

    /// Whether the run is as even, long and one-sided as a pool's. `totals` are those of the client.
    pub(super) fn are_work(&self, totals: &Totals) -> bool {
        self.count >= MIN_PUSHES
            && self.sent <= self.count / PUSHES_PER_SENT
            && totals.lasted >= MIN_AGE
            && totals.bytes_per_minute() <= MAX_BYTES_A_MINUTE
            && totals.sent.saturating_mul(100) <= totals.bytes().saturating_mul(MAX_SENT_PERCENT)
            && self.unevenness().is_some_and(|unevenness| unevenness <= MAX_UNEVENNESS)
    }

    /// The coefficient of variation of the gaps: their standard deviation divided by their mean.
    pub(super) fn unevenness(&self) -> Option<f64> {
        let count = f64::from(self.gaps);
        let mean = self.sum / count;
        let variance = (self.squares / count - mean * mean).max(0.0);
        (self.gaps >= MIN_GAPS && mean > 0.0).then(|| variance.sqrt() / mean)
    }
}
