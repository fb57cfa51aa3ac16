//! Mining messages: which messages count for detectors, and how findings show them.

use std::net::SocketAddr;

use crate::{
    detect::{DetectionContext, Finding, SignalInfo},
    model::{Carrier, Direction, MiningMessage, MiningSide, Payload},
};

/// The role of the peer of a mining connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningPeer {
    /// The peer gives work.
    Pool,
    /// The peer mines.
    Miner,
}

impl MiningPeer {
    /// Returns the role of the peer by the message: the side that sends a miner's messages is the miner.
    fn by_words(payload: &Payload, message: &MiningMessage) -> Self {
        let is_from_peer = payload.direction == Direction::Received;
        if is_from_peer == (message.side == MiningSide::Client) { Self::Miner } else { Self::Pool }
    }

    /// Returns the role of the peer by the side that opened the connection according to the kernel: miners connect to pools.
    fn by_opening(payload: &Payload) -> Self {
        if payload.accepted { Self::Miner } else { Self::Pool }
    }
}

/// A mining message, and who the peer is.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// The message.
    pub message: &'a MiningMessage,
    /// The role of the peer, by the message.
    pub peer: MiningPeer,
    /// Whether the message does not fit to the side that opened the connection according to the kernel. The kernel programs
    /// may be wrong about a connection that was open before the daemon started. Or the message is unrelated text, such as the
    /// input of a log collector. So a contested message counts only if the other side sends what fits to it.
    pub is_contested: bool,
}

impl<'a> Heard<'a> {
    /// Returns the mining message in a payload. A contested message must be unambiguous: only mining software sends it, and
    /// only one side. In HTTP, the request tells who the client is.
    pub fn in_payload(payload: &'a Payload) -> Option<Self> {
        let message = payload.app.mining.as_deref()?;
        let peer = MiningPeer::by_words(payload, message);
        let is_contested = peer != MiningPeer::by_opening(payload);
        let may_win = message.sure && message.carrier != Carrier::Http && !is_said_by_both(message.method);
        (!is_contested || may_win).then_some(Self { message, peer, is_contested })
    }
}

/// Whether both sides of a connection say this word, in one dialect or another.
fn is_said_by_both(method: &str) -> bool {
    matches!(method, "mining.ping" | "mining.pong" | "mining.noop" | "mining.bye")
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
