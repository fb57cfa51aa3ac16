//! The JSON-RPC protocol of pools for Monero and related coins: `login`, `job`, `submit`, `keepalived`.
//!
//! Other services have a `login` call and jobs too. A login is sure only if it has a wallet address, the name of an
//! algorithm or the agent of a miner. Who logs in to a web application with a key of Ethereum sends the address as well,
//! but no password. A job or a share is sure only if its values have the form of a miner's: the header of a block, a
//! nonce of 4 or 8 bytes. Otherwise the other side decides.
//!
//! Sources: XMRig's `doc/STRATUM.md` and `doc/STRATUM_EXT.md`; for Arweave (`bds`, `hash`) the description of its pool
//! protocol at `github.com/matpool/Arweave-stratum-mining-protocol`.

use std::ops::RangeInclusive;

use super::{Member, Message, ProtocolMatch, json::Text};
use crate::model::{
    MiningProtocol, MiningSide,
    miner_words::{is_algorithm, is_password_hash},
    wallet::{is_ethereum_login, is_login_with_wallet},
};

/// Programs whose agent no other software has, in small letters.
const MINERS: [&str; 24] = [
    "xmrig",
    "xmr-stak",
    "xmrstak",
    "srbminer",
    "cpuminer",
    "ccminer",
    "lolminer",
    "gminer",
    "nbminer",
    "teamredminer",
    "t-rex",
    "phoenixminer",
    "ethminer",
    "nsfminer",
    "rigel/",
    "rigel-miner",
    "onezerominer",
    "bzminer",
    "wildrig",
    "grin-miner",
    "epic-miner",
    "xmr-node-proxy",
    "deroluna",
    "minerd",
];

/// Number of hexadecimal digits of the shortest header that is hashed.
const MIN_HEADER: usize = 96;
/// Number of digits of a SHA-512 hash, which other services call a blob.
const SHA512: usize = 128;
/// Highest version of a block's header. The highest one in use is below 20.
const MAX_VERSION: u32 = 32;
/// Times of blocks in seconds since 1970, from 2014, when Monero began, to 2050.
const TIMES: RangeInclusive<u64> = 1_388_534_400..=2_524_608_000;

/// Recognises a message of a miner or a pool.
pub fn crypto_note<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let found = |side, method| ProtocolMatch::new(MiningProtocol::CryptoNote, side, method);
    if !message.is_call() {
        // The answer to a login contains the first job and has no method.
        return job(message).map(|sure| ProtocolMatch { sure, ..found(MiningSide::Server, "job") });
    }
    match message.call_of(&["login", "submit", "job", "keepalived", "getjob"])? {
        "login" => login(message),
        "submit" => share(message).map(|sure| ProtocolMatch { sure, ..found(MiningSide::Client, "submit") }),
        "job" => job(message).map(|sure| ProtocolMatch { sure, ..found(MiningSide::Server, "job") }),
        // Other protocols have calls of these names as well.
        name if message.has(Member::Session) => {
            Some(ProtocolMatch { sure: false, ..found(MiningSide::Client, name) })
        }
        _ => None,
    }
}

/// Whether the agent is a program that only mines.
pub fn is_miner(agent: Text<'_>) -> bool {
    MINERS.iter().any(|miner| agent.starts_with_any_case(miner))
}

/// Whether a login names an account of a coin.
pub fn is_account(login: Text<'_>) -> bool {
    fulfils(login, is_login_with_wallet)
}

/// Whether a text without its escapes fulfils a condition.
fn fulfils(text: Text<'_>, condition: impl Fn(&str) -> bool) -> bool {
    match text.plain() {
        Some(plain) => condition(plain),
        None => text.unescaped().is_some_and(|text| condition(&text)),
    }
}

/// Whether a message names an algorithm of miners, alone or in a list. Hashes of passwords are no evidence.
fn names_algorithm(message: &Message<'_>) -> bool {
    let is_named = |text: Text<'_>| fulfils(text, |name| is_algorithm(name) && !is_password_hash(name));
    [Member::Algorithm, Member::Algorithms].iter().any(|member| message.text(*member, is_named).is_some())
}

