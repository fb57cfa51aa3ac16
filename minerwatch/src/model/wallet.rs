//! Recognises wallet addresses by their form.

use std::borrow::Cow;

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
    rest.split(['.', '@', ':', '+', ',']).any(is_wallet)
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
    is_monero(word) || is_bitcoin(word) || is_ethereum(word)
}

/// Checks for a Monero address: 95 characters of base 58 (106 with a payment id), beginning with 4, or with 8 for a
/// subaddress.
fn is_monero(word: &str) -> bool {
    matches!(word.len(), 95 | 106) && word.starts_with(['4', '8']) && word.bytes().all(is_base58)
}

/// Checks for an address of Bitcoin or a related coin. The address is bech32 with a known prefix, or base 58 with
/// mixed case and digits, so that plain words and hexadecimal numbers do not match.
fn is_bitcoin(word: &str) -> bool {
    let bech32 = ["bc1", "ltc1"].iter().find_map(|prefix| word.strip_prefix(prefix));
    if let Some(data) = bech32 {
        return matches!(data.len(), 38..=62)
            && data.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    }
    matches!(word.len(), 26..=35)
        && word.starts_with(['1', '3', 'L', 'M', 'R', 'D', 't'])
        && word.bytes().all(is_base58)
        && word.bytes().any(|byte| byte.is_ascii_lowercase())
        && word.bytes().any(|byte| byte.is_ascii_uppercase())
        && word.bytes().filter(u8::is_ascii_digit).count() >= 2
}

/// Checks for an address of Ethereum or a related coin: 40 hexadecimal digits after `0x`.
fn is_ethereum(word: &str) -> bool {
    word.strip_prefix("0x")
        .is_some_and(|data| data.len() == 40 && data.bytes().all(|byte| byte.is_ascii_hexdigit()))
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
            "0x52908400098527886E0F7030069857D2E4169EE7",
        ] {
            assert!(names_wallet(value), "{value}");
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
            "https://example.org/0x52908400098527886E0F7030069857D2E4169EE7",
            "this-is-a-long-argument-of-something",
            "/usr/lib/x86_64-linux-gnu/libthing.so",
        ] {
            assert!(!names_wallet(value), "{value}");
        }
    }
}
