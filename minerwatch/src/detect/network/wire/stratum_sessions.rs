//! N1, N2, N7, N8: the words of miners and pools, put together from the payloads of each connection.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Dialect, ProtocolMatch, Side, account, read,
    stratum_v2::{noise_received, noise_sent},
};
use crate::{
    detect::{DetectionContext, Finding, SignalInfo, signals, tuning},
    model::{BootTime, Direction, Payload, ProcessKey, Protocol, Subject},
};

/// One connection of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TalkKey {
    process: ProcessKey,
    source: SocketAddr,
    destination: SocketAddr,
}

/// What is remembered of a connection: only of those that said something, or have not finished saying it.
#[derive(Debug, Default)]
struct StratumSession {
    /// Captured and not finished, by direction.
    sent: Vec<u8>,
    received: Vec<u8>,
    /// Words a miner would say that others may say too: protocol, method, shown account.
    doubtful: Option<(Dialect, &'static str, Option<String>)>,
    /// The host a tunnel leads to.
    via: Option<String>,
    /// Whether its first payload had the length of a key.
    key_sent: bool,
    told: Told,
}

/// What was found already, so that it is found once.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    client: bool,
    server: bool,
}

/// On which sides of mining a process was seen.
#[derive(Clone, Debug, Default)]
struct Roles {
    /// It mines, or passes on: to whom.
    opened: Option<SocketAddr>,
    /// It serves: whom, the last one.
    accepted: Option<SocketAddr>,
    /// The hosts that it serves, so many of them.
    clients: FxHashSet<IpAddr>,
    /// How many of these were told of.
    told: usize,
    /// Since when, and how often, it asked a node for its height.
    heights: (BootTime, u32),
}

/// What it holds and had to forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StratumSessionCounters {
    /// Connections remembered now.
    pub talks: u64,
    /// Connections forgotten for others.
    pub evicted: u64,
}

/// Every connection that may be a miner's.
#[derive(Debug, Default)]
pub struct StratumSessions {
    talks: FxHashMap<TalkKey, StratumSession>,
    /// In the order they began, the ended ones included.
    order: VecDeque<TalkKey>,
    roles: FxHashMap<ProcessKey, Roles>,
    /// Processes that were found to speak to a pool, since somebody asked.
    pool_clients: Vec<Subject>,
    evicted: u64,
}

impl StratumSessions {
    /// Looks at a payload; what is found is appended.
    pub fn inspect(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        findings: &mut Vec<Finding>,
    ) {
        if payload.flow.protocol != Protocol::Tcp {
            return;
        }
        let key = TalkKey {
            process: context.key(),
            source: payload.flow.source,
            destination: payload.flow.destination,
        };
        if payload.bytes.0.is_empty() {
            self.lengths(key, context, payload, findings);
            return;
        }
        // The common case: a whole message, and nothing was left over from before.
        let Some(talk) = self.talks.get_mut(&key) else {
            let reading = read(&payload.bytes.0);
            let unfinished = reading.unfinished && is_whole(payload);
            if reading.asks_height {
                self.asked_height(context, payload, findings);
            }
            if reading.protocol_match.is_some() || unfinished {
                let protocol_match = reading.protocol_match;
                let via = reading.via.map(|via| format!("{} to {}:{}", via.kind, via.host, via.port));
                let talk = self.remember(key);
                talk.via = via;
                if unfinished {
                    talk.pending(payload.direction).extend_from_slice(&payload.bytes.0);
                }
                if let Some(protocol_match) = protocol_match {
                    self.saw(key, context, payload, &protocol_match, findings);
                }
            }
            return;
        };
        if talk.told.client && talk.told.server {
            return;
        }
        let mut stream = std::mem::take(talk.pending(payload.direction));
        if stream.len() + payload.bytes.0.len() > tuning::STREAM_KEPT {
            stream.clear();
        }
        stream.extend_from_slice(&payload.bytes.0);
        let reading = read(&stream);
        if let Some(via) = &reading.via {
            talk.via = Some(format!("{} to {}:{}", via.kind, via.host, via.port));
        }
        let unfinished = reading.unfinished && is_whole(payload);
        if let Some(protocol_match) = reading.protocol_match {
            self.saw(key, context, payload, &protocol_match, findings);
        }
        if unfinished && let Some(talk) = self.talks.get_mut(&key) {
            *talk.pending(payload.direction) = stream;
        }
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, process: ProcessKey) {
        self.roles.remove(&process);
    }

