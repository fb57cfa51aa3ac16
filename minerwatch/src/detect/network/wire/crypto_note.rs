//! The JSON-RPC of Monero's and its relatives' pools: `login`, `job`, `submit`, `keepalived`.
//!
//! A chat service may have a `login` too, so a login is sure only with what a miner adds: a wallet, or the
//! list of algorithms it can do; else the answer decides, which brings a job.

use super::{Dialect, Message, ProtocolMatch, Side, account};

/// Looks at one message.
pub fn crypto_note<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let see = |side, method| ProtocolMatch::new(Dialect::CryptoNote, side, method);
    let Some(method) = message.method else {
        // The answer to a login has no method but the first job.
        return message.job.is_one().then(|| see(Side::Server, "job"));
    };
    if method.is("login") {
        let login = message.login?;
        let wallet = login.plain().is_some_and(account::names_wallet);
        let miner = message.agent.is_some_and(|agent| agent.starts_with("XMRig/"));
        if !(wallet || message.algorithms || miner || message.pass) {
            return None;
        }
        let sure = wallet || message.algorithms || miner;
        return Some(ProtocolMatch {
            sure,
            account: Some(login),
            agent: message.agent,
            ..see(Side::Client, "login")
        });
    }
    if method.is("submit") && message.job_id && message.nonce && message.hash {
        return Some(see(Side::Client, "submit"));
    }
    if method.is("job") && message.job.is_one() {
        return Some(see(Side::Server, "job"));
    }
    // Others keep connections alive by this name as well.
    if method.is("keepalived") && message.session {
        return Some(ProtocolMatch { sure: false, ..see(Side::Client, "keepalived") });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    fn seen(text: &str) -> Option<(Side, &'static str, bool)> {
        let text = text.replace("WALLET", WALLET);
        let (message, _) = Message::read(text.as_bytes());
        crypto_note(&message)
            .map(|protocol_match| (protocol_match.side, protocol_match.method, protocol_match.sure))
    }

    #[test]
    fn clients_and_servers() {
        let cases = [
            (
                r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"WALLET","pass":"x"}}"#,
                Side::Client,
                "login",
                true,
            ),
            (
                r#"{"method": "login", "params": {"login": "WALLET", "pass": "x", "agent": "m/1"}, "id": 1}"#,
                Side::Client,
                "login",
                true,
            ),
            (
                r#"{"params":{"algo":["rx/0"],"agent":"a","pass":"","login":"user1"},"id":1,"method":"login"}"#,
                Side::Client,
                "login",
                true,
            ),
            (
                r#"{"id":1,"method":"login","params":{"login":"user1","pass":"x","agent":"XMRig/6.21.0 (Linux x86_64)","al"#,
                Side::Client,
                "login",
                true,
            ),
            (
                r#"{"id":1,"method":"login","params":{"login":"user1","pass":"x"}}"#,
                Side::Client,
                "login",
                false,
            ),
            (
                r#"{"id":7,"jsonrpc":"2.0","method":"submit","params":{"id":"a","job_id":"7","nonce":"01000000","result":"ff"}}"#,
                Side::Client,
                "submit",
                true,
            ),
            (r#"{"id":9,"method":"keepalived","params":{"id":"a"}}"#, Side::Client, "keepalived", false),
            (
                r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"0e0e","job_id":"7","target":"b88d0600","algo":"rx/0"}}"#,
                Side::Server,
                "job",
                true,
            ),
            (
                r#"{"id":1,"error":null,"result":{"id":"x","job":{"blob":"0e0e","job_id":"7","target":"b88d06"#,
                Side::Server,
                "job",
                false,
            ),
            (
                r#"{"id":1,"error":null,"result":{"id":"x","job":{"job_id":"7","height":3,"blob":"0e0e"}}}"#,
                Side::Server,
                "job",
                true,
            ),
        ];
        for (text, side, method, sure) in cases {
            // Of a job that is cut off before its second half nothing is said.
            let expected = (method != "job" || sure).then_some((side, method, sure));
            assert_eq!(seen(text), expected, "{text}");
        }
    }

    #[test]
    fn others() {
        for text in [
            r#"{"id":1,"method":"login","params":{"user":"bob","password":"x"}}"#,
            r#"{"id":1,"method":"login","params":{"login":"bob","token":"x"}}"#,
            r#"{"id":1,"method":"login","params":["WALLET","x"]}"#,
            r#"{"method":"submit","params":{"job_id":"build-7","artifact":"x"}}"#,
            r#"{"method":"job","params":{"id":3,"target":"all","command":"make"}}"#,
            r#"{"id":1,"result":{"job":{"blob":"aGVsbG8=","name":"upload"}}}"#,
            r#"{"id":2,"result":{"login":"WALLET","pass":"x"}}"#,
        ] {
            assert_eq!(seen(text), None, "{text}");
        }
    }
}
