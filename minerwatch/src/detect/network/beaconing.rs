//! N5: a TLS connection with the rhythm of mining. Shares have similar lengths, are answered, and are sent at random
//! times. New work arrives unasked. The connection stays open for hours and moves few bytes. The detector uses only
//! lengths and times. `pushes` has a second pattern, N5P. `reconnects` follows clients that connect again.

mod pushes;
mod reconnects;

use std::{collections::VecDeque, net::SocketAddr, ops::RangeInclusive, time::Duration};

use self::{
    pushes::{MAX_UNEVENNESS, MIN_PUSHES, Pushes},
    reconnects::Closed,
};
use super::leaves_host;
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{
        BootTime, Close, Decimal, Direction, EventBody, EventType, FlowUpdate, PayloadSample, ProcessKey,
        SignalClass, Threshold,
    },
};

pub use pushes::EVEN_PUSHES;

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
/// Minimum time that a client was connected before its rhythm counts.
const MIN_AGE: Duration = Duration::from_secs(300);
/// Maximum number of bytes per minute, both ways. A miner moves less than half of this number.
pub(super) const MAX_BYTES_A_MINUTE: u64 = 20_000;
/// Number of messages sent at the beginning of each connection that do not count: the handshake and the login.
const HANDSHAKE_MESSAGES: usize = 4;
/// Maximum number of sent messages that are remembered per client.
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
/// Minimum number of gaps between shares. The gap from one connection to the next does not count.
const MIN_GAPS: usize = 6;
/// Minimum coefficient of variation of the gaps between shares. Random times have 1, and a clock has 0.
const MIN_IRREGULARITY: f64 = 0.4;

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[ENCRYPTED_BEACONING, EVEN_PUSHES],
    wants: &[EventType::Payload, EventType::FlowUpdate, EventType::Close],
    evictions: Some("cadences_evicted"),
    create: |_| Box::new(Beaconing { rhythms: BoundedMap::new(CONNECTIONS), closed: Closed::new() }),
};

/// The key of a connection: the process, and the source and the destination address.
type ConnectionKey = (ProcessKey, SocketAddr, SocketAddr);

/// A message that a process sent.
#[derive(Clone, Copy, Debug)]
struct Message {
    /// Number of the connection among those of the client.
    connection: u32,
    /// Milliseconds after the beginning of the connection.
    at: u32,
    length: u16,
    is_answered: bool,
}

/// How long a client was connected, and the bytes that it sent and received.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    lasted: Duration,
    sent: u64,
    received: u64,
}

impl Totals {
    fn new(lasted: Duration, (sent, received): (u64, u64)) -> Self {
        Self { lasted, sent, received }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            lasted: self.lasted.saturating_add(other.lasted),
            sent: self.sent.saturating_add(other.sent),
            received: self.received.saturating_add(other.received),
        }
    }

    fn bytes(&self) -> u64 {
        self.sent.saturating_add(self.received)
    }

    /// The average bytes per minute in both directions. Less than one minute counts as one.
    fn bytes_per_minute(&self) -> u64 {
        self.bytes() / (self.lasted.as_secs() / 60).max(1)
    }
}

/// The latest messages of one client, in one connection after the other.
#[derive(Debug, Default)]
struct Rhythm {
    messages: VecDeque<Message>,
    /// Number of handshake messages of the connection that were skipped so far.
    handshake: usize,
    /// Number of messages that came unasked.
    unasked: u32,
    /// The received messages of one length.
    pushes: Pushes,
    /// Number of connections before this one.
    connection: u32,
    /// When the last message of the connection was sent, in milliseconds after its beginning.
    last_sent: Option<u32>,
    /// The totals of the connections before this one.
    before: Totals,
    /// The totals of this connection.
    now: Totals,
}

/// The TLS connections that this host opened.
#[derive(Debug)]
struct Beaconing {
    rhythms: BoundedMap<ConnectionKey, Rhythm>,
    closed: Closed,
}

impl Detector for Beaconing {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let process = context.key();
        match &context.event.body {
            // A connection on which TLS begins is watched from now on.
            EventBody::Payload(payload)
                if payload.app.tls.is_some() && leaves_host(payload.flow.destination) =>
            {
                let destination = payload.flow.destination;
                let resumed = self.closed.resume(context.process, destination, context.at());
                self.rhythms.insert((process, payload.flow.source, destination), resumed.unwrap_or_default());
            }
            EventBody::FlowUpdate(update) => self.inspect_update(context, update, findings),
            EventBody::Close(close) => {
                let key = (process, close.flow.source, close.flow.destination);
                if let Some(mut rhythm) = self.rhythms.remove(&key).filter(Rhythm::says_something) {
                    rhythm.close(context.at(), close);
                    self.closed.keep(context.process, close.flow.destination, context.at(), rhythm);
                }
            }
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.rhythms.evicted() + self.closed.evicted()
    }
}

