//! The stratum of Grin and its relatives (MWC, Epic): `login`, `getjobtemplate`, `submit` with a cycle in a graph.
//!
//! A login has no form of its own (see `crypto_note`). The next call has.
//!
//! Source: Grin's `doc/stratum.md`.

use super::{Member, Message, ProtocolMatch};
use crate::model::{MiningProtocol, MiningSide};

/// Number of hexadecimal digits of the shortest header before its proof of work.
const MIN_HEADER: usize = 128;

/// Recognises a message of a miner or a node.
pub fn cuckoo<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let found = |side, method| Some(ProtocolMatch::new(MiningProtocol::Cuckoo, side, method));
    if message.is_hexadecimal(Member::PrePow, |digits| digits >= MIN_HEADER) {
        let numbered =
            [Member::Height, Member::Difficulty, Member::JobId].iter().any(|member| message.has(*member));
        return if numbered { found(MiningSide::Server, "job") } else { None };
    }
    if message.calls("getjobtemplate") && !message.has(Member::PrePow) {
        // The call has no parameters. Services for jobs have templates, too, and name the one they want.
        let sure = message.id && !message.is_object && !message.is_list && !message.is_record;
        return found(MiningSide::Client, "getjobtemplate").map(|found| ProtocolMatch { sure, ..found });
    }
    if message.calls("submit") && message.has(Member::EdgeBits) && message.has(Member::Nonce) {
        return found(MiningSide::Client, "submit");
    }
    if message.calls("keepalive") && message.id && message.params {
        return Some(ProtocolMatch {
            sure: false,
            ..ProtocolMatch::new(MiningProtocol::Cuckoo, MiningSide::Client, "keepalive")
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(text: &str) -> Option<(MiningSide, &'static str, bool)> {
        let text = text.replace("HEADER", &"0001".repeat(80));
        cuckoo(&Message::read(text.as_bytes()).0).map(|found| (found.side, found.method, found.sure))
    }

    #[test]
    fn messages_of_miners_and_nodes_are_recognised() {
        for (text, side, method) in [
            (
                r#"{"id":"2","jsonrpc":"2.0","method":"getjobtemplate","params":null}"#,
                MiningSide::Client,
                "getjobtemplate",
            ),
            (
                r#"{"id":"0","method":"submit","params":{"edge_bits":29,"height":16419,"job_id":0,"nonce":1,"pow":[4,5]}}"#,
                MiningSide::Client,
                "submit",
            ),
            (
                r#"{"id":"Stratum","method":"job","params":{"difficulty":1,"height":16375,"job_id":5,"pre_pow":"HEADER"}}"#,
                MiningSide::Server,
                "job",
            ),
            (
                r#"{"id":"0","method":"getjobtemplate","result":{"difficulty":1,"height":1,"job_id":0,"pre_pow":"HEADER"#,
                MiningSide::Server,
                "job",
            ),
        ] {
            assert_eq!(recognised(text), Some((side, method, true)), "{text}");
        }
    }

    #[test]
    fn other_messages_are_not() {
        for text in [
            r#"{"id":"2","method":"gettemplate","params":null}"#,
            r#"{"id":"0","method":"submit","params":{"nonce":1,"height":3}}"#,
            r#"{"id":"0","method":"job","params":{"pre_pow":"yes","height":3}}"#,
            r#"{"id":"0","method":"status","params":null}"#,
        ] {
            assert_eq!(recognised(text), None, "{text}");
        }
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"getjobtemplate","params":{"name":"deploy-web"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"getjobtemplate","params":["deploy-web"]}"#,
        ] {
            assert_eq!(recognised(text), Some((MiningSide::Client, "getjobtemplate", false)), "{text}");
        }
        let keepalive = recognised(r#"{"id":"3","jsonrpc":"2.0","method":"keepalive","params":null}"#);
        assert_eq!(keepalive, Some((MiningSide::Client, "keepalive", false)));
    }
}
