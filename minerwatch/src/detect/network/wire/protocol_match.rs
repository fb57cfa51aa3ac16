//! What a recogniser saw.

use super::json::Text;

/// A mining protocol, as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
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
    /// Calls of a miner to a node of its own.
    Solo,
    /// News of blocks from a Monero node.
    ZmqMining,
}

impl Dialect {
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

/// Whose words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A miner's.
    Client,
    /// A pool's.
    Server,
}

/// Words of a mining protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolMatch<'a> {
    /// Which protocol.
    pub dialect: Dialect,
    /// Whose words.
    pub side: Side,
    /// Whether nothing else says this. What is not sure may be made so by the answer.
    pub sure: bool,
    /// What it says: the method, or what stands for it.
    pub method: &'static str,
    /// The account it names.
    pub account: Option<Text<'a>>,
    /// The program it names.
    pub agent: Option<Text<'a>>,
}

impl ProtocolMatch<'_> {
    /// A sure protocol_match of this method.
    pub fn new(dialect: Dialect, side: Side, method: &'static str) -> Self {
        Self { dialect, side, sure: true, method, account: None, agent: None }
    }
}
