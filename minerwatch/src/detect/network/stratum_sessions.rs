//! N1 and N2: the messages of miners and pools, tracked per connection.
//!
//! A message counts alone if only mining software sends it. Other messages need the other side: words that other
//! programs use too, messages in HTTP, which may be documents about miners, such as logs, and messages from the side that
//! should not send them.

use std::net::SocketAddr;

use super::{
    mining_message::{Heard, MiningPeer, finding},
    solo_mining::is_solo,
};
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Findings, SignalInfo, SignalKind},
    model::{
        Account, Carrier, EventBody, EventType, MiningMessage, MiningSide, Payload, ProcessKey, SignalClass,
    },
};

/// N1. The signal is conclusive, because only a miner sends such messages.
pub const MINER_WORDS: SignalInfo = SignalInfo {
    id: "N1",
    class: SignalClass::Network,
    weight: 100,
    full_weight: 100,
    kind: SignalKind::Mining,
    name: "Speaks a mining protocol",
    description: "The process said to a pool what a miner says: it logged in, asked for work, or submitted results.",
    catches: "Any miner that speaks a known protocol in the clear, on any port and under any program name.",
    techniques: &["T1496.001", "T1071"],
};

/// N2. The signal is conclusive if the process spoke on the connection before. A process that only listens may watch the
/// work of a pool; the score of an incident counts it as mining if the process also computes.
pub const POOL_WORDS: SignalInfo = SignalInfo {
    id: "N2",
    class: SignalClass::Network,
    weight: 80,
    full_weight: 80,
    kind: SignalKind::Mining,
    name: "Receives work from a pool",
    description: "A peer sent the process what a pool sends: a job, or how hard the work is.",
    catches: "A pool's answers on any port, even when the miner's own words were missed.",
    techniques: &["T1496.001"],
};

/// Maximum number of connections that are tracked.
const SESSIONS: usize = 4_096;
/// Maximum number of connections whose opener spoke JSON.
const SPEAKERS: usize = 4_096;
/// Maximum number of reports per connection because of an account.
const MAX_ACCOUNTS: u8 = 4;

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[MINER_WORDS, POOL_WORDS],
    wants: &[EventType::Payload],
    evictions: Some("conversations_evicted"),
    create: |_| {
        Box::new(StratumSessions { sessions: BoundedMap::new(SESSIONS), speakers: BoundedMap::new(SPEAKERS) })
    },
};

/// The key of a connection: the process, and the source and the destination address.
type ConnectionKey = (ProcessKey, SocketAddr, SocketAddr);

/// How much a message proves, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    /// Other programs use such words too.
    Words,
    /// The values have a miner's form, but the message may be quoted in a document, or in a stream of such.
    Quoted,
    /// Only mining software sends it.
    Sure,
}

impl Proof {
    /// Returns how much a message proves if the opener of the connection speaks in this way. `None` if HTTP tells who the
    /// client is, and the words contradict.
    fn of(heard: &Heard<'_>, speaks: Option<Carrier>) -> Option<Self> {
        let is_document = heard.message.carrier == Carrier::Http || speaks == Some(Carrier::Http);
        match (heard.message.sure, heard.is_contested, is_document) {
            (_, true, true) => None,
            (false, ..) => Some(Self::Words),
            (true, true, _) | (true, _, true) => Some(Self::Quoted),
            (true, false, false) => Some(Self::Sure),
        }
    }
}

/// The state of a connection with messages of a miner or a pool.
#[derive(Debug, Default)]
struct StratumSession {
    /// What the process said that proves nothing alone.
    miner: Option<(Proof, MiningMessage)>,
    /// What the peer said that proves nothing alone.
    pool: Option<(Proof, MiningMessage)>,
    miner_reported: bool,
    pool_reported: bool,
    /// The account of the last report about the miner.
    account: Option<Account>,
    /// Number of reports because of an account.
    accounts: u8,
}

impl StratumSession {
    /// Whether a message of the process counts: alone, or because of what the peer said.
    fn settles_miner(&self, proof: Proof) -> bool {
        proof == Proof::Sure
            || self.pool_reported
            || self.pool.as_ref().is_some_and(|(pool, _)| *pool == Proof::Quoted)
    }

