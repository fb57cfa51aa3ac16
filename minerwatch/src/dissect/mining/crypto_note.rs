//! The JSON-RPC protocol of pools for Monero and related coins: `login`, `job`, `submit`, `keepalived`.
//!
//! Other services have a `login` call too. A login is sure only if it has a wallet address, a list of algorithms or the
//! agent of XMRig. Otherwise the answer decides: a pool answers with a job.

use super::{Message, ProtocolMatch};
use crate::model::{MiningProtocol, MiningSide, wallet::names_wallet};

/// Recognises a message of a miner or a pool.
pub fn crypto_note<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let found = |side, method| ProtocolMatch::new(MiningProtocol::CryptoNote, side, method);
    let Some(method) = message.method else {
        // The answer to a login contains the first job and has no method.
        return message.job.is_one().then(|| found(MiningSide::Server, "job"));
    };
    if method.is("login") {
        let login = message.login?;
        let wallet = login.plain().is_some_and(names_wallet);
        let miner = message.agent.is_some_and(|agent| agent.starts_with("XMRig/"));
        if !(wallet || message.algorithms || miner || message.pass) {
            return None;
        }
        let sure = wallet || message.algorithms || miner;
        return Some(ProtocolMatch {
            sure,
            account: Some(login),
            agent: message.agent,
            ..found(MiningSide::Client, "login")
        });
    }
    if method.is("submit") && message.job_id && message.nonce && message.hash {
        return Some(found(MiningSide::Client, "submit"));
    }
    if method.is("job") && message.job.is_one() {
        return Some(found(MiningSide::Server, "job"));
    }
    // Other protocols have a call of this name as well.
    if method.is("keepalived") && message.session {
        return Some(ProtocolMatch { sure: false, ..found(MiningSide::Client, "keepalived") });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    fn recognised(text: &str) -> Option<(MiningSide, &'static str, bool)> {
        let text = text.replace("WALLET", WALLET);
        let (message, _) = Message::read(text.as_bytes());
        crypto_note(&message)
            .map(|protocol_match| (protocol_match.side, protocol_match.method, protocol_match.sure))
    }

    #[test]
    fn messages_of_miners_and_pools_are_recognised() {
        let cases = [
            (
                r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"WALLET","pass":"x"}}"#,
                MiningSide::Client,
                "login",
                true,
            ),
            (
                r#"{"method": "login", "params": {"login": "WALLET", "pass": "x", "agent": "m/1"}, "id": 1}"#,
                MiningSide::Client,
                "login",
                true,
            ),
            (
                r#"{"params":{"algo":["rx/0"],"agent":"a","pass":"","login":"user1"},"id":1,"method":"login"}"#,
                MiningSide::Client,
                "login",
                true,
            ),
            (
                r#"{"id":1,"method":"login","params":{"login":"user1","pass":"x","agent":"XMRig/6.21.0 (Linux x86_64)","al"#,
                MiningSide::Client,
                "login",
                true,
            ),
            (
                r#"{"id":1,"method":"login","params":{"login":"user1","pass":"x"}}"#,
                MiningSide::Client,
                "login",
                false,
            ),
            (
                r#"{"id":7,"jsonrpc":"2.0","method":"submit","params":{"id":"a","job_id":"7","nonce":"01000000","result":"ff"}}"#,
                MiningSide::Client,
                "submit",
                true,
            ),
            (
                r#"{"id":9,"method":"keepalived","params":{"id":"a"}}"#,
                MiningSide::Client,
                "keepalived",
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"0e0e","job_id":"7","target":"b88d0600","algo":"rx/0"}}"#,
                MiningSide::Server,
                "job",
                true,
            ),
            (
                r#"{"id":1,"error":null,"result":{"id":"x","job":{"blob":"0e0e","job_id":"7","target":"b88d06"#,
                MiningSide::Server,
                "job",
                false,
            ),
            (
                r#"{"id":1,"error":null,"result":{"id":"x","job":{"job_id":"7","height":3,"blob":"0e0e"}}}"#,
                MiningSide::Server,
                "job",
                true,
            ),
        ];
        for (text, side, method, sure) in cases {
            // A job that is truncated before its second half is not recognised.
            let expected = (method != "job" || sure).then_some((side, method, sure));
            assert_eq!(recognised(text), expected, "{text}");
        }
    }

    #[test]
    fn other_messages_are_not() {
        for text in [
            r#"{"id":1,"method":"login","params":{"user":"bob","password":"x"}}"#,
            r#"{"id":1,"method":"login","params":{"login":"bob","token":"x"}}"#,
            r#"{"id":1,"method":"login","params":["WALLET","x"]}"#,
            r#"{"method":"submit","params":{"job_id":"build-7","artifact":"x"}}"#,
            r#"{"method":"job","params":{"id":3,"target":"all","command":"make"}}"#,
            r#"{"id":1,"result":{"job":{"blob":"aGVsbG8=","name":"upload"}}}"#,
            r#"{"id":2,"result":{"login":"WALLET","pass":"x"}}"#,
        ] {
            assert_eq!(recognised(text), None, "{text}");
        }
    }
}
