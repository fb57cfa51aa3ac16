//! The result of a parser of a mining protocol.

use super::json::Text;
use crate::model::{AccountHasher, Carrier, MiningMessage, MiningProtocol, MiningSide, account::printable};

/// A message of a mining protocol; borrows from the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolMatch<'a> {
    /// The protocol.
    pub protocol: MiningProtocol,
    /// The side that sends such a message.
    pub side: MiningSide,
    /// Whether only mining software sends this message. If not, the peer's answer may confirm mining.
    pub sure: bool,
    /// The method, or an equivalent name for a message without a method.
    pub method: &'static str,
    /// The account in the message.
    pub account: Option<Text<'a>>,
    /// The program (user agent) named in the message.
    pub agent: Option<Text<'a>>,
    /// What carries the message.
    pub carrier: Carrier,
}

impl ProtocolMatch<'_> {
    /// Creates a sure match of this method.
    pub fn new(protocol: MiningProtocol, side: MiningSide, method: &'static str) -> Self {
        Self { protocol, side, sure: true, method, account: None, agent: None, carrier: Carrier::Plain }
    }

    /// Returns the match as an owned message that is safe to show.
    pub fn to_message(self, accounts: &AccountHasher) -> MiningMessage {
        MiningMessage {
            protocol: self.protocol,
            side: self.side,
            sure: self.sure,
            method: self.method,
            account: self.account.and_then(Text::unescaped).map(|account| accounts.account(&account)),
            agent: self.agent.and_then(Text::plain).map(printable),
            tunnel: None,
            carrier: self.carrier,
        }
    }
}
