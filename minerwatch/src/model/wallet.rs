//! Recognises wallet addresses by their form.
//!
//! Sources: the address formats in the coins' own documentation: base 58 of `CryptoNote` with a network byte (Monero and
//! its relatives), base 58 and bech32 of Bitcoin (BIP 173), the prefixed bech32 of Kaspa and XELIS, the 60 capitals of
//! Qubic, the base 36 of Virel.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

/// Length of the shortest address.
const MIN_ADDRESS: usize = 26;
/// Length above all prefixes of coins.
const MAX_PREFIX: usize = 16;

/// Whether a value is a wallet address or contains one: `wallet.worker`, `wallet@host`, `scheme://wallet…`.
pub fn names_wallet(value: &str) -> bool {
    if value.len() < MIN_ADDRESS {
        return false;
    }
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    // A path below a host is a web page about a wallet, not a wallet.
    if rest.contains('/') {
        return false;
    }
    names_prefixed(rest) || rest.split(['.', '@', ':', '+', ',']).any(is_wallet)
}

/// Whether a login that a program sends to its peer contains a wallet address. Unlike [`names_wallet`], the address may
/// stand beside a path: pools take the worker after a slash.
pub fn is_login_with_wallet(login: &str) -> bool {
    login.len() >= MIN_ADDRESS && (names_prefixed(login) || login.split(is_separator).any(is_wallet))
}

/// Whether a login contains an address of Ethereum or a related coin. Web applications let people sign in with such an
/// address, too.
pub fn is_ethereum_login(login: &str) -> bool {
    login.split(is_separator).any(is_ethereum)
}

/// Returns the account that a text names, without what users append for the pool: the name of a worker (`wallet.worker`,
/// `wallet/worker`), a difficulty (`wallet+diff`), a password (`wallet:x`).
///
/// If the text contains a wallet address, the address is the account. Else the account is a name or an e-mail address.
pub fn account_in(text: &str) -> Cow<'_, str> {
    if let Some(wallet) = text.split(is_separator).find(|word| is_wallet(word)) {
        // The digits of such an address may be in any case, and a checksum in the case is optional.
        return if is_ethereum(wallet) { wallet.to_ascii_lowercase().into() } else { wallet.into() };
    }
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let name = rest.split(['/', '+', '~', ',']).next().unwrap_or_default();
    let name = match name.split_once(':') {
        // The prefix of a coin (`kaspa:…`) belongs to its addresses.
        Some((prefix, address)) if prefix.len() < MAX_PREFIX && address.len() >= MIN_ADDRESS => {
            let address = address.split(['.', '@', ':']).next().unwrap_or_default();
            name.get(..prefix.len() + 1 + address.len()).unwrap_or(name)
        }
        Some((name, _)) => name.split('.').next().unwrap_or_default(),
        None if name.contains('@') => name,
        None => name.split('.').next().unwrap_or_default(),
    };
    if name.is_empty() { text.into() } else { name.into() }
}

/// Whether a character separates an address from what surrounds it.
fn is_separator(character: char) -> bool {
    !character.is_ascii_alphanumeric()
}

fn is_wallet(word: &str) -> bool {
    match word.len() {
        26..=35 => is_bitcoin(word) || is_nicehash(word),
        36..=40 => is_bech32(word) || is_virel(word) || is_nicehash(word),
        41..=59 => is_bech32(word) || is_ethereum(word),
        60 => is_bech32(word) || is_qubic(word),
        89..=110 => is_bech32(word) || is_crypto_note(word) || is_tari(word),
        61..=88 | 111..=300 => is_bech32(word),
        _ => false,
    }
}

/// Checks for an address with the name of its network before a colon, as Kaspa and XELIS write it.
fn names_prefixed(text: &str) -> bool {
    const NETWORKS: [&str; 16] = [
        "kaspa",
        "kaspatest",
        "karlsen",
        "spectre",
        "nexellia",
        "pyrin",
        "bugna",
        "astrix",
        "waglayla",
        "hoosat",
        "sedra",
        "xel",
        "xet",
        "nexa",
        "bitcoincash",
        "ecash",
    ];
    let mut parts = text.split(':');
    let Some(mut before) = parts.next() else { return false };
    parts.any(|part| {
        let network = before.rsplit(is_separator).next().unwrap_or(before);
        before = part;
        let data = part.split(is_separator).next().unwrap_or(part);
        NETWORKS.contains(&network) && matches!(data.len(), 40..=110) && data.bytes().all(is_base32)
    })
}