impl Beaconing {
    fn inspect_update(
        &mut self,
        context: &DetectionContext<'_>,
        update: &FlowUpdate,
        findings: &mut Findings,
    ) {
        let destination = update.flow.destination;
        let key = (context.key(), update.flow.source, destination);
        let Some(rhythm) = self.rhythms.get_mut(&key) else { return };
        update.samples.iter().for_each(|sample| rhythm.add(*sample));
        rhythm.now = Totals::new(context.at().since(update.first), update.bytes);
        let totals = rhythm.before.plus(rhythm.now);
        findings.add(rhythm.beacons(context, destination, totals));
        findings.add(rhythm.pushed(context, destination, totals));
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
        let PayloadSample { at, direction, length } = sample;
        match direction {
            Direction::Sent => {
                self.last_sent = Some(at);
                self.pushes.sent();
                if self.handshake < HANDSHAKE_MESSAGES {
                    self.handshake += 1;
                    return;
                }
                if self.messages.len() >= MESSAGES {
                    self.messages.pop_front();
                }
                let connection = self.connection;
                self.messages.push_back(Message { connection, at, length, is_answered: false });
            }
            Direction::Received => {
                self.pushes.received(at, length);
                // What comes before the first message is the end of a handshake that was not seen whole.
                let Some(last_sent) = self.last_sent else { return };
                if at.wrapping_sub(last_sent) > MAX_ANSWER_MS {
                    self.unasked += u32::from(WORK_LENGTHS.contains(&length));
                } else if let Some(last) = self.messages.back_mut()
                    && (last.connection, last.at) == (self.connection, last_sent)
                {
                    last.is_answered = true;
                }
            }
        }
    }

    /// Whether the client sent more than a handshake, or received work.
    fn says_something(&self) -> bool {
        !self.messages.is_empty() || self.unasked > 0 || self.pushes.count > 0
    }

    /// Ends the connection. What follows is another connection of the same client, with a handshake of its own.
    fn close(&mut self, at: BootTime, close: &Close) {
        // A connection may end before its first update.
        let lasted = at.since(close.first_payload.unwrap_or(close.flow.opened)).max(self.now.lasted);
        let bytes = close.bytes.unwrap_or((self.now.sent, self.now.received));
        self.before = self.before.plus(Totals::new(lasted, bytes));
        self.now = Totals::default();
        self.connection = self.connection.wrapping_add(1);
        self.handshake = 0;
        self.last_sent = None;
        self.pushes.reconnect();
    }

    /// Checks for shares and unasked work.
    fn beacons(
        &mut self,
        context: &DetectionContext<'_>,
        destination: SocketAddr,
        totals: Totals,
    ) -> Option<Finding> {
        if totals.lasted < MIN_AGE || totals.bytes_per_minute() > MAX_BYTES_A_MINUTE {
            return None;
        }
        let shares = self.shares()?;
        let unasked = std::mem::take(&mut self.unasked);
        self.messages.clear();
        let minutes = totals.lasted.as_secs() / 60;
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

    /// Checks for work that comes evenly and often.
    fn pushed(
        &mut self,
        context: &DetectionContext<'_>,
        destination: SocketAddr,
        totals: Totals,
    ) -> Option<Finding> {
        if !self.pushes.are_work(&totals) {
            return None;
        }
        let pushes = std::mem::take(&mut self.pushes);
        let minutes = totals.lasted.as_secs() / 60;
        let detail = format!(
            "has had a TLS connection to {destination} for {minutes} minutes, over which {} messages of {} to {} bytes came \
             at even times and little was sent",
            pushes.count, pushes.least, pushes.most
        );
        let unevenness = Decimal::new(pushes.unevenness().unwrap_or_default(), 2);
        let even = Threshold::between(Decimal::new(0.0, 2), Decimal::new(MAX_UNEVENNESS, 2));
        Some(
            Finding::new(EVEN_PUSHES, context, detail)
                .value("destination", destination)
                .measured("pushes", pushes.count, Threshold::at_least(MIN_PUSHES))
                .measured("unevenness", unevenness, even),
        )
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

/// Whether the gaps between messages vary like random times. A clock sends messages with equal gaps. The gap from one
/// connection to the next is left out: it is longer, however regular the messages are.
fn is_irregular(messages: &[&Message]) -> bool {
    let gaps: Vec<f64> = messages
        .windows(2)
        .filter(|pair| pair[0].connection == pair[1].connection)
        .map(|pair| f64::from(pair[1].at.wrapping_sub(pair[0].at)))
        .collect();
    if gaps.len() < MIN_GAPS {
        return false;
    }
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    mean > 0.0 && variance.sqrt() / mean >= MIN_IRREGULARITY
}

#[cfg(test)]
mod tests;