    /// The processes that were found to speak to a pool since the last call: whoever can look at what they serve should.
    pub fn take_pool_clients(&mut self) -> Vec<Subject> {
        std::mem::take(&mut self.pool_clients)
    }

    /// What it holds.
    pub fn counters(&self) -> StratumSessionCounters {
        StratumSessionCounters { talks: self.talks.len() as u64, evicted: self.evicted }
    }

    /// A payload of which the length alone is known.
    fn lengths(
        &mut self,
        key: TalkKey,
        context: &DetectionContext<'_>,
        payload: &Payload,
        findings: &mut Vec<Finding>,
    ) {
        if payload.index != 0 || payload.accepted {
            return;
        }
        match payload.direction {
            Direction::Sent if noise_sent(payload.length) => self.remember(key).key_sent = true,
            Direction::Received if noise_received(payload.length) => {
                if self.talks.get(&key).is_some_and(|talk| talk.key_sent) {
                    let detail = format!(
                        "opened a connection to {} the way Stratum V2 does, by the sizes of its first messages",
                        key.destination
                    );
                    findings.push(
                        Finding::new(signals::NOISE_HANDSHAKE, context, detail)
                            .value("destination", key.destination),
                    );
                }
            }
            Direction::Sent | Direction::Received => {}
        }
    }

    fn saw(
        &mut self,
        key: TalkKey,
        context: &DetectionContext<'_>,
        payload: &Payload,
        protocol_match: &ProtocolMatch<'_>,
        findings: &mut Vec<Finding>,
    ) {
        let Some(talk) = self.talks.get_mut(&key) else { return };
        let shown = protocol_match.account.and_then(super::json::Text::plain).map(account::shortened);
        let by_us = payload.direction == Direction::Sent;
        // Whose words they are and who opened the connection must fit; else it is no such conversation.
        if (protocol_match.side == Side::Client) == (by_us == payload.accepted) {
            return;
        }
        if !protocol_match.sure && (protocol_match.side != Side::Client || !talk.told.server) {
            talk.doubtful = Some((protocol_match.dialect, protocol_match.method, shown));
            return;
        }
        if payload.accepted {
            self.serves(key, context, findings);
            return;
        }
        let peer = talk.via.as_ref().map_or_else(
            || key.destination.to_string(),
            |via| format!("{} through {}", via, key.destination),
        );
        let found = |info: SignalInfo, dialect: Dialect, method: &str, account: Option<&String>| {
            let mut detail = match protocol_match.side {
                Side::Client => format!("speaks {} ({method}) to {peer}", dialect.name()),
                Side::Server => format!("is spoken to in {} ({method}) by {peer}", dialect.name()),
            };
            if let Some(account) = account {
                detail.push_str(" for ");
                detail.push_str(account);
            }
            let mut finding = Finding::new(info, context, detail)
                .with("protocol", dialect.name())
                .with("method", method)
                .value("destination", key.destination);
            if let Some(via) = &talk.via {
                finding = finding.with("tunnel", via);
            }
            if let Some(account) = account {
                finding = finding.with("account", account);
            }
            if let Some(agent) = protocol_match.agent.and_then(super::json::Text::plain) {
                finding = finding.with("agent", &account::printable(agent));
            }
            finding
        };
        match (protocol_match.dialect, protocol_match.side) {
            (Dialect::Solo | Dialect::ZmqMining, _) => {
                if !talk.told.client {
                    findings.push(found(
                        signals::SOLO_MINING,
                        protocol_match.dialect,
                        protocol_match.method,
                        shown.as_ref(),
                    ));
                }
                talk.told.client = true;
                return;
            }
            (_, Side::Client) => {
                if !talk.told.client {
                    let finding = found(
                        signals::MINER_WORDS,
                        protocol_match.dialect,
                        protocol_match.method,
                        shown.as_ref(),
                    );
                    findings.push(Finding { conclusive: true, ..finding });
                }
                talk.told.client = true;
            }
            (_, Side::Server) => {
                if !talk.told.server {
                    findings.push(found(
                        signals::POOL_WORDS,
                        protocol_match.dialect,
                        protocol_match.method,
                        shown.as_ref(),
                    ));
                }
                talk.told.server = true;
                // The answer makes the doubtful words sure.
                if let Some((dialect, method, account)) = talk.doubtful.take()
                    && !talk.told.client
                {
                    talk.told.client = true;
                    let finding = found(signals::MINER_WORDS, dialect, method, account.as_ref());
                    findings.push(Finding { conclusive: true, ..finding });
                }
            }
        }
        self.opened(key, context, findings);
    }

