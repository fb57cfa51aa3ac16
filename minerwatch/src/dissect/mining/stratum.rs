//! Stratum V1 and its dialects: `mining.…` methods, with their parameters in an array or an object.
//!
//! Sources: the protocol's description at `en.bitcoin.it/wiki/Stratum_mining_protocol`; `NiceHash`'s
//! EthereumStratum/1.0.0 and the draft of EthereumStratum/2.0.0 at `github.com/AndreaLanfranchi`; the stratum server of
//! the Iron Fish node, whose parameters are in `body`, and the changes to it by teamredminer; the XELIS stratum of
//! `vipor.net`.

use super::{
    Member, Message, ProtocolMatch,
    crypto_note::{is_account, is_miner},
};
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
        let sure = (!message.is_object || is_work(message)) && !message.is_record;
        let found = ProtocolMatch::new(MiningProtocol::Stratum, MiningSide::Server, name);
        return Some(ProtocolMatch { sure, ..found });
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
    // A call with an array of parameters or with an id is sure. A method alone may be a test message. Services that mine
    // texts have such methods, too, with parameters of their own.
    protocol_match.sure = if message.is_object {
        ethereum || iron_fish || is_miner_s(message)
    } else {
        message.is_list || message.id
    };
    protocol_match.sure &= !message.is_record;
    Some(protocol_match)
}

/// Whether parameters in an object are a miner's: an account, a program that mines, or a share.
fn is_miner_s(message: &Message<'_>) -> bool {
    message.text(Member::Login, is_account).is_some()
        || message.text(Member::WalletAddress, is_account).is_some()
        || message.text(Member::Agent, is_miner).is_some()
        || (message.has(Member::JobId) && message.has(Member::Nonce))
}

/// Whether parameters in an object are what a pool sends: work, or how hard it is.
fn is_work(message: &Message<'_>) -> bool {
    let is_hexadecimal = |member| message.is_hexadecimal(member, |digits| digits >= 8);
    message.has(Member::RequestId) || is_hexadecimal(Member::Target) || is_hexadecimal(Member::Header)
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

    #[test]
    fn words_of_other_services_are_not_sure() {
        for (text, sure) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"mining.submit","params":{"corpus":"reviews-2026","model":"lda"}}"#,
                false,
            ),
            (r#"{"id":1,"method":"mining.submit","params":{"job_id":"7","model":"lda"}}"#, false),
            (r#"{"id":1,"method":"mining.notify","params":{"corpus":"reviews","height":2}}"#, false),
            (
                r#"{"severity":"WARN","rule":"ids","method":"mining.subscribe","id":7,"params":["from pcap"]}"#,
                false,
            ),
            (r#"{"level":"INFO","method":"mining.notify","params":["bf","4d16"]}"#, false),
            (r#"{"id":1,"method":"mining.subscribe","params":{"agent":"XMRig/6.22.0"}}"#, true),
            (r#"{"id":1,"method":"mining.submit","params":{"job_id":"7","nonce":"01000000"}}"#, true),
            (r#"{"id":1,"method":"mining.subscribe","params":["x/1"],"worker":"r"}"#, true),
            (r#"{"method":"mining.set","params":{"epoch":"dc","target":"00000000ffff"}}"#, true),
        ] {
            let (message, _) = Message::read(text.as_bytes());
            assert_eq!(stratum(&message).map(|found| found.sure), Some(sure), "{text}");
        }
    }
}