/// Checks for an address of Monero or a relative: base 58 of two keys and a checksum, 95 characters (97 to 107 with a
/// longer network prefix such as `ZEPHYR` or `SaLv`, or with a payment id), with mixed case and digits.
fn is_crypto_note(word: &str) -> bool {
    matches!(word.len(), 95..=110)
        && (word.starts_with(['4', '8']) || is_mixed(word))
        && word.bytes().all(is_base58)
}

/// Checks for a Tari address of two keys in base 58, which begins with its network and features.
fn is_tari(word: &str) -> bool {
    matches!(word.len(), 89..=93)
        && word.starts_with(['1', '2', 'f'])
        && is_mixed(word)
        && word.bytes().all(is_base58)
}

/// Checks for a bech32 address (BIP 173) with the prefix of a coin that is mined. DERO's addresses have the same form.
fn is_bech32(word: &str) -> bool {
    const PREFIXES: [&str; 19] = [
        "aleo1", "bc1", "ltc1", "ckb1", "ckt1", "prl1", "dero1", "deroi1", "deto1", "grs1", "vtc1", "dgb1",
        "fc1", "pkt1", "rvn1", "xna1", "mona1", "btg1", "zs1",
    ];
    PREFIXES
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix))
        .is_some_and(|data| matches!(data.len(), 32..=290) && data.bytes().all(is_base32))
}

/// Checks for a Virel address: `v1` and 37 digits of base 36.
fn is_virel(word: &str) -> bool {
    word.len() == 39
        && word.strip_prefix("v1").is_some_and(|data| {
            data.bytes().all(is_base32) && data.bytes().filter(u8::is_ascii_digit).count() >= 2
        })
}

/// Checks for a Qubic identity: 60 capitals. Written words repeat few letters so evenly, and have spaces.
fn is_qubic(word: &str) -> bool {
    let mut letters = 0_u32;
    let all = word.bytes().all(|byte| {
        letters |= 1 << (byte.wrapping_sub(b'A') & 31);
        byte.is_ascii_uppercase()
    });
    all && word.len() == 60 && letters.count_ones() >= 12
}

/// Checks for an internal address of `NiceHash`, which begins with `NH`.
fn is_nicehash(word: &str) -> bool {
    matches!(word.len(), 34..=38) && word.starts_with("NH") && is_mixed(word) && word.bytes().all(is_base58)
}

/// Whether a word has lower-case letters, capitals and at least two digits, as base 58 of random bytes has.
fn is_mixed(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_lowercase())
        && word.bytes().any(|byte| byte.is_ascii_uppercase())
        && word.bytes().filter(u8::is_ascii_digit).count() >= 2
}

/// Checks for an address of Bitcoin or a related coin in base 58 with a checksum. One in 50 random names of this length
/// looks like an address.
fn is_bitcoin(word: &str) -> bool {
    matches!(word.len(), 26..=35)
        && word.starts_with(['1', '3', 'L', 'M', 'R', 'D', 't'])
        && is_mixed(word)
        && has_checksum(word)
}

