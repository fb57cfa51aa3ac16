//! eth-proxy: Ethereum's JSON-RPC calls for work, as raw TCP.
//!
//! Inside HTTP the same calls ask a node of one's own (see `solo`).

use super::{Dialect, Message, ProtocolMatch, Side};

/// Looks at one message.
pub fn eth_proxy<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let method = message.method?;
    let known = ["eth_submitLogin", "eth_getWork", "eth_submitWork", "eth_submitHashrate"];
    let name = known.into_iter().find(|name| method.is(name))?;
    let mut protocol_match = ProtocolMatch::new(Dialect::EthProxy, Side::Client, name);
    if name == "eth_submitLogin" {
        protocol_match.account = message.arguments[0];
    }
    Some(protocol_match)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Option<&'static str> {
        eth_proxy(&Message::read(text.as_bytes()).0).map(|protocol_match| protocol_match.method)
    }

    #[test]
    fn miners() {
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
            assert_eq!(seen(text), Some(method), "{text}");
        }
    }

    #[test]
    fn clients_of_nodes() {
        for method in [
            "eth_blockNumber",
            "eth_call",
            "eth_getLogs",
            "eth_sendRawTransaction",
            "eth_subscribe",
            "eth_mining",
        ] {
            assert_eq!(seen(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#)), None);
        }
    }
}
