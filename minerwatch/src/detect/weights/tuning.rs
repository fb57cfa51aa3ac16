//! Thresholds, spans and bounds.

use std::time::Duration;

/// Ports that pools like (N4).
pub const POOL_PORTS: [u16; 13] =
    [3333, 3334, 4444, 5555, 5556, 7777, 10128, 10343, 13333, 14433, 14444, 20128, 45700];
/// Addresses whose names are remembered (N3, I1).
pub const RESOLVED_ADDRESSES: usize = 16_384;
/// The longest that such a name holds, and the shortest, whatever the answer says: programs keep addresses for far longer
/// than that (N3, I1).
pub const RESOLVED_FOR: Duration = Duration::from_secs(24 * 3_600);
/// See [`RESOLVED_FOR`].
pub const RESOLVED_LEAST: Duration = Duration::from_secs(3_600);
/// Questions that may wait for their answers; a busy resolver has some hundreds.
pub const QUESTIONS: usize = 4_096;
/// Processes of which it is remembered whether they answer for names themselves.
pub const NAME_SERVERS: usize = 256;
/// How long that is believed before it is looked at again.
pub const NAME_SERVER_FOR: Duration = Duration::from_secs(60);
/// Processes remembered whose sockets were asked for (N6).
pub const ANONYMOUS_CLIENTS: usize = 1_024;
/// The least time between two looks at sockets of one process.
pub const ANONYMOUS_AGAIN: Duration = Duration::from_secs(60);
/// Connections that may wait to be looked at.
pub const ANONYMOUS_WAITING: usize = 64;
/// Processes remembered that ask for names in secret (N11).
pub const ENCRYPTED_DNS: usize = 1_024;
/// Pairs of a process and a domain remembered for long random names (B12).
pub const TUNNELS: usize = 1_024;
/// What is at least before the domain in such a name, characters.
pub const TUNNEL_NAME: usize = 30;
/// The least share of neighbours of which one is a letter and one a digit.
pub const TUNNEL_MIXTURE: f64 = 0.15;
/// So many different ones.
pub const TUNNEL_NAMES: usize = 100;
/// Within this.
pub const TUNNEL_SPAN: Duration = Duration::from_secs(300);

/// Connections remembered that may be a miner's (N1, N2).
pub const STRATUM_SESSIONS: usize = 4_096;
/// Connections by TLS whose rhythm is remembered (N5).
pub const BEACONING_FLOWS: usize = 4_096;
/// How long a connection must have gone on before its rhythm counts.
pub const BEACONING_SPAN: Duration = Duration::from_secs(300);
/// The most bytes a minute, both ways: a miner moves less than half of it.
pub const BEACONING_VOLUME: u64 = 20_000;
/// The first sends of a connection, which are greeting and login.
pub const BEACONING_GREETING: usize = 4;
/// How long somebody is at a pool's page before he is no visitor (N3); in as few bytes as [`BEACONING_VOLUME`].
pub const STAYS: Duration = Duration::from_secs(600);
/// Connections to pools' pages that were told of for that.
pub const STAYED: usize = 1_024;
/// Sends remembered of one connection.
pub const BEACONING_SENDS: usize = 64;
/// An answer comes within this, milliseconds; what comes later came unasked.
pub const BEACONING_ANSWER_MS: u32 = 2_000;
/// Bytes of an encrypted share: 200 to 270 of XMRig's, other dialects are shorter.
pub const BEACONING_SHARE: std::ops::RangeInclusive<u16> = 90..=600;
/// Shares of one miner differ by the digits of a few numbers.
pub const BEACONING_SPREAD: u16 = 8;
/// Bytes of new work.
pub const BEACONING_PUSH: std::ops::RangeInclusive<u16> = 150..=4_096;
/// Shares that are needed.
pub const BEACONING_SHARES: usize = 8;
/// Unasked messages that are needed.
pub const BEACONING_PUSHES: u32 = 3;
/// The least deviation of the gaps between shares in relation to their mean: chance has 1, a clock 0.
pub const BEACONING_IRREGULARITY: f64 = 0.4;
/// Bytes kept of one direction of a connection whose message is not finished.
pub const STREAM_KEPT: usize = 2_048;
/// Processes remembered that speak as miners or pools do (N7, N8).
pub const MINING_PROCESSES: usize = 1_024;
/// Hosts counted that one process serves as a pool does (N8).
pub const RELAY_CLIENTS: usize = 1_000;
/// Requests for a node's height within [`HEIGHT_SPAN`] that make a solo miner (N7): XMRig asks each second.
pub const HEIGHT_COUNT: u32 = 30;
/// The span of those.
pub const HEIGHT_SPAN: Duration = Duration::from_secs(60);