    fn opened(&mut self, key: TalkKey, context: &DetectionContext<'_>, findings: &mut Vec<Finding>) {
        if self.role(key.process).opened.replace(key.destination).is_none() {
            self.pool_clients.push(context.event.subject.clone());
        }
        self.relay(key.process, context, findings);
    }

    fn serves(&mut self, key: TalkKey, context: &DetectionContext<'_>, findings: &mut Vec<Finding>) {
        let role = self.role(key.process);
        role.accepted = Some(key.destination);
        if role.clients.len() < tuning::RELAY_CLIENTS {
            role.clients.insert(key.destination.ip());
        }
        self.relay(key.process, context, findings);
    }

    /// N8: a process on both sides. Told of again when ten times as many hosts come to it.
    fn relay(&mut self, process: ProcessKey, context: &DetectionContext<'_>, findings: &mut Vec<Finding>) {
        let Some(roles) = self.roles.get_mut(&process) else { return };
        let (Some(opened), Some(accepted)) = (roles.opened, roles.accepted) else { return };
        let clients = roles.clients.len();
        if clients < roles.told.saturating_mul(10).max(1) {
            return;
        }
        roles.told = clients;
        let others = match clients {
            1 => String::new(),
            count => format!(" and {} other hosts", count - 1),
        };
        let detail = format!("passes mining on: serves {accepted}{others} and speaks to {opened}");
        let finding = Finding::new(signals::RELAY, context, detail)
            .value("destination", opened)
            .with("client", &accepted)
            .with("clients", &clients);
        findings.push(Finding { conclusive: true, ..finding });
    }

    /// N7 by habit: a node is asked for its height again and again.
    fn asked_height(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        findings: &mut Vec<Finding>,
    ) {
        let now = context.at();
        let (since, count) = &mut self.role(context.key()).heights;
        if *count == 0 || now.since(*since) > tuning::HEIGHT_SPAN {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count == tuning::HEIGHT_COUNT {
            let detail = format!(
                "asked the node at {} for its height {count} times within {} seconds, as solo miners do",
                payload.flow.destination,
                now.since(*since).as_secs()
            );
            findings.push(
                Finding::new(signals::SOLO_MINING, context, detail)
                    .value("destination", payload.flow.destination)
                    .with("method", "getheight"),
            );
        }
    }

    fn role(&mut self, process: ProcessKey) -> &mut Roles {
        if self.roles.len() >= tuning::MINING_PROCESSES && !self.roles.contains_key(&process) {
            // Few processes ever speak so; one that does not tell any more makes room.
            if let Some(old) = self.roles.keys().next().copied() {
                self.roles.remove(&old);
                self.evicted += 1;
            }
        }
        self.roles.entry(process).or_default()
    }

    fn remember(&mut self, key: TalkKey) -> &mut StratumSession {
        if !self.talks.contains_key(&key) {
            while self.order.len() >= tuning::STRATUM_SESSIONS {
                if let Some(old) = self.order.pop_front() {
                    self.talks.remove(&old);
                    self.evicted += 1;
                }
            }
            self.order.push_back(key);
        }
        self.talks.entry(key).or_default()
    }
}

impl StratumSession {
    fn pending(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

/// Whether nothing of a payload was left out, so that the next one goes on where it ends.
fn is_whole(payload: &Payload) -> bool {
    usize::try_from(payload.length).is_ok_and(|length| length == payload.bytes.0.len())
}

#[cfg(test)]
mod tests;
