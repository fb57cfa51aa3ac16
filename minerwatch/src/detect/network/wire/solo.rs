//! Solo mining: HTTP calls to a node that ask for work or hand it in.
//!
//! Source: Monero's daemon RPC (`get_block_template`, `submit_block`), Bitcoin's (BIP 22, `getwork`),
//! Ethereum's `eth_getWork`. Nodes' other calls are none of our business.

use super::{Dialect, Message, ProtocolMatch, Side};

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

/// Looks at the message in the body of a POST.
pub fn solo<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let method = message.method?;
    let name = METHODS.into_iter().find(|name| method.is(name))?;
    let mut protocol_match = ProtocolMatch::new(Dialect::Solo, Side::Client, name);
    protocol_match.account = message.wallet_address;
    Some(protocol_match)
}

/// Whether a request asks a Monero node how many blocks there are, as a solo miner does each second.
pub fn asks_height(request: &[u8]) -> bool {
    let path = request.strip_prefix(b"GET /getheight").or_else(|| request.strip_prefix(b"GET /get_height"));
    path.is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'?')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Option<&'static str> {
        solo(&Message::read(text.as_bytes()).0).map(|protocol_match| protocol_match.method)
    }

    #[test]
    fn only_work_counts() {
        assert_eq!(
            seen(
                r#"{"id":1,"jsonrpc":"2.0","method":"getblocktemplate","params":{"wallet_address":"4","extra_nonce":"0"}}"#
            ),
            Some("getblocktemplate")
        );
        assert_eq!(seen(r#"{"method": "submitblock", "params": ["0707e6bdfedc053"]}"#), Some("submitblock"));
        for method in ["getblockcount", "get_info", "getblockchaininfo", "getrawtransaction", "eth_call"] {
            assert_eq!(seen(&format!(r#"{{"method":"{method}","params":[]}}"#)), None);
        }
    }

    #[test]
    fn heights() {
        assert!(asks_height(b"GET /getheight HTTP/1.1\r\n") && asks_height(b"GET /get_height HTTP/1.1\r\n"));
        assert!(!asks_height(b"GET /getheights HTTP/1.1\r\n") && !asks_height(b"POST /getheight HTTP/1.1"));
    }
}
