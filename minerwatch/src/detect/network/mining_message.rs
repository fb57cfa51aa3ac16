//! Mining messages: which messages count for detectors, and how findings show them.

use std::net::SocketAddr;

use crate::{
    detect::{DetectionContext, Finding, SignalInfo},
    model::{Carrier, Direction, MiningMessage, MiningSide, Payload},
};

/// The role of the peer of a mining connection. Miners connect to pools, so the role depends on which side opened the
/// connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningPeer {
    /// The peer is a pool, because this host opened the connection.
    Pool,
    /// The peer is a miner, because the peer opened the connection.
    Miner,
}

impl MiningPeer {
    /// Returns the mining message in a payload, if the peer has this role and the right side sent the message. A
    /// message from the wrong side is unrelated text, such as the input of a log collector.
    pub fn message_in(self, payload: &Payload) -> Option<&MiningMessage> {
        let message = payload.app.mining.as_deref()?;
        let is_peer_client = payload.accepted;
        let is_said_by_client = (payload.direction == Direction::Received) == is_peer_client;
        let fits = is_said_by_client == (message.side == MiningSide::Client);
        let is_peer = is_peer_client == (self == Self::Miner);
        (fits && is_peer).then_some(message)
    }
}

/// Creates a finding about a message on a connection to this destination.
pub fn finding(
    info: SignalInfo,
    context: &DetectionContext<'_>,
    message: &MiningMessage,
    destination: SocketAddr,
) -> Finding {
    let MiningMessage { protocol, side, sure: _, method, account, agent, tunnel, carrier } = message;
    let protocol = protocol.name();
    let carrier = (*carrier != Carrier::Plain).then(|| carrier.name());
    let tunnel = tunnel.as_ref().map(ToString::to_string);
    let peer = match &tunnel {
        Some(tunnel) => format!("{tunnel} through {destination}"),
        None => destination.to_string(),
    };
    let words = match carrier {
        Some(carrier) => format!("{protocol} over {carrier}"),
        None => protocol.to_owned(),
    };
    let mut detail = match side {
        MiningSide::Client => format!("speaks {words} ({method}) to {peer}"),
        MiningSide::Server => format!("is spoken to in {words} ({method}) by {peer}"),
    };
    let shown = account.as_ref().map(|account| &*account.shown);
    if let Some(shown) = shown {
        detail.push_str(" for ");
        detail.push_str(shown);
    }
    let mut finding = Finding::new(info, context, detail)
        .value("protocol", protocol)
        .value("method", *method)
        .value("destination", destination)
        .mining_for(account.as_ref());
    for (name, value) in
        [("carrier", carrier), ("tunnel", tunnel.as_deref()), ("account", shown), ("agent", agent.as_deref())]
    {
        if let Some(value) = value {
            finding = finding.value(name, value);
        }
    }
    finding
}
