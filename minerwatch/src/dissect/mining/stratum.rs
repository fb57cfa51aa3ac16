//! Stratum V1 and its dialects: `mining.…` methods, with their parameters in an array or an object.
//!
//! Sources: the protocol's description at `en.bitcoin.it/wiki/Stratum_mining_protocol`; `NiceHash`'s
//! EthereumStratum/1.0.0 and the draft of EthereumStratum/2.0.0 at `github.com/AndreaLanfranchi`; the stratum server of
//! the Iron Fish node, whose parameters are in `body`, and the changes to it by teamredminer; the XELIS stratum of
//! `vipor.net`.

use super::{Member, Message, ProtocolMatch};
use crate::model::{MiningProtocol, MiningSide};

/// Methods that miners call.
const CLIENT: [&str; 15] = [
    "mining.subscribe",
    "mining.authorize",
    "mining.submit",
    "mining.configure",
    "mining.extranonce.subscribe",
    "mining.suggest_difficulty",
    "mining.suggest_target",
    "mining.multi_version",
    "mining.hello",
    "mining.noop",
    "mining.pong",
    "mining.hashrate",
    "mining.submit_hashrate",
    "mining.get_transactions",
    "mining.get_status",
];

/// Methods that pools call.
const SERVER: [&str; 11] = [
    "mining.notify",
    "mining.set_difficulty",
    "mining.set_target",
    "mining.set_extranonce",
    "mining.set_version_mask",
    "mining.set",
    "mining.bye",
    "mining.ping",
    "mining.subscribed",
    "mining.submitted",
    "mining.wait_for_work",
];

/// Recognises a Stratum V1 message.
pub fn stratum<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    if !message.is_call() || (message.whole && !message.params) {
        return words_only(message);
    }
    if let Some(name) = message.call_of(&SERVER) {
        return Some(ProtocolMatch::new(MiningProtocol::Stratum, MiningSide::Server, name));
    }
    let name = message.call_of(&CLIENT)?;
    let [first, second, _] = message.arguments;
    let ethereum = second.is_some_and(|version| version.starts_with("EthereumStratum/"))
        || message.text(Member::Protocol, |version| version.starts_with("EthereumStratum/")).is_some();
    let iron_fish = message.has(Member::PublicAddress)
        || (message.has(Member::RequestId) && message.has(Member::Randomness));
    let protocol = match (ethereum, iron_fish) {
        (true, _) => MiningProtocol::EthereumStratum,
        (false, true) => MiningProtocol::IronFish,
        (false, false) => MiningProtocol::Stratum,
    };
    let mut protocol_match = ProtocolMatch::new(protocol, MiningSide::Client, name);
    match name {
        "mining.subscribe" => protocol_match.agent = first.or(message.text(Member::Agent, |_| true)),
        "mining.authorize" | "mining.submit" => protocol_match.account = first,
        _ => {}
    }
    if iron_fish {
        protocol_match.account = message.text(Member::PublicAddress, |_| true);
    }
    // A call with an array of parameters or with an id is sure. A method alone may be a test message.
    protocol_match.sure = message.is_list || message.id;
    Some(protocol_match)
}

/// Recognises the answer to a ping, which has an id but no parameters.
fn words_only<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let name = message.call_of(&["mining.pong", "mining.noop", "mining.multi_version"])?;
    message.id.then(|| ProtocolMatch::new(MiningProtocol::Stratum, MiningSide::Client, name))
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
            (
                r#"{"id":0,"method":"mining.subscribe","body":{"version":2,"name":"rig","publicAddress":"7ad5"}}"#,
                MiningProtocol::IronFish,
                MiningSide::Client,
            ),
            (
                r#"{"id":3,"method":"mining.submit","body":{"miningRequestId":21713,"randomness":"0005","graffiti":"00"}}"#,
                MiningProtocol::IronFish,
                MiningSide::Client,
            ),
            (
                r#"{"id":23301,"method":"mining.notify","body":{"miningRequestId":21713,"header":"00000000"}}"#,
                MiningProtocol::Stratum,
                MiningSide::Server,
            ),
            (
                r#"{"id":23300,"method":"mining.set_target","body":{"target":"00000000494c"}}"#,
                MiningProtocol::Stratum,
                MiningSide::Server,
            ),
            (
                r#"{"id":0,"method":"mining.hello","params":{"agent":"x","proto":"EthereumStratum/2.0.0"}}"#,
                MiningProtocol::EthereumStratum,
                MiningSide::Client,
            ),
            (r#"{"id":9,"method":"mining.pong"}"#, MiningProtocol::Stratum, MiningSide::Client),
            (
                r#"{"id":9,"method":"mining.multi_version","params":[1]}"#,
                MiningProtocol::Stratum,
                MiningSide::Client,
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
