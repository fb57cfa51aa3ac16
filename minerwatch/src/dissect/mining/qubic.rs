//! Pools of Qubic: messages without a method, told apart by their members.
//!
//! Source: the description of Qatum at `github.com/hackerby888/qatum-protocol`.

use super::{Member, Message, ProtocolMatch, crypto_note::is_account, json::Text};
use crate::model::{MiningProtocol, MiningSide};

/// Recognises a message of a miner or a pool.
pub fn qubic<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    if message.is_call() {
        return None;
    }
    let found = |side, method| ProtocolMatch::new(MiningProtocol::Qubic, side, method);
    // Records about payments have a wallet and a worker, too.
    if let Some(wallet) = message.text(Member::Wallet, is_identity)
        && message.has(Member::Worker)
        && message.id
        && !message.is_record
    {
        return Some(ProtocolMatch { account: Some(wallet), ..found(MiningSide::Client, "subscribe") });
    }
    message.text(Member::Computor, is_identity)?;
    if message.has(Member::TopNonce) {
        return Some(found(MiningSide::Client, "submit"));
    }
    if message.has(Member::HashRate) {
        return Some(found(MiningSide::Client, "report"));
    }
    Some(found(MiningSide::Server, "computor"))
}

/// Whether a text is an identity of Qubic: 60 capitals.
fn is_identity(text: Text<'_>) -> bool {
    text.characters().count() == 60 && is_account(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str = "YMCJYLCWSGXJBERNBNIFQRSUZPBDKBMEVZGKMZQKYCKWLUHBCJBWAQAAZHIL";

    fn recognised(text: &str) -> Option<(MiningSide, &'static str)> {
        let text = text.replace("WALLET", WALLET);
        qubic(&Message::read(text.as_bytes()).0).map(|found| (found.side, found.method))
    }

    #[test]
    fn messages_of_miners_and_pools_are_recognised() {
        for (text, side, method) in [
            (r#"{"id":1,"wallet":"WALLET","worker":"w"}"#, MiningSide::Client, "subscribe"),
            (r#"{"worker": "w", "id": 1, "wallet": "WALLET"}"#, MiningSide::Client, "subscribe"),
            (r#"{"id":4,"nonce":"aa","seed":"bb","computorId":"WALLET"}"#, MiningSide::Client, "submit"),
            (r#"{"id":5,"computorId":"WALLET","hashrate":120}"#, MiningSide::Client, "report"),
            (r#"{"id":2,"computorId":"WALLET"}"#, MiningSide::Server, "computor"),
        ] {
            assert_eq!(recognised(text), Some((side, method)), "{text}");
        }
    }

    #[test]
    fn other_messages_are_not() {
        for text in [
            r#"{"id":1,"wallet":"main","worker":"w"}"#,
            r#"{"id":1,"wallet":"WALLET"}"#,
            r#"{"id":1,"wallet":"0x52908400098527886E0F7030069857D2E4169EE7","worker":"celery@pay-3"}"#,
            r#"{"level":"INFO","id":1,"wallet":"WALLET","worker":"celery@pay-3"}"#,
            r#"{"message":"paid","wallet":"WALLET","worker":"celery@pay-3"}"#,
            r#"{"id":1,"worker":"w"}"#,
            r#"{"id":2,"computorId":"17"}"#,
            r#"{"method":"pay","id":1,"wallet":"WALLET","worker":"w"}"#,
        ] {
            assert_eq!(recognised(text), None, "{text}");
        }
    }
}
