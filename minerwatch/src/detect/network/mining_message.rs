//! Messages of mining protocols, as detectors look at them and as findings show them.

use std::net::SocketAddr;

use crate::{
    detect::{DetectionContext, Finding, SignalInfo},
    model::{Direction, MiningMessage, MiningSide, Payload},
};

/// Who is at the other end of a connection, by who opened it: miners connect to pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningPeer {
    /// This host opened the connection, so the peer would be a pool.
    Pool,
    /// The peer opened the connection, so it would be a miner.
    Miner,
}

impl MiningPeer {
    /// The message in a payload, if its connection leads to such a peer and the right side says it. On the wrong side it is
    /// somebody else's text: what a log collector is sent, for example.
    pub fn message_in(self, payload: &Payload) -> Option<&MiningMessage> {
        let message = payload.app.mining.as_deref()?;
        let is_peer_client = payload.accepted;
        let is_said_by_client = (payload.direction == Direction::Received) == is_peer_client;
        let fits = is_said_by_client == (message.side == MiningSide::Client);
        let is_peer = is_peer_client == (self == Self::Miner);
        (fits && is_peer).then_some(message)
    }
}

/// A finding about a message on a connection to this destination.
pub fn finding(
    info: SignalInfo,
    context: &DetectionContext<'_>,
    message: &MiningMessage,
    destination: SocketAddr,
) -> Finding {
    let MiningMessage { protocol, side, sure: _, method, account, agent, tunnel } = message;
    let protocol = protocol.name();
    let tunnel = tunnel.as_ref().map(ToString::to_string);
    let peer = match &tunnel {
        Some(tunnel) => format!("{tunnel} through {destination}"),
        None => destination.to_string(),
    };
    let mut detail = match side {
        MiningSide::Client => format!("speaks {protocol} ({method}) to {peer}"),
        MiningSide::Server => format!("is spoken to in {protocol} ({method}) by {peer}"),
    };
    if let Some(account) = account {
        detail.push_str(" for ");
        detail.push_str(account);
    }
    let mut finding = Finding::new(info, context, detail)
        .value("protocol", protocol)
        .value("method", *method)
        .value("destination", destination);
    for (name, value) in [("tunnel", &tunnel), ("account", account), ("agent", agent)] {
        if let Some(value) = value {
            finding = finding.value(name, value);
        }
    }
    finding
}
