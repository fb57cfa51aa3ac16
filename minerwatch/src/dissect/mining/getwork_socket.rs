//! Work over a socket that a web server opened: the nodes and pools of DERO and XELIS, and XELIS's own pool protocol.
//!
//! Sources: the miners of `github.com/deroproject/derohe` and `github.com/xelis-project/xelis-blockchain`; for Xatum the
//! specification at `github.com/xelpool/Xatum`.

use super::{
    Member, Message, ProtocolMatch,
    crypto_note::{is_account, is_miner},
    json::Text,
};
use crate::model::{MiningProtocol, MiningSide};

/// Paths below which a node gives work to the account that follows.
const PATHS: [&str; 2] = ["/ws/", "/getwork/"];

/// Number of hexadecimal digits of the shortest block that is hashed. DERO's mini blocks have 48 bytes.
const MIN_BLOCK: usize = 96;

/// Recognises a message of a miner or a node.
pub fn getwork_socket<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    if message.is_call() {
        return None;
    }
    let found = |side, method| Some(ProtocolMatch::new(MiningProtocol::GetworkSocket, side, method));
    let is_block = |member| message.is_hexadecimal(member, |digits| digits >= MIN_BLOCK);
    if message.has(Member::TopJobId) && is_block(Member::MiniBlob) {
        return found(MiningSide::Client, "submit");
    }
    if message.has(Member::TopJobId) && is_block(Member::TemplateBlob) {
        return found(MiningSide::Server, "job");
    }
    if is_block(Member::BlockTemplate) {
        return found(MiningSide::Client, "submit");
    }
    if message.has(Member::NewJob) && is_block(Member::Template) && message.has(Member::Difficulty) {
        return found(MiningSide::Server, "job");
    }
    None
}

/// Recognises a request for such a socket by its path, which names the account.
pub fn request(path: &[u8]) -> Option<ProtocolMatch<'_>> {
    let rest = PATHS.iter().find_map(|prefix| path.strip_prefix(prefix.as_bytes()))?;
    let account = rest.split(|byte| matches!(byte, b'/' | b'?')).next().map(Text)?;
    let is_known = is_account(account);
    is_known.then(|| ProtocolMatch {
        account: Some(account),
        ..ProtocolMatch::new(MiningProtocol::GetworkSocket, MiningSide::Client, "getwork")
    })
}

/// Recognises a line of Xatum: a word, a tilde, and an object. Also returns the object's bytes.
pub fn xatum(line: &[u8]) -> Option<(&'static str, &[u8])> {
    const WORDS: [&str; 5] = ["shake", "submit", "job", "success", "print"];
    WORDS.into_iter().find_map(|word| {
        let rest = line.strip_prefix(word.as_bytes())?.strip_prefix(b"~")?;
        rest.starts_with(b"{").then_some((word, rest))
    })
}

/// Recognises the object after a word of Xatum.
pub fn xatum_message<'a>(word: &'static str, message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let found = |side| ProtocolMatch::new(MiningProtocol::Xatum, side, word);
    match word {
        "shake" => {
            let account = message.text(Member::Address, is_account);
            let agent = message.text(Member::TopAgent, |_| true);
            let is_known = account.is_some()
                || agent.is_some_and(is_miner)
                || (message.has(Member::Address) && message.has_nested(Member::TopAlgorithms, true));
            is_known.then(|| ProtocolMatch { account, agent, ..found(MiningSide::Client) })
        }
        "submit" => {
            let is_share =
                message.has(Member::Data) && message.is_hexadecimal(Member::TopHash, |digits| digits == 64);
            is_share.then(|| found(MiningSide::Client))
        }
        "job" => {
            let is_job = message.is_text(Member::TopBlob) && message.has(Member::TopDifficulty);
            is_job.then(|| found(MiningSide::Server))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DERO: &str = "dero1qyy8xjrdjcn2dvr6pwe40jrl3evv9vam6tpx537vux60xxkx6hs7zqgde993y";
    const XELIS: &str = "xel:ys4peuzztwl67rzhsdu0yxfzwcfmgt85uu53hycpeeary7n8qvysqmxznt0";

    #[test]
    fn requests_that_name_an_account_are_recognised() {
        for path in [
            format!("/ws/{DERO}"),
            format!("/ws/{DERO}.rig"),
            format!("/getwork/{XELIS}/rig"),
            format!("/getwork/{XELIS}?x=1"),
        ] {
            let found = request(path.as_bytes()).expect(&path);
            assert!(found.account.is_some() && found.side == MiningSide::Client);
        }
        for path in ["/ws/", "/ws/chat", "/getwork/", "/getwork/queue7", "/", "/address/dero1qy"] {
            assert_eq!(request(path.as_bytes()), None, "{path}");
        }
        assert_eq!(request(format!("/stats/{DERO}").as_bytes()), None);
    }

    #[test]
    fn work_and_shares_are_recognised() {
        let block = "4100".repeat(28);
        for (text, side) in [
            (
                format!(
                    r#"{{"jobid":"1.0.notified","blocktemplate_blob":"{block}","difficulty":"9","height":3}}"#
                ),
                MiningSide::Server,
            ),
            (format!(r#"{{"jobid":"1.0.notified","mbl_blob":"{block}"}}"#), MiningSide::Client),
            (
                format!(
                    r#"{{"new_job":{{"algorithm":"xel/v2","difficulty":"9","height":3,"template":"{block}"}}}}"#
                ),
                MiningSide::Server,
            ),
            (format!(r#"{{"block_template":"{block}"}}"#), MiningSide::Client),
        ] {
            let found = getwork_socket(&Message::read(text.as_bytes()).0).expect(&text);
            assert_eq!(found.side, side, "{text}");
        }
        for text in [
            r#"{"jobid":"7","blob":"00"}"#.to_owned(),
            r#"{"new_job":{"template":"build.yml","difficulty":"easy"}}"#.to_owned(),
            r#"{"block_template":"<div>{{ name }}</div>"}"#.to_owned(),
            format!(r#"{{"method":"x","block_template":"{block}"}}"#),
        ] {
            assert_eq!(getwork_socket(&Message::read(text.as_bytes()).0), None, "{text}");
        }
    }

    #[test]
    fn lines_of_xatum_are_recognised() {
        let hash = "0f".repeat(32);
        for (line, expected) in [
            (
                format!(r#"shake~{{"addr":"{XELIS}","work":"x","agent":"a","algos":["xel/0"]}}"#),
                Some(MiningSide::Client),
            ),
            (r#"shake~{"addr":"me","work":"x","algos":["xel/0"]}"#.to_owned(), Some(MiningSide::Client)),
            (r#"job~{"algo":"xel/0","diff":15021,"blob":"AAAA"}"#.to_owned(), Some(MiningSide::Server)),
            (format!(r#"submit~{{"data":"AAAA","hash":"{hash}"}}"#), Some(MiningSide::Client)),
            (r#"shake~{"hands":true}"#.to_owned(), None),
            (r#"job~{"name":"build"}"#.to_owned(), None),
        ] {
            let (word, object) = xatum(line.as_bytes()).expect(&line);
            let found = xatum_message(word, &Message::read(object).0);
            assert_eq!(found.map(|found| found.side), expected, "{line}");
        }
        assert_eq!(xatum(b"job ~{}"), None);
        assert_eq!(xatum(b"shake it"), None);
    }
}
