//! The parsed content of a payload.

use std::net::IpAddr;

use super::{Account, DnsMessage, TlsHello};

/// The parsed content of one payload. The dissect stage parses each payload once. Later stages read these fields and
/// never the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppData {
    /// A DNS message.
    pub dns: Option<Box<DnsMessage>>,
    /// The TLS client hello that a process of this host sent.
    pub tls: Option<Box<TlsHello>>,
    /// A request for a tunnel through another host. The tunnelled content follows the request.
    pub tunnel: Option<Box<TunnelRequest>>,
    /// A message of a mining protocol, reassembled from this and earlier payloads of the connection.
    pub mining: Option<Box<MiningMessage>>,
    /// What carries the JSON in the payload, if the payload has any or continues some.
    pub carrier: Option<Carrier>,
    /// The method by which the payload asks a cryptocurrency node for its block height over HTTP.
    pub asks_height: Option<&'static str>,
    /// Whether the payload begins with a message of Levin, the protocol between the nodes of Monero and its relatives.
    pub levin: bool,
}

/// A request for a tunnel through another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelRequest {
    /// The tunnel protocol: `SOCKS5`, `SOCKS4` or `HTTP CONNECT`.
    pub kind: &'static str,
    /// The requested host.
    pub host: TunnelHost,
    /// The requested port.
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

/// A mining protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningProtocol {
    /// Stratum V1, the protocol of Bitcoin miners and many others.
    Stratum,
    /// Stratum V1 with the extensions of `NiceHash` for Ethereum and related coins.
    EthereumStratum,
    /// The first pool protocol of Ethereum.
    EthProxy,
    /// The JSON-RPC protocol of pools for Monero and related coins.
    CryptoNote,
    /// Stratum V2 in the clear.
    StratumV2,
    /// Stratum of the Iron Fish node.
    IronFish,
    /// Stratum of Grin and its relatives.
    Cuckoo,
    /// Stratum of Beam.
    Beam,
    /// The protocol of Qubic's pools.
    Qubic,
    /// The pool protocol of XELIS.
    Xatum,
    /// Work over a WebSocket, from nodes and pools of DERO and XELIS.
    GetworkSocket,
    /// The remote control of many miners.
    MinerControl,
    /// RPC calls of a solo miner to its own node.
    Solo,
    /// A ZMQ subscription to the new blocks of a Monero node.
    ZmqMining,
}

impl MiningProtocol {
    /// The name used in evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stratum => "Stratum",
            Self::EthereumStratum => "EthereumStratum",
            Self::EthProxy => "eth-proxy",
            Self::CryptoNote => "CryptoNote stratum",
            Self::StratumV2 => "Stratum V2",
            Self::IronFish => "Iron Fish stratum",
            Self::Cuckoo => "Grin stratum",
            Self::Beam => "Beam stratum",
            Self::Qubic => "Qubic pool protocol",
            Self::Xatum => "Xatum",
            Self::GetworkSocket => "getwork over WebSocket",
            Self::MinerControl => "XMRigCC control",
            Self::Solo => "solo mining",
            Self::ZmqMining => "ZMQ mining",
        }
    }
}

/// The side of a mining connection that sends a message.
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
    /// The protocol.
    pub protocol: MiningProtocol,
    /// The side that sends such a message.
    pub side: MiningSide,
    /// Whether only mining software sends this message. If not, the peer's answer may confirm mining.
    pub sure: bool,
    /// The method, or an equivalent name for a message without a method.
    pub method: &'static str,
    /// The account in the message, without the name of a worker.
    pub account: Option<Account>,
    /// The program (user agent) named in the message, printable characters only.
    pub agent: Option<String>,
    /// The tunnel that carries the message, if a tunnel was requested on the connection.
    pub tunnel: Option<TunnelRequest>,
    /// What carries the message.
    pub carrier: Carrier,
}

/// What carries the JSON of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Nothing: lines of JSON.
    Plain,
    /// The bodies of HTTP requests and answers. They may be documents about anything.
    Http,
    /// The frames of a WebSocket.
    WebSocket,
}

impl Carrier {
    /// The name used in evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "TCP",
            Self::Http => "HTTP",
            Self::WebSocket => "WebSocket",
        }
    }
}
