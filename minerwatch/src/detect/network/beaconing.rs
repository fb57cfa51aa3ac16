//! N5: a TLS connection with the rhythm of mining. Shares have similar lengths, are answered, and are sent at random
//! times. New work arrives unasked. The connection stays open for hours and moves few bytes. The detector uses only
//! lengths and times.

use std::{collections::VecDeque, net::SocketAddr, ops::RangeInclusive, time::Duration};

use super::leaves_host;
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{Direction, EventBody, EventType, FlowUpdate, PayloadSample, ProcessKey, SignalClass, Threshold},
};

/// The signal. It is never enough alone: a client of a broker that publishes at random times and subscribes to others
/// looks the same.
pub const ENCRYPTED_BEACONING: SignalInfo = SignalInfo {
    id: "N5",
    class: SignalClass::Network,
    weight: 30,
    full_weight: 30,
    kind: SignalKind::Mining,
    name: "Encrypted connection with the rhythm of mining",
    description: "A TLS connection has been open for minutes in few bytes. Messages of one size went out at irregular times and each was answered, as shares are; others came unasked, as new work does.",
    catches: "Mining inside TLS, known by the sizes and times of its messages alone.",
    techniques: &["T1496.001", "T1573"],
};

/// Maximum number of connections that are tracked.
const CONNECTIONS: usize = 4_096;
/// Minimum age of a connection before its rhythm counts.
const MIN_AGE: Duration = Duration::from_secs(300);
/// Maximum number of bytes per minute, both ways. A miner moves less than half of this number.
pub(super) const MAX_BYTES_A_MINUTE: u64 = 20_000;
/// Number of messages sent at the beginning that do not count: the handshake and the login.
const HANDSHAKE_MESSAGES: usize = 4;
/// Maximum number of sent messages that are remembered per connection.
const MESSAGES: usize = 64;
/// Maximum time from a message to its answer, in milliseconds. A later message counts as unasked.
const MAX_ANSWER_MS: u32 = 2_000;
/// Length of an encrypted share, in bytes: 200 to 270 for XMRig. Other protocols have shorter shares.
const SHARE_LENGTHS: RangeInclusive<u16> = 90..=600;
/// Maximum difference between the lengths of one miner's shares, in bytes. Only a few numbers in a share vary in their
/// digits.
const SHARE_SPREAD: u16 = 8;
/// Length of a message with new work, in bytes.
const WORK_LENGTHS: RangeInclusive<u16> = 150..=4_096;
/// Minimum number of shares.
const MIN_SHARES: usize = 8;
/// Minimum number of unasked messages.
const MIN_UNASKED: u32 = 3;
/// Minimum coefficient of variation of the gaps between shares. Random times have 1, and a clock has 0.
const MIN_IRREGULARITY: f64 = 0.4;

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[ENCRYPTED_BEACONING],
    wants: &[EventType::Payload, EventType::FlowUpdate, EventType::Close],
    evictions: Some("cadences_evicted"),
    create: |_| Box::new(Beaconing { rhythms: BoundedMap::new(CONNECTIONS) }),
};

/// The key of a connection: the process, and the source and the destination address.
type ConnectionKey = (ProcessKey, SocketAddr, SocketAddr);

/// A message that a process sent.
#[derive(Clone, Copy, Debug)]
struct Message {
    /// Milliseconds after the beginning of the connection.
    at: u32,
    length: u16,
    is_answered: bool,
}

/// The latest messages of one connection.
#[derive(Debug, Default)]
struct Rhythm {
    messages: VecDeque<Message>,
    /// Number of handshake messages that were skipped so far.
    handshake: usize,
    /// Number of messages that came unasked.
    unasked: u32,
}

/// The TLS connections that this host opened.
#[derive(Debug)]
struct Beaconing {
    rhythms: BoundedMap<ConnectionKey, Rhythm>,
}

impl Detector for Beaconing {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let process = context.key();
        match &context.event.body {
            // A connection on which TLS begins is watched from now on.
            EventBody::Payload(payload)
                if payload.app.tls.is_some() && leaves_host(payload.flow.destination) =>
            {
                let key = (process, payload.flow.source, payload.flow.destination);
                self.rhythms.insert(key, Rhythm::default());
            }
            EventBody::FlowUpdate(update) => findings.add(self.inspect_update(context, update)),
            EventBody::Close(close) => {
                self.rhythms.remove(&(process, close.flow.source, close.flow.destination));
            }
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.rhythms.evicted()
    }
}

