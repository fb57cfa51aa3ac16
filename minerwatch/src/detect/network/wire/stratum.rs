//! Stratum V1 and `EthereumStratum`: `mining.…` methods with an array of parameters.
//!
//! Source: the protocol's description at `en.bitcoin.it/wiki/Stratum_mining_protocol` and `NiceHash`'s
//! EthereumStratum/1.0.0.

use super::{Dialect, Message, ProtocolMatch, Side, message::Shape};

/// What clients call.
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

/// What servers call.
const SERVER: [&str; 7] = [
    "mining.notify",
    "mining.set_difficulty",
    "mining.set_target",
    "mining.set_extranonce",
    "mining.set_version_mask",
    "mining.set",
    "mining.bye",
];

/// Looks at one message.
pub fn stratum<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let method = message.method?;
    if !method.starts_with("mining.") || (message.whole && message.params.is_none()) {
        return None;
    }
    let known = |names: &[&'static str]| names.iter().copied().find(|name| method.is(name));
    if let Some(name) = known(&SERVER) {
        return Some(ProtocolMatch::new(Dialect::Stratum, Side::Server, name));
    }
    let name = known(&CLIENT)?;
    let [first, second, _] = message.arguments;
    let ethereum = second.is_some_and(|version| version.starts_with("EthereumStratum/"));
    let dialect = if ethereum { Dialect::EthereumStratum } else { Dialect::Stratum };
    let mut protocol_match = ProtocolMatch::new(dialect, Side::Client, name);
    match name {
        "mining.subscribe" => protocol_match.agent = first,
        "mining.authorize" | "mining.submit" => protocol_match.account = first,
        _ => {}
    }
    // A call is an id, a method and its parameters; with less it may be somebody's test message.
    protocol_match.sure = message.params == Some(Shape::Array) || message.id;
    Some(protocol_match)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Option<(Dialect, Side, &'static str)> {
        let (message, _) = Message::read(text.as_bytes());
        stratum(&message)
            .map(|protocol_match| (protocol_match.dialect, protocol_match.side, protocol_match.method))
    }

    #[test]
    fn clients_and_servers() {
        let cases = [
            (
                r#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#,
                Dialect::Stratum,
                Side::Client,
            ),
            (r#"{"params":["w.1","x"],"id":2,"method":"mining.authorize"}"#, Dialect::Stratum, Side::Client),
            (
                r#"{ "id" : 4 , "method" : "mining.submit", "params": ["w", "1f", "00", "5f", "aa"] }"#,
                Dialect::Stratum,
                Side::Client,
            ),
            (
                r#"{"id":1,"method":"mining.subscribe","params":["kawpowminer/1.2","EthereumStratum/1.0.0"]}"#,
                Dialect::EthereumStratum,
                Side::Client,
            ),
            (r#"{"id":1,"method":"m\u0069ning.subscribe","params":[]}"#, Dialect::Stratum, Side::Client),
            (r#"{"id":null,"method":"mining.notify","params":["bf","4d16"#, Dialect::Stratum, Side::Server),
            (
                r#"{"id":null,"method":"mining.set_difficulty","params":[512]}"#,
                Dialect::Stratum,
                Side::Server,
            ),
        ];
        for (text, dialect, side) in cases {
            assert_eq!(seen(text).map(|(dialect, side, _)| (dialect, side)), Some((dialect, side)), "{text}");
        }
    }

    #[test]
    fn others() {
        for text in [
            r#"{"id":1,"method":"mining.permits.list","params":["Chile"]}"#,
            r#"{"id":1,"method":"data.mining.subscribe","params":[]}"#,
            r#"{"id":1,"method":"log","params":["{\"method\":\"mining.subscribe\"}"]}"#,
            r#"{"id":1,"result":{"method":"mining.subscribe"},"error":null}"#,
            r#"{"method":"mining.subscribe"}"#,
        ] {
            assert_eq!(seen(text), None, "{text}");
        }
    }
}
