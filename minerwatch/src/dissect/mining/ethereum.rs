//! eth-proxy: Ethereum's JSON-RPC calls for work, over plain TCP. Nervos CKB's pools have the same calls under a prefix of
//! their own.
//!
//! Over HTTP the same calls go to the miner's own node (see `solo`).
//!
//! Sources: eth-proxy; for CKB the protocol of `SparkPool` as `NBMiner` documents it.

use super::{Member, Message, ProtocolMatch};
use crate::model::{MiningProtocol, MiningSide};

/// Recognises an eth-proxy message.
pub fn eth_proxy<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    const ETHEREUM: [&str; 4] = ["eth_submitLogin", "eth_getWork", "eth_submitWork", "eth_submitHashrate"];
    const NERVOS: [&str; 4] = ["ckb_submitLogin", "ckb_getWork", "ckb_submitWork", "ckb_submitHashrate"];
    let name = message.call_of(&ETHEREUM).or_else(|| message.call_of(&NERVOS))?;
    let mut protocol_match = ProtocolMatch::new(MiningProtocol::EthProxy, MiningSide::Client, name);
    if name.ends_with("_submitLogin") {
        protocol_match.account = message.arguments[0].or(message.text(Member::Login, |_| true));
        protocol_match.agent = message.text(Member::Agent, |_| true);
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
            (
                r#"{"id":1,"method":"ckb_submitLogin","params":{"login":"ckt1qy","agent":"x/1","worker":"w"}}"#,
                "ckb_submitLogin",
            ),
            (r#"{"id":2,"method":"ckb_getWork","params":null}"#, "ckb_getWork"),
            (r#"{"id":3,"method":"ckb_submitWork","params":["0xff","1"]}"#, "ckb_submitWork"),
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
            "get_tip_block_number",
            "get_cells",
        ] {
            assert_eq!(
                recognised(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#)),
                None
            );
        }
    }
}