    /// Whether a message of the peer counts: alone, or because of what the process said.
    fn settles_pool(&self, proof: Proof) -> bool {
        let is_answer = self.miner_reported || (proof == Proof::Quoted && self.miner.is_some());
        proof == Proof::Sure || is_answer
    }

    /// Whether a message of the miner is news: it is the first, or it names another account. In Stratum, the account
    /// comes after the first message.
    fn is_news(&mut self, message: &MiningMessage) -> bool {
        let is_first = !std::mem::replace(&mut self.miner_reported, true);
        let is_account = message.account.is_some() && message.account != self.account;
        if is_account && (is_first || self.accounts < MAX_ACCOUNTS) {
            self.account.clone_from(&message.account);
            self.accounts = self.accounts.saturating_add(1);
            return true;
        }
        is_first
    }
}

#[derive(Debug)]
struct StratumSessions {
    sessions: BoundedMap<ConnectionKey, StratumSession>,
    /// In what the side that opened a connection sent JSON.
    speakers: BoundedMap<ConnectionKey, Carrier>,
}

impl Detector for StratumSessions {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let EventBody::Payload(payload) = &context.event.body else { return };
        if let Some(heard) = of_pool(payload) {
            self.take(context, payload, &heard, findings);
        }
        if let Some(carrier) = payload.app.carrier
            && payload.is_sent_by_opener()
        {
            let key = (context.key(), payload.flow.source, payload.flow.destination);
            // Who speaks HTTP once speaks HTTP on, but a WebSocket begins with HTTP.
            let known = self.speakers.entry(&key, || carrier);
            if *known == Carrier::Http && carrier == Carrier::WebSocket {
                *known = carrier;
            }
        }
    }

    fn evicted(&self) -> u64 {
        self.sessions.evicted()
    }
}

/// Returns the message of a miner or a pool in a payload, except those of solo miners.
fn of_pool(payload: &Payload) -> Option<Heard<'_>> {
    Heard::in_payload(payload).filter(|heard| heard.peer == MiningPeer::Pool && !is_solo(heard.message))
}

impl StratumSessions {
    fn take(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        heard: &Heard<'_>,
        findings: &mut Findings,
    ) {
        let message = heard.message;
        let destination = payload.flow.destination;
        let key = (context.key(), payload.flow.source, destination);
        let speaks = self.speakers.get(&key).copied();
        let Some(proof) = Proof::of(heard, speaks) else { return };
        let session = self.sessions.entry(&key, StratumSession::default);
        let settled = match message.side {
            MiningSide::Client => session.settles_miner(proof),
            MiningSide::Server => session.settles_pool(proof),
        };
        match message.side {
            MiningSide::Client if settled => {
                if session.is_news(message) {
                    findings.push(finding(MINER_WORDS, context, message, destination).conclusive());
                }
                if let Some((_, pool)) = session.pool.take()
                    && !std::mem::replace(&mut session.pool_reported, true)
                {
                    findings.push(finding(POOL_WORDS, context, &pool, destination));
                }
            }
            MiningSide::Server if settled => {
                if !std::mem::replace(&mut session.pool_reported, true) {
                    let found = finding(POOL_WORDS, context, message, destination);
                    let is_dialogue = proof == Proof::Sure && speaks.is_some();
                    findings.push(if is_dialogue { found.conclusive() } else { found });
                }
                if let Some((_, miner)) = session.miner.take()
                    && session.is_news(&miner)
                {
                    findings.push(finding(MINER_WORDS, context, &miner, destination).conclusive());
                }
            }
            MiningSide::Client => keep(&mut session.miner, proof, message),
            MiningSide::Server => keep(&mut session.pool, proof, message),
        }
    }
}

/// Keeps the message that proves more.
fn keep(kept: &mut Option<(Proof, MiningMessage)>, proof: Proof, message: &MiningMessage) {
    if kept.as_ref().is_none_or(|(known, _)| proof >= *known) {
        *kept = Some((proof, message.clone()));
    }
}

#[cfg(test)]
mod tests;