fn login<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let wallet = message.text(Member::Login, is_account);
    let login = wallet.or_else(|| message.text(Member::Login, |_| true))?;
    let miner = message.text(Member::Agent, is_miner);
    let algorithm = names_algorithm(message);
    let signs_in = |wallet| fulfils(wallet, is_ethereum_login) && !message.has(Member::Pass);
    let is_miner_s = wallet.is_some_and(|wallet| !signs_in(wallet)) || miner.is_some() || algorithm;
    let sure = is_miner_s && !message.is_record;
    let is_login = [Member::Pass, Member::RigId, Member::Algorithm].iter().any(|member| message.has(*member));
    if !sure && !is_login {
        return None;
    }
    Some(ProtocolMatch {
        sure,
        account: Some(login),
        agent: miner.or_else(|| message.text(Member::Agent, |_| true)),
        ..ProtocolMatch::new(MiningProtocol::CryptoNote, MiningSide::Client, "login")
    })
}

/// Whether the members make a job: data to hash, with a target or with a job id and another member. `Some(true)` if the
/// values have the form of a miner's.
fn job(message: &Message<'_>) -> Option<bool> {
    let numbered = message.has(Member::JobId);
    let more =
        [Member::SeedHash, Member::Algorithm, Member::Height].iter().any(|member| message.has(*member));
    // Arweave hashes a segment and calls it so.
    if message.is_hexadecimal(Member::Segment, |digits| digits >= 64) {
        return (numbered && (message.has(Member::Target) || more)).then_some(true);
    }
    let is_job = message.has(Member::Blob) && (message.has(Member::Target) || (numbered && more));
    let header = || {
        message.is_hexadecimal(Member::Blob, |digits| {
            digits >= MIN_HEADER && digits != SHA512 && digits % 2 == 0
        })
    };
    let target = || message.is_hexadecimal(Member::Target, |digits| matches!(digits, 6 | 8 | 16 | 64));
    is_job.then(|| header() && (target() || (numbered && more)) && is_of_pool(message))
}

/// Whether a job has more that only a pool sends: a seed, an algorithm, the header of a block, or the id of a session
/// around it. Services that update firmware send targets and blobs in hexadecimal as well.
fn is_of_pool(message: &Message<'_>) -> bool {
    let answers_login =
        || !message.is_call() && message.has_nested(Member::Job, false) && message.has(Member::Session);
    message.is_hexadecimal(Member::SeedHash, |digits| digits == 64)
        || names_algorithm(message)
        || message.text(Member::Blob, is_block_header).is_some()
        || (answers_login() && message.has(Member::JobId))
}

/// Whether a blob begins like the header of a block: two versions, and the time in groups of seven bits.
fn is_block_header(blob: Text<'_>) -> bool {
    let mut digits = blob.characters().map_while(|digit| char::from(digit).to_digit(16));
    let mut next = || Some(digits.next()? << 4 | digits.next()?);
    let (Some(major), Some(minor)) = (next(), next()) else { return false };
    let mut time = 0;
    for group in 0..5 {
        let Some(byte) = next() else { return false };
        time |= u64::from(byte & 0x7f) << (7 * group);
        if byte < 0x80 {
            break;
        }
    }
    (1..=MAX_VERSION).contains(&major) && minor <= MAX_VERSION && TIMES.contains(&time)
}

