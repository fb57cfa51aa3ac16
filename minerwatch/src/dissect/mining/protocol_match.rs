//! What a parser recognised.

use super::{account, json::Text};
use crate::model::{MiningMessage, MiningProtocol, MiningSide};

/// A message of a mining protocol; borrows from the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolMatch<'a> {
    /// Which protocol.
    pub protocol: MiningProtocol,
    /// Which side says such a thing.
    pub side: MiningSide,
    /// Whether no other program says this. If not, the answer may settle it.
    pub sure: bool,
    /// The method, or what stands for it.
    pub method: &'static str,
    /// The account it names.
    pub account: Option<Text<'a>>,
    /// The program it names.
    pub agent: Option<Text<'a>>,
}

impl ProtocolMatch<'_> {
    /// A sure match of this method.
    pub fn new(protocol: MiningProtocol, side: MiningSide, method: &'static str) -> Self {
        Self { protocol, side, sure: true, method, account: None, agent: None }
    }

    /// The same as an owned message, fit to be shown.
    pub fn to_message(self) -> MiningMessage {
        MiningMessage {
            protocol: self.protocol,
            side: self.side,
            sure: self.sure,
            method: self.method,
            account: self.account.and_then(Text::plain).map(account::shortened),
            agent: self.agent.and_then(Text::plain).map(account::printable),
            tunnel: None,
        }
    }
}
