//! What a payload says, as far as it is understood.

use std::net::IpAddr;

use super::{DnsMessage, TlsHello};

/// The facts of one payload. The dissect stage fills them in once. Everything after it reads these facts and no bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppData {
    /// A DNS message.
    pub dns: Option<Box<DnsMessage>>,
    /// The first message of a TLS client of this host.
    pub tls: Option<Box<TlsHello>>,
    /// A request for a tunnel through another host, which comes before the content proper.
    pub tunnel: Option<Box<TunnelRequest>>,
    /// A message of a mining protocol, put together from this and earlier payloads of the connection.
    pub mining: Option<Box<MiningMessage>>,
    /// Whether it asks a cryptocurrency node for its height over HTTP.
    pub asks_height: bool,
}

/// A request for a tunnel through another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelRequest {
    /// Which kind of tunnel: `SOCKS5`, `SOCKS4` or `HTTP CONNECT`.
    pub kind: &'static str,
    /// The host asked for.
    pub host: TunnelHost,
    /// The port asked for.
    pub port: u16,
}

/// A host by name or by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelHost {
    /// A name, or an address as text.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl std::fmt::Display for TunnelRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} to {}:{}", self.kind, self.host, self.port)
    }
}

impl std::fmt::Display for TunnelHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

/// A mining protocol, as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningProtocol {
    /// Stratum V1, as Bitcoin miners and many others speak it.
    Stratum,
    /// Stratum V1 as `NiceHash` and Ethereum's relatives extended it.
    EthereumStratum,
    /// Ethereum's first protocol for pools.
    EthProxy,
    /// The JSON-RPC of Monero's and its relatives' pools.
    CryptoNote,
    /// Stratum V2 in the clear.
    StratumV2,
    /// Calls of a solo miner to its own node.
    Solo,
    /// New blocks, announced by a Monero node.
    ZmqMining,
}

impl MiningProtocol {
    /// Its name in evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stratum => "Stratum",
            Self::EthereumStratum => "EthereumStratum",
            Self::EthProxy => "eth-proxy",
            Self::CryptoNote => "CryptoNote stratum",
            Self::StratumV2 => "Stratum V2",
            Self::Solo => "solo mining",
            Self::ZmqMining => "ZMQ mining",
        }
    }
}

/// Which side of mining says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningSide {
    /// A miner.
    Client,
    /// A pool.
    Server,
}

/// A message of a mining protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MiningMessage {
    /// Which protocol.
    pub protocol: MiningProtocol,
    /// Which side says such a thing.
    pub side: MiningSide,
    /// Whether no other program says this. If not, the answer may settle it.
    pub sure: bool,
    /// The method, or what stands for it.
    pub method: &'static str,
    /// The account it names, shortened.
    pub account: Option<String>,
    /// The program it names, printable characters only.
    pub agent: Option<String>,
    /// The tunnel it goes through, if one was asked for earlier on the connection.
    pub tunnel: Option<TunnelRequest>,
}