/// Whether the members make a share. `Some(true)` if the values have the form of a miner's. Builds and uploads have jobs,
/// nonces and hashes, too, so a share must also have a result and the id of its session.
fn share(message: &Message<'_>) -> Option<bool> {
    let hash = [Member::Result, Member::Hash];
    let is_share = message.has(Member::JobId)
        && message.has(Member::Nonce)
        && hash.iter().any(|member| message.has(*member));
    let nonce = || message.is_hexadecimal(Member::Nonce, |digits| matches!(digits, 8 | 16));
    let result = || message.is_hexadecimal(Member::Result, |digits| digits == 64);
    is_share.then(|| nonce() && result() && message.has(Member::Session) && !message.is_record)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    fn recognised(text: &str) -> Option<(MiningSide, &'static str, bool)> {
        let text = text
            .replace("WALLET", WALLET)
            .replace("BLOB", &"0e1f".repeat(38))
            .replace("HASH", &"a3".repeat(32));
        let (message, _) = Message::read(text.as_bytes());
        crypto_note(&message)
            .map(|protocol_match| (protocol_match.side, protocol_match.method, protocol_match.sure))
    }

    #[test]
    fn messages_of_miners_and_pools_are_recognised() {
        const CLIENT: MiningSide = MiningSide::Client;
        const SERVER: MiningSide = MiningSide::Server;
        let cases = [
            (
                r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"WALLET","pass":"x"}}"#,
                CLIENT,
                "login",
                true,
            ),
            (
                r#"{"method": "login", "params": {"login": "WALLET", "pass": "x", "agent": "m/1"}, "id": 1}"#,
                CLIENT,
                "login",
                true,
            ),
            (
                r#"{"method": "login", "params": {"login": "WALLET/rig", "pass": "x"}, "id": 1}"#,
                CLIENT,
                "login",
                true,
            ),
            (
                r#"{"params":{"algo":["rx/0"],"agent":"a","pass":"","login":"user1"},"id":1,"method":"login"}"#,
                CLIENT,
                "login",
                true,
            ),
            (
                r#"{"id":1,"method":"login","params":{"login":"user1","pass":"x","agent":"XMRig/6.21.0 (Linux x86_64)","al"#,
                CLIENT,
                "login",
                true,
            ),
            (
                r#"{"id":1,"method":"login","params":{"login":"user1","pass":"x","agent":"SRBMiner-MULTI/2.4.0"}}"#,
                CLIENT,
                "login",
                true,
            ),
            (r#"{"id":1,"method":"login","params":{"login":"user1","pass":"x"}}"#, CLIENT, "login", false),
            (
                r#"{"id":7,"jsonrpc":"2.0","method":"submit","params":{"id":"a","job_id":"7","nonce":"01000000","result":"HASH"}}"#,
                CLIENT,
                "submit",
                true,
            ),
            (
                r#"{"id":7,"method":"submit","params":{"job_id":"7","nonce":"d0030040","hash":"HASH"}}"#,
                CLIENT,
                "submit",
                false,
            ),
            (
                r#"{"id":7,"method":"submit","params":{"job_id":"7","nonce":"yes","result":"done"}}"#,
                CLIENT,
                "submit",
                false,
            ),
            (r#"{"id":9,"method":"keepalived","params":{"id":"a"}}"#, CLIENT, "keepalived", false),
            (
                r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"BLOB","job_id":"7","target":"b88d0600","algo":"rx/0"}}"#,
                SERVER,
                "job",
                true,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"0e0e","job_id":"7","target":"b88d0600"}}"#,
                SERVER,
                "job",
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"job","params":{"job_id":"q7","bds":"HASH0780","target":"b88d0600","height":2}}"#,
                SERVER,
                "job",
                true,
            ),
            (
                r#"{"id":1,"error":null,"result":{"id":"x","job":{"blob":"BLOB","job_id":"7","target":"b88d0600"#,
                SERVER,
                "job",
                true,
            ),
            (
                r#"{"id":1,"error":null,"result":{"id":"x","job":{"job_id":"7","height":3,"blob":"BLOB"}}}"#,
                SERVER,
                "job",
                true,
            ),
        ];
        for (text, side, method, sure) in cases {
            assert_eq!(recognised(text), Some((side, method, sure)), "{text}");
        }
        // A job that is truncated before its second half is not recognised.
        assert_eq!(recognised(r#"{"id":1,"result":{"id":"x","job":{"blob":"BLOB","job_id":"7","#), None);
    }

    #[test]
    fn a_key_that_stands_twice_hides_nothing() {
        for text in [
            r#"{"method":"ping","id":1,"method":"login","params":{"login":"WALLET","pass":"x"}}"#,
            r#"{"method":"login","id":1,"params":{"login":"WALLET","pass":"x"},"method":"ping"}"#,
            r#"{"method":"login","id":1,"params":{"login":"bob","pass":"x","login":"WALLET"}}"#,
            r#"{"method":"login","id":1,"params":{"login":"WALLET","pass":"x","login":"bob"}}"#,
            r#"{"method":"login","id":1,"params":[],"params":{"login":"WALLET","pass":"x"}}"#,
            r#"{"Method":"login","ID":1,"Params":{"Login":"WALLET"},"params":{"login":"WALLET"}}"#,
        ] {
            assert_eq!(recognised(text), Some((MiningSide::Client, "login", true)), "{text}");
        }
    }

    #[test]
    fn other_messages_are_not() {
        for text in [
            r#"{"id":1,"method":"login","params":{"user":"bob","password":"x"}}"#,
            r#"{"id":1,"method":"login","params":{"login":"bob","token":"x"}}"#,
            r#"{"id":1,"method":"login","params":{"user":"bob","algo":"rx/0"}}"#,
            r#"{"id":1,"method":"login","params":["WALLET","x"]}"#,
            r#"{"method":"submit","params":{"job_id":"build-7","artifact":"x"}}"#,
            r#"{"method":"job","params":{"id":3,"target":"all","command":"make"}}"#,
            r#"{"id":1,"result":{"job":{"blob":"aGVsbG8=","name":"upload"}}}"#,
            r#"{"id":2,"result":{"login":"WALLET","pass":"x"}}"#,
        ] {
            assert_eq!(recognised(text), None, "{text}");
        }
    }

    /// A dispatcher of builds uses the same words: its values do not have the form.
    #[test]
    fn words_without_the_form_are_not_sure() {
        for text in [
            r#"{"method":"job","params":{"job_id":"7","blob":"HASH","target":"x86_64-unknown-linux-gnu"}}"#,
            r#"{"method":"job","params":{"job_id":"7","blob":"HASH","target":"deadbeef"}}"#,
            r#"{"method":"job","params":{"job_id":"7","blob":"HASHHASH","target":"deadbeef","height":1}}"#,
            r#"{"method":"job","params":{"job_id":"7","blob":"BLOB","target":"release"}}"#,
            r#"{"id":1,"result":{"job":{"job_id":"7","blob":"sha256:HASH","algo":"zstd"}}}"#,
            r#"{"method":"submit","params":{"job_id":"7","nonce":"01000000","result":"success"}}"#,
            r#"{"method":"submit","params":{"job_id":"7","nonce":"7f9c","result":"HASH"}}"#,
            r#"{"method":"submit","params":{"job_id":"build-412","nonce":"9f3a77c1","hash":"HASH","artifact":"app.tar"}}"#,
            r#"{"id":1,"result":{"job_id":"412","target":"0a1b2c3d","blob":"BLOB","version":"2.1"}}"#,
            r#"{"id":1,"result":{"job":{"id":"412","target":"0a1b2c3d","blob":"BLOB"}}}"#,
            r#"{"method":"job","params":{"job_id":"7","blob":"BLOB","target":"0a1b2c3d","algo":"zstd"}}"#,
        ] {
            assert!(matches!(recognised(text), None | Some((_, _, false))), "{text}");
        }
    }

    #[test]
    fn a_login_needs_more_than_words_of_other_services() {
        for (members, sure) in [
            (r#""login":"0x52908400098527886E0F7030069857D2E4169EE7","signature":"0xabc""#, None),
            (r#""login":"0x52908400098527886E0F7030069857D2E4169EE7","algo":["ES256K"]"#, Some(false)),
            (r#""login":"0x52908400098527886E0F7030069857D2E4169EE7.rig","pass":"x""#, Some(true)),
            (r#""login":"0x52908400098527886E0F7030069857D2E4169EE7","algo":["ethash"]"#, Some(true)),
            (r#""login":"svc-encoder","pass":"x","algo":["zstd","lz4"]"#, Some(false)),
            (r#""login":"svc","pass":"x","algo":["scrypt","bcrypt"]"#, Some(false)),
            (r#""login":"me","pass":"x","algo":["cn/1","rx/0"]"#, Some(true)),
            (r#""login":"me","pass":"x","algo":"rx/0""#, Some(true)),
            (r#""login":"test-rig","pass":"x","rigid":"lab-3""#, Some(false)),
            (r#""login":"test-rig","rigid":"lab-3""#, Some(false)),
        ] {
            let text = format!(r#"{{"id":1,"method":"login","params":{{{members}}}}}"#);
            assert_eq!(recognised(&text).map(|(_, _, sure)| sure), sure, "{text}");
        }
    }

    #[test]
    fn a_job_is_sure_with_what_only_a_pool_knows() {
        // The beginning of a header: versions 16 and 16, 2024-10-02.
        let header = format!("101080e5f4b706{}", "0e".repeat(69));
        for (members, sure) in [
            (format!(r#""blob":"{header}","target":"b88d0600""#), true),
            (r#""blob":"BLOB","target":"b88d0600""#.to_owned(), false),
            (r#""blob":"BLOB","target":"b88d0600","seed_hash":"HASH""#.to_owned(), true),
            (r#""blob":"BLOB","target":"b88d0600","algo":"gr""#.to_owned(), true),
            (r#""blob":"BLOB","target":"b88d0600","height":1080"#.to_owned(), false),
            (format!(r#""blob":"1010{}","target":"b88d0600""#, "00".repeat(74)), false),
            (format!(r#""blob":"7f454c460201010{}","target":"b88d0600""#, "0".repeat(137)), false),
        ] {
            let text = format!(r#"{{"method":"job","params":{{"job_id":"7",{members}}}}}"#);
            assert_eq!(recognised(&text), Some((MiningSide::Server, "job", sure)), "{text}");
        }
    }
}
