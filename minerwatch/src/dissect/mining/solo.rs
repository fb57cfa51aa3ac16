//! Solo mining: calls to a node that request or submit work, over HTTP or as lines of JSON.
//!
//! Sources: Monero's daemon RPC (`get_block_template`, `submit_block`), and what p2pool calls of it and of the chains that
//! it mines along (`get_miner_data`, `calc_pow`, `merge_mining_…`); Bitcoin's RPC (BIP 22, `getwork`); Ethereum's
//! `eth_getWork`; the remote control of `XMRigCC`. Other calls to nodes are ignored.

use super::{Member, Message, ProtocolMatch, member::Member::MinerStatus};
use crate::model::{Carrier, MiningProtocol, MiningSide};

/// Methods that only miners and pools call.
const METHODS: [&str; 21] = [
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
    "getblocktemplatelight",
    "submitblocklight",
    "createauxblock",
    "getauxblock",
    "submitauxblock",
    "get_miner_data",
    "calc_pow",
    "add_aux_pow",
    "merge_mining_get_chain_id",
    "merge_mining_get_aux_block",
    "merge_mining_submit_solution",
];

/// Number of hexadecimal digits of the data that `getwork` submits: a Bitcoin header with its padding.
const GETWORK_DATA: usize = 256;

/// Recognises a solo mining call in the body of an HTTP request.
pub fn solo<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let name = message.call_of(&METHODS)?;
    // Dispatchers of other work have a call of this name, with members that say which work.
    if matches!(name, "getwork" | "submitwork") && message.params && !message.is_list {
        return None;
    }
    let mut protocol_match = ProtocolMatch::new(MiningProtocol::Solo, MiningSide::Client, name);
    protocol_match.account = message.text(Member::WalletAddress, |_| true);
    Some(protocol_match)
}

/// Recognises a solo mining call in a line of JSON. Dispatchers of other work have a `getwork` too: Bitcoin's has a list
/// of parameters, which is empty or contains the data.
pub fn solo_line<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let found = solo(message)?;
    if !matches!(found.method, "getwork" | "submitwork") {
        return Some(found);
    }
    let is_data = message.arguments[0]
        .is_none_or(|data| data.hexadecimal_digits().is_some_and(|digits| digits >= GETWORK_DATA));
    (message.is_list && message.id && is_data).then_some(found)
}

/// Recognises a remote-controlled miner that asks for its configuration, by the path. The path alone proves nothing.
pub fn asks_configuration<'a>(path: &[u8]) -> Option<ProtocolMatch<'a>> {
    path.starts_with(b"/client/getConfig?clientId=").then_some(ProtocolMatch {
        sure: false,
        carrier: Carrier::Http,
        ..ProtocolMatch::new(MiningProtocol::MinerControl, MiningSide::Client, "getConfig")
    })
}

/// Recognises the configuration that a remote-controlled miner is sent. It is `XMRig`'s, which also lies on web servers,
/// so it counts only for who asked as such a miner does.
pub fn configuration<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let is_of_miner = !message.is_call()
        && message.has(Member::TopAlgorithms)
        && message.has_nested(Member::Pools, true)
        && message.has(Member::DonateLevel);
    is_of_miner.then(|| ProtocolMatch::new(MiningProtocol::MinerControl, MiningSide::Server, "getConfig"))
}

/// Recognises the report of a remote-controlled miner about itself, by the path and the body.
pub fn controlled<'a>(path: &[u8], message: Option<&Message<'a>>) -> Option<ProtocolMatch<'a>> {
    let is_report = path.starts_with(b"/client/setClientStatus?clientId=");
    if !is_report {
        return None;
    }
    let speaks_of_mining =
        message.is_some_and(|message| message.has(Member::ClientStatus) && message.has(MinerStatus));
    Some(ProtocolMatch {
        sure: speaks_of_mining,
        ..ProtocolMatch::new(MiningProtocol::MinerControl, MiningSide::Client, "setClientStatus")
    })
}

