//! Solo mining: HTTP calls to a node that request or submit work.
//!
//! Source: Monero's daemon RPC (`get_block_template`, `submit_block`), Bitcoin's (BIP 22, `getwork`),
//! Ethereum's `eth_getWork`. Other calls to nodes are ignored.

use super::{Message, ProtocolMatch};
use crate::model::{MiningProtocol, MiningSide};

/// Methods that only miners and pools call.
const METHODS: [&str; 10] = [
    "getblocktemplate",
    "get_block_template",
    "submitblock",
    "submit_block",
    "getwork",
    "submitwork",
    "getminingcandidate",
    "submitminingsolution",
    "eth_getWork",
    "eth_submitWork",
];

/// Recognises a solo mining call in the body of an HTTP request.
pub fn solo<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let method = message.method?;
    let name = METHODS.into_iter().find(|name| method.is(name))?;
    let mut protocol_match = ProtocolMatch::new(MiningProtocol::Solo, MiningSide::Client, name);
    protocol_match.account = message.wallet_address;
    Some(protocol_match)
}

/// Whether a request asks a Monero node for its block height. A solo miner asks every second.
pub fn asks_height(request: &[u8]) -> bool {
    let path = request.strip_prefix(b"GET /getheight").or_else(|| request.strip_prefix(b"GET /get_height"));
    path.is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'?')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(text: &str) -> Option<&'static str> {
        solo(&Message::read(text.as_bytes()).0).map(|protocol_match| protocol_match.method)
    }

    #[test]
    fn only_calls_about_work_are_recognised() {
        assert_eq!(
            recognised(
                r#"{"id":1,"jsonrpc":"2.0","method":"getblocktemplate","params":{"wallet_address":"4","extra_nonce":"0"}}"#
            ),
            Some("getblocktemplate")
        );
        assert_eq!(
            recognised(r#"{"method": "submitblock", "params": ["0707e6bdfedc053"]}"#),
            Some("submitblock")
        );
        for method in ["getblockcount", "get_info", "getblockchaininfo", "getrawtransaction", "eth_call"] {
            assert_eq!(recognised(&format!(r#"{{"method":"{method}","params":[]}}"#)), None);
        }
    }

    #[test]
    fn requests_for_the_height_are_recognised() {
        assert!(asks_height(b"GET /getheight HTTP/1.1\r\n") && asks_height(b"GET /get_height HTTP/1.1\r\n"));
        assert!(!asks_height(b"GET /getheights HTTP/1.1\r\n") && !asks_height(b"POST /getheight HTTP/1.1"));
    }
}