/// Whether the last four bytes of a text in base 58 are the beginning of the SHA-256 of the SHA-256 of the bytes before
/// them. The text has 25 bytes, or 26 for coins whose version has two.
///
/// Source: "`Base58Check` encoding" at `en.bitcoin.it/wiki`.
fn has_checksum(word: &str) -> bool {
    const DIGITS: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut number = [0_u8; 26];
    for letter in word.chars() {
        let Some(mut carry) = DIGITS.find(letter) else { return false };
        for byte in number.iter_mut().rev() {
            carry += 58 * usize::from(*byte);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    let [first, rest @ ..] = &number;
    let bytes = if *first == 0 { &rest[..] } else { &number[..] };
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(data, checksum)| Sha256::digest(Sha256::digest(data)).starts_with(checksum))
}

/// Checks for an address of Ethereum or a related coin: 40 hexadecimal digits after `0x`.
fn is_ethereum(word: &str) -> bool {
    word.strip_prefix("0x")
        .is_some_and(|data| data.len() == 40 && data.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a byte is a digit of base 32 or base 36 in small letters.
fn is_base32(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_base58(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_wallets_are_known() {
        let monero = format!("4{}", "A1b2".repeat(24).chars().take(94).collect::<String>());
        for value in [
            monero.as_str(),
            &format!("{monero}.worker"),
            &format!("stratum+ssl://{monero}@pool.example:443"),
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2.rig",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "DOGE:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L.x#a",
            "t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC",
            "0x52908400098527886E0F7030069857D2E4169EE7",
        ] {
            assert!(names_wallet(value), "{value}");
        }
    }

    /// Addresses of the form that each coin documents. No address has an owner: the digits are made up.
    #[test]
    fn the_addresses_of_every_coin_are_known() {
        let base58 = |prefix: &str, length: usize| {
            let digits = "A1b2C3d4E5f6G7h8J9k";
            format!("{prefix}{}", digits.repeat(9).chars().take(length - prefix.len()).collect::<String>())
        };
        let base32 = |prefix: &str, length: usize| {
            let digits = "q0p9z8r7y6x5w4v3";
            format!("{prefix}{}", digits.repeat(9).chars().take(length - prefix.len()).collect::<String>())
        };
        for address in [
            base58("ZEPHYR", 101),
            base58("SaLv", 97),
            base58("hvx", 97),
            base58("TRTL", 99),
            base58("12", 91),
            base58("NHb", 36),
            base32("v1", 39),
            base32("xel:", 63),
            base32("dero1", 66),
            base32("deroi1", 130),
            base32("prl1", 62),
            base32("aleo1", 63),
            base32("ckb1", 97),
            base32("ckt1", 46),
            base32("kaspa:", 67),
            "YMCJYLCWSGXJBERNBNIFQRSUZPBDKBMEVZGKMZQKYCKWLUHBCJBWAQAAZHIL".to_owned(),
        ] {
            assert!(names_wallet(&address), "{address}");
            for worker in [".rig1", "/rig1", "+5000", "@x", "~rx/0", "#r"] {
                assert!(is_login_with_wallet(&format!("{address}{worker}")), "{address}{worker}");
            }
            assert!(is_login_with_wallet(&format!("solo:{address}")), "{address}");
        }
    }

    #[test]
    fn an_account_has_no_worker() {
        let monero = format!("4{}", "A1b2".repeat(24).chars().take(94).collect::<String>());
        let bech32 = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        let ethereum = "0x52908400098527886e0f7030069857d2e4169ee7";
        let kaspa = "kaspa:qqkqkzjvr7zwxxmjxjkmxxdwju9kjs6e9u82uh59z07vgaks6gg62v8707g73";
        for (text, account) in [
            (monero.as_str(), monero.as_str()),
            (&format!("stratum+ssl://{monero}.x@pool.example:443"), &monero),
            (&format!("--user={monero}"), &monero),
            (&format!("XMR:{monero}.rig#ref"), &monero),
            (&format!("{bech32}/rig"), bech32),
            ("0x52908400098527886E0F7030069857D2E4169EE7.rig", ethereum),
            (kaspa, kaspa),
            (&format!("{kaspa}.rig"), kaspa),
            ("alice.rig1", "alice"),
            ("alice:secret", "alice"),
            ("alice+5000", "alice"),
            ("stratum+tcp://alice.rig1:x@pool.example:3333", "alice"),
            ("alice@example.com/rig1", "alice@example.com"),
            ("bob@example.com", "bob@example.com"),
            ("", ""),
            (".", "."),
            ("://", "://"),
            ("ä:ö", "ä"),
        ] {
            assert_eq!(account_in(text), account, "{text}");
        }
    }

    #[test]
    fn other_words_are_no_wallets() {
        for value in [
            "",
            "4",
            "d41d8cd98f00b204e9800998ecf8427e",
            "0x5290840009852788",
            "3f786850e387550fdab836ed7e6dc881de23001b",
            "1111111111111111111111111111",
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
            "D7xKm9QpRt3vWz2bN5cY8sHfGjLq",
            "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NQ",
            "https://example.org/0x52908400098527886E0F7030069857D2E4169EE7",
            "this-is-a-long-argument-of-something",
            "THEQUICKBROWNFOXJUMPSOVERTHELAZYDOG",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "v1beta1.networking.k8s.io.example.org.service",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            "/usr/lib/x86_64-linux-gnu/libthing.so",
        ] {
            assert!(!names_wallet(value), "{value}");
        }
    }
}
