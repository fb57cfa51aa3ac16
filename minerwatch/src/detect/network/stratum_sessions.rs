//! N1 and N2: the messages of miners and pools, tracked per connection.

use std::net::SocketAddr;

use super::{
    mining_message::{MiningPeer, finding},
    solo_mining::is_solo,
};
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Findings, SignalInfo, SignalKind},
    model::{Account, EventBody, EventType, MiningMessage, MiningSide, ProcessKey, SignalClass},
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

/// N2. The signal is not conclusive, because the process may only watch the work of a pool.
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
/// Maximum number of reports per connection because of an account.
const MAX_ACCOUNTS: u8 = 4;

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[MINER_WORDS, POOL_WORDS],
    wants: &[EventType::Payload],
    evictions: Some("conversations_evicted"),
    create: |_| Box::new(StratumSessions { sessions: BoundedMap::new(SESSIONS) }),
};

/// The key of a connection: the process, and the source and the destination address.
type ConnectionKey = (ProcessKey, SocketAddr, SocketAddr);

/// The state of a connection with messages of a miner or a pool.
#[derive(Debug, Default)]
struct StratumSession {
    /// A message that a miner would send, but other programs may send too. The answer of a pool confirms it.
    unconfirmed: Option<MiningMessage>,
    miner_reported: bool,
    pool_reported: bool,
    /// The account of the last report about the miner.
    account: Option<Account>,
    /// Number of reports because of an account.
    accounts: u8,
}

impl StratumSession {
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
}

impl Detector for StratumSessions {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let EventBody::Payload(payload) = &context.event.body else { return };
        let Some(message) = MiningPeer::Pool.message_in(payload).filter(|message| !is_solo(message)) else {
            return;
        };
        let destination = payload.flow.destination;
        let key = (context.key(), payload.flow.source, destination);
        let session = self.sessions.entry(&key, StratumSession::default);
        let is_miner = message.side == MiningSide::Client;
        let is_settled = message.sure || (is_miner && session.pool_reported);
        if !is_settled {
            session.unconfirmed = Some(message.clone());
            return;
        }
        if is_miner && session.is_news(message) {
            findings.push(finding(MINER_WORDS, context, message, destination).conclusive());
        }
        if !is_miner && !std::mem::replace(&mut session.pool_reported, true) {
            findings.push(finding(POOL_WORDS, context, message, destination));
            if let Some(confirmed) = session.unconfirmed.take()
                && session.is_news(&confirmed)
            {
                findings.push(finding(MINER_WORDS, context, &confirmed, destination).conclusive());
            }
        }
    }

    fn evicted(&self) -> u64 {
        self.sessions.evicted()
    }
}

#[cfg(test)]
mod tests;
