//! Stratum V1 and `EthereumStratum`: `mining.…` methods with an array of parameters.
//!
//! Source: the protocol's description at `en.bitcoin.it/wiki/Stratum_mining_protocol` and `NiceHash`'s
//! EthereumStratum/1.0.0.

use super::{Message, ProtocolMatch, message::Shape};
use crate::model::{MiningProtocol, MiningSide};

/// Methods that miners call.
const CLIENT: [&str; 10] = [
    "mining.subscribe",
    "mining.authorize",
    "mining.submit",
    "mining.configure",
    "mining.extranonce.subscribe",
    "mining.suggest_difficulty",
    "mining.suggest_target",
    "mining.hello",
    "mining.noop",
    "mining.get_transactions",
];

/// Methods that pools call.
const SERVER: [&str; 7] = [
    "mining.notify",
    "mining.set_difficulty",
    "mining.set_target",
    "mining.set_extranonce",
    "mining.set_version_mask",
    "mining.set",
    "mining.bye",
];

/// Recognises a Stratum V1 message.
pub fn stratum<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let method = message.method?;
    if !method.starts_with("mining.") || (message.whole && message.params.is_none()) {
        return None;
    }
    let known = |names: &[&'static str]| names.iter().copied().find(|name| method.is(name));
    if let Some(name) = known(&SERVER) {
        return Some(ProtocolMatch::new(MiningProtocol::Stratum, MiningSide::Server, name));
    }
    let name = known(&CLIENT)?;
    let [first, second, _] = message.arguments;
    let ethereum = second.is_some_and(|version| version.starts_with("EthereumStratum/"));
    let protocol = if ethereum { MiningProtocol::EthereumStratum } else { MiningProtocol::Stratum };
    let mut protocol_match = ProtocolMatch::new(protocol, MiningSide::Client, name);
    match name {
        "mining.subscribe" => protocol_match.agent = first,
        "mining.authorize" | "mining.submit" => protocol_match.account = first,
        _ => {}
    }
    // A call with an array of parameters or with an id is sure. A method alone may be a test message.
    protocol_match.sure = message.params == Some(Shape::Array) || message.id;
    Some(protocol_match)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(text: &str) -> Option<(MiningProtocol, MiningSide, &'static str)> {
        let (message, _) = Message::read(text.as_bytes());
        stratum(&message)
            .map(|protocol_match| (protocol_match.protocol, protocol_match.side, protocol_match.method))
    }

    #[test]
    fn messages_of_miners_and_pools_are_recognised() {
        let cases = [
            (
                r#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#,
                MiningProtocol::Stratum,
                MiningSide::Client,
            ),
            (
                r#"{"params":["w.1","x"],"id":2,"method":"mining.authorize"}"#,
                MiningProtocol::Stratum,
                MiningSide::Client,
            ),
            (
                r#"{ "id" : 4 , "method" : "mining.submit", "params": ["w", "1f", "00", "5f", "aa"] }"#,
                MiningProtocol::Stratum,
                MiningSide::Client,
            ),
            (
                r#"{"id":1,"method":"mining.subscribe","params":["kawpowminer/1.2","EthereumStratum/1.0.0"]}"#,
                MiningProtocol::EthereumStratum,
                MiningSide::Client,
            ),
            (
                r#"{"id":1,"method":"m\u0069ning.subscribe","params":[]}"#,
                MiningProtocol::Stratum,
                MiningSide::Client,
            ),
            (
                r#"{"id":null,"method":"mining.notify","params":["bf","4d16"#,
                MiningProtocol::Stratum,
                MiningSide::Server,
            ),
            (
                r#"{"id":null,"method":"mining.set_difficulty","params":[512]}"#,
                MiningProtocol::Stratum,
                MiningSide::Server,
            ),
        ];
        for (text, protocol, side) in cases {
            assert_eq!(
                recognised(text).map(|(protocol, side, _)| (protocol, side)),
                Some((protocol, side)),
                "{text}"
            );
        }
    }

    #[test]
    fn other_messages_are_not() {
        for text in [
            r#"{"id":1,"method":"mining.permits.list","params":["Chile"]}"#,
            r#"{"id":1,"method":"data.mining.subscribe","params":[]}"#,
            r#"{"id":1,"method":"log","params":["{\"method\":\"mining.subscribe\"}"]}"#,
            r#"{"id":1,"result":{"method":"mining.subscribe"},"error":null}"#,
            r#"{"method":"mining.subscribe"}"#,
        ] {
            assert_eq!(recognised(text), None, "{text}");
        }
    }
}
