//! Beam's stratum: its messages have their members at the top level.
//!
//! Source: `Stratum.md` in the wiki of `github.com/BeamMW/beam`.

use super::{Member, Message, ProtocolMatch, json::Text};
use crate::model::{MiningProtocol, MiningSide};

/// Recognises a message of a miner or a node.
pub fn beam<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let found = |side, method| ProtocolMatch::new(MiningProtocol::Beam, side, method);
    match message.call_of(&["solution", "job", "login"])? {
        "solution" => {
            let is_solution = message.is_hexadecimal(Member::TopNonce, |digits| digits == 16)
                && message.is_hexadecimal(Member::Output, |digits| digits >= 128);
            is_solution.then(|| found(MiningSide::Client, "solution"))
        }
        "job" => {
            let is_job = message.is_hexadecimal(Member::Input, |digits| digits == 64)
                && message.has(Member::TopDifficulty);
            is_job.then(|| found(MiningSide::Server, "job"))
        }
        // Other services take a login with a key. The key of a pool is the address of a wallet.
        _ => {
            let key = message.text(Member::ApiKey, |_| true)?;
            let sure = is_address(key) && message.id && !message.is_record;
            Some(ProtocolMatch { sure, account: Some(key), ..found(MiningSide::Client, "login") })
        }
    }
}

/// Whether a text can only be the address of a wallet: a channel and a key of 32 bytes. The usual keys of services have
/// 32 bytes, and 33 if they are points of a curve.
fn is_address(key: Text<'_>) -> bool {
    let is_point = || key.len() == 66 && (key.starts_with("02") || key.starts_with("03"));
    key.hexadecimal_digits().is_some_and(|digits| matches!(digits, 65..=68)) && !is_point()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(text: &str) -> Option<(MiningSide, &'static str, bool)> {
        let text = text.replace("HASH", &"5a".repeat(32)).replace("PROOF", &"1b".repeat(104));
        beam(&Message::read(text.as_bytes()).0).map(|found| (found.side, found.method, found.sure))
    }

    #[test]
    fn messages_of_miners_and_nodes_are_recognised() {
        for (text, side, method) in [
            (
                r#"{"method":"login","api_key":"HASH1","id":"login","jsonrpc":"2.0"}"#,
                MiningSide::Client,
                "login",
            ),
            (
                r#"{"id":"2","jsonrpc":"2.0","method":"job","input":"HASH","difficulty":7,"height":2}"#,
                MiningSide::Server,
                "job",
            ),
            (
                r#"{"method":"solution","id":"2","nonce":"9c2a000000000001","output":"PROOF","jsonrpc":"2.0"}"#,
                MiningSide::Client,
                "solution",
            ),
        ] {
            assert_eq!(recognised(text), Some((side, method, true)), "{text}");
        }
    }

    #[test]
    fn other_messages_are_not_sure() {
        for text in [
            r#"{"method":"login","api_key":"secret-key","id":"login"}"#,
            r#"{"id":1,"method":"login","api_key":"HASH"}"#,
            r#"{"id":1,"method":"login","api_key":"02HASH"}"#,
            r#"{"method":"job","input":"s3://bucket/in","difficulty":7}"#,
            r#"{"method":"solution","nonce":"1","output":"42"}"#,
            r#"{"method":"solution","output":"PROOF"}"#,
        ] {
            assert!(matches!(recognised(text), None | Some((_, _, false))), "{text}");
        }
    }
}