/// Returns what a request asks a Monero node for, if that is its block height. A solo miner asks every second. Monitoring
/// programs ask for the state of the node instead (`/getinfo`), and so do miners of old relatives of Monero; those are known
/// by their calls for work.
pub fn asks_height(request: &[u8]) -> Option<&'static str> {
    const METHODS: [&str; 2] = ["getheight", "get_height"];
    let path = request.strip_prefix(b"GET /")?;
    METHODS.into_iter().find(|method| {
        let rest = path.strip_prefix(method.as_bytes());
        rest.is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'?')))
    })
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
    fn p2pool_and_lines_of_json_are_recognised() {
        let line = |text: &str| solo_line(&Message::read(text.as_bytes()).0).map(|found| found.method);
        let data = "00".repeat(128);
        for method in ["get_miner_data", "calc_pow", "add_aux_pow", "merge_mining_get_aux_block"] {
            assert!(recognised(&format!(r#"{{"jsonrpc":"2.0","id":"0","method":"{method}"}}"#)).is_some());
        }
        assert!(line(r#"{"id":0,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#).is_some());
        assert!(line(r#"{"id":0,"method":"getwork","params":[]}"#).is_some());
        assert!(line(&format!(r#"{{"id":0,"method":"getwork","params":["{data}"]}}"#)).is_some());
        for other in [
            r#"{"id":0,"method":"getwork"}"#,
            r#"{"id":0,"method":"getwork","params":{"queue":"builds"}}"#,
            r#"{"id":0,"method":"getwork","params":["builds"]}"#,
        ] {
            assert_eq!(line(other), None, "{other}");
        }
    }

    #[test]
    fn the_report_of_a_controlled_miner_is_sure_by_its_body() {
        let path = b"/client/setClientStatus?clientId=host";
        let sure =
            |body: &str| controlled(path, Some(&Message::read(body.as_bytes()).0)).map(|found| found.sure);
        assert_eq!(sure(r#"{"client_status":{"client_id":"h","current_algo":"rx/0"}}"#), Some(true));
        assert_eq!(sure(r#"{"status":"away"}"#), Some(false));
        assert_eq!(controlled(b"/client/status?clientId=h", None), None);
    }

    #[test]
    fn a_controlled_miner_s_question_is_never_sure_and_its_configuration_is() {
        let asked = asks_configuration(b"/client/getConfig?clientId=host%201").expect("recognised");
        assert_eq!((asked.method, asked.sure, asked.carrier), ("getConfig", false, Carrier::Http));
        for path in
            [&b"/client/getConfig"[..], b"/v1/client/getConfig?clientId=h", b"/client/getConfigs?clientId=h"]
        {
            assert_eq!(asks_configuration(path), None, "{}", path.escape_ascii());
        }
        let is_sent = |text: &str| configuration(&Message::read(text.as_bytes()).0).is_some();
        assert!(is_sent(r#"{"algo":"rx/0","donate-level":0,"pools":[{"url":"10.0.0.9:3333"}]}"#));
        assert!(is_sent(r#"{"donate-level":1,"pools":[{"algo":null,"url":"pool.example:443"},{"algo""#));
        for other in [
            r#"{"algo":"least-loaded","pools":[{"url":"10.0.0.9:80"}]}"#,
            r#"{"algo":"rx/0","donate-level":0,"pools":"none"}"#,
            r#"{"donate-level":1,"pools":[]}"#,
            r#"{"data":{"algo":"rx/0","donate-level":0,"pools":[]}}"#,
            r#"{"method":"save","algo":"rx/0","donate-level":0,"pools":[]}"#,
        ] {
            assert!(!is_sent(other), "{other}");
        }
    }

    #[test]
    fn requests_for_the_height_are_recognised() {
        assert_eq!(asks_height(b"GET /getheight HTTP/1.1\r\n"), Some("getheight"));
        assert_eq!(asks_height(b"GET /get_height?x HTTP/1.1\r\n"), Some("get_height"));
        for other in
            ["GET /getinfo", "GET /get_info", "GET /getheights", "GET /api/getheight", "POST /getheight"]
        {
            assert_eq!(asks_height(format!("{other} HTTP/1.1\r\n").as_bytes()), None, "{other}");
        }
    }
}
