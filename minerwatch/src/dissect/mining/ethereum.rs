//! eth-proxy: Ethereum's JSON-RPC calls for work, over plain TCP.
//!
//! Over HTTP the same calls go to the miner's own node (see `solo`).

use super::{Message, ProtocolMatch};
use crate::model::{MiningProtocol, MiningSide};

/// Recognises an eth-proxy message.
pub fn eth_proxy<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let method = message.method?;
    let known = ["eth_submitLogin", "eth_getWork", "eth_submitWork", "eth_submitHashrate"];
    let name = known.into_iter().find(|name| method.is(name))?;
    let mut protocol_match = ProtocolMatch::new(MiningProtocol::EthProxy, MiningSide::Client, name);
    if name == "eth_submitLogin" {
        protocol_match.account = message.arguments[0];
    }
    Some(protocol_match)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(text: &str) -> Option<&'static str> {
        eth_proxy(&Message::read(text.as_bytes()).0).map(|protocol_match| protocol_match.method)
    }

    #[test]
    fn calls_for_work_are_recognised() {
        for (text, method) in [
            (
                r#"{"worker":"rig1","jsonrpc":"2.0","params":["0x5290","x"],"id":2,"method":"eth_submitLogin"}"#,
                "eth_submitLogin",
            ),
            (r#"{"id":3,"method":"eth_getWork","params":[]}"#, "eth_getWork"),
            (r#"{"id":4,"method":"eth_submitWork","params":["0x01","0x02","0x03"]}"#, "eth_submitWork"),
            (
                r#"{"id":6,"jsonrpc":"2.0","method":"eth_submitHashrate","params":["0x1","0x2"]}"#,
                "eth_submitHashrate",
            ),
        ] {
            assert_eq!(recognised(text), Some(method), "{text}");
        }
    }

    #[test]
    fn other_calls_to_a_node_are_not() {
        for method in [
            "eth_blockNumber",
            "eth_call",
            "eth_getLogs",
            "eth_sendRawTransaction",
            "eth_subscribe",
            "eth_mining",
        ] {
            assert_eq!(
                recognised(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#)),
                None
            );
        }
    }
}