impl Beaconing {
    fn inspect_update(&mut self, context: &DetectionContext<'_>, update: &FlowUpdate) -> Option<Finding> {
        let key = (context.key(), update.flow.source, update.flow.destination);
        let rhythm = self.rhythms.get_mut(&key)?;
        update.samples.iter().for_each(|sample| rhythm.add(*sample));
        let age = context.at().since(update.first);
        if age < MIN_AGE || update.bytes_per_minute(age) > MAX_BYTES_A_MINUTE {
            return None;
        }
        let shares = rhythm.shares()?;
        let unasked = std::mem::take(&mut rhythm.unasked);
        rhythm.messages.clear();
        let (destination, minutes) = (update.flow.destination, age.as_secs() / 60);
        let detail = format!(
            "has had a TLS connection to {destination} with the rhythm of mining for {minutes} minutes: {} messages of {} \
             to {} bytes at irregular times, each answered, and {unasked} that came unasked",
            shares.count, shares.least, shares.most
        );
        Some(
            Finding::new(ENCRYPTED_BEACONING, context, detail)
                .value("destination", destination)
                .measured("shares", shares.count, Threshold::at_least(MIN_SHARES))
                .measured("pushes", unasked, Threshold::at_least(MIN_UNASKED)),
        )
    }
}

/// Messages of similar length.
#[derive(Clone, Copy, Debug)]
struct Shares {
    count: usize,
    /// The shortest length in bytes; `most` is the longest.
    least: u16,
    most: u16,
}

impl Rhythm {
    fn add(&mut self, sample: PayloadSample) {
        let is_late = |since: u32| sample.at.wrapping_sub(since) > MAX_ANSWER_MS;
        match sample.direction {
            Direction::Sent if self.handshake < HANDSHAKE_MESSAGES => self.handshake += 1,
            Direction::Sent => {
                if self.messages.len() >= MESSAGES {
                    self.messages.pop_front();
                }
                self.messages.push_back(Message { at: sample.at, length: sample.length, is_answered: false });
            }
            Direction::Received => match self.messages.back_mut() {
                Some(last) if !is_late(last.at) => last.is_answered = true,
                _ if WORK_LENGTHS.contains(&sample.length) => self.unasked += 1,
                _ => {}
            },
        }
    }

    /// Returns the shares among the messages, if the messages have the rhythm of mining.
    fn shares(&self) -> Option<Shares> {
        if self.unasked < MIN_UNASKED {
            return None;
        }
        let may_be_share =
            |message: &&Message| message.is_answered && SHARE_LENGTHS.contains(&message.length);
        let mut lengths: Vec<u16> =
            self.messages.iter().filter(may_be_share).map(|message| message.length).collect();
        lengths.sort_unstable();
        let alike = |least: u16| lengths.iter().filter(move |length| is_like(**length, least));
        let least = *lengths.iter().max_by_key(|least| alike(**least).count())?;
        let most = *alike(least).max()?;
        let shares: Vec<&Message> = self
            .messages
            .iter()
            .filter(may_be_share)
            .filter(|message| is_like(message.length, least))
            .collect();
        let is_rhythm =
            shares.len() >= MIN_SHARES && self.has_only_keepalives_besides(least) && is_irregular(&shares);
        is_rhythm.then_some(Shares { count: shares.len(), least, most })
    }

    /// Whether all messages other than shares are keepalives: shorter than shares, and similar in length.
    fn has_only_keepalives_besides(&self, least: u16) -> bool {
        let others =
            self.messages.iter().map(|message| message.length).filter(|length| !is_like(*length, least));
        let (smallest, largest) = others
            .fold((u16::MAX, 0), |(smallest, largest), length| (smallest.min(length), largest.max(length)));
        largest == 0 || (largest < least && is_like(largest, smallest))
    }
}

fn is_like(length: u16, least: u16) -> bool {
    (least..=least.saturating_add(SHARE_SPREAD)).contains(&length)
}

/// Whether the gaps between messages vary like random times. A clock sends messages with equal gaps.
fn is_irregular(messages: &[&Message]) -> bool {
    let gaps: Vec<f64> =
        messages.windows(2).map(|pair| f64::from(pair[1].at.wrapping_sub(pair[0].at))).collect();
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    mean > 0.0 && variance.sqrt() / mean >= MIN_IRREGULARITY
}

#[cfg(test)]
mod tests;
