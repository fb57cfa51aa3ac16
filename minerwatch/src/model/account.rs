//! Accounts that programs mine for: a short form for people, and a keyed hash to compare hosts.

use std::{fmt, sync::Arc};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::wallet;

/// Maximum number of characters shown of a name that a program or a peer gives itself.
const MAX_SHOWN: usize = 48;
/// Number of characters shown at the beginning and at the end of an account.
const SHOWN_ENDS: (usize, usize) = (6, 4);
/// Number of bytes of the hash that are kept.
const HASH_BYTES: usize = 16;

/// An account that a suspect mines for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The beginning and the end of the account.
    pub shown: Arc<str>,
    /// Keyed hash of the whole account, in hexadecimal. Hosts with the same key show the same hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Arc<str>>,
}

/// Turns the text of an account into an [`Account`]. Holds the key of the hash.
#[derive(Clone)]
pub struct AccountHasher {
    /// The state of HMAC-SHA256 after the key; `None` if there is no usable key.
    keyed: Option<Hmac<Sha256>>,
}

impl AccountHasher {
    /// The key of hosts that configure none. It is public, so it only lets hosts compare their accounts.
    pub const DEFAULT_KEY: &str = "minerwatch";

    /// Creates a hasher with a key.
    pub fn new(key: &[u8]) -> Self {
        Self { keyed: Hmac::new_from_slice(key).ok() }
    }

    /// Creates a hasher without a key. Its accounts have no hash.
    pub const fn without_key() -> Self {
        Self { keyed: None }
    }

    /// Returns the account that a text names. The name of a worker and a difficulty do not belong to the account.
    pub fn account(&self, text: &str) -> Account {
        let account = wallet::account_in(text);
        Account { shown: shortened(&account).into(), hash: self.hash(&account).map(Arc::from) }
    }

    fn hash(&self, account: &str) -> Option<String> {
        let mut keyed = self.keyed.clone()?;
        keyed.update(account.as_bytes());
        let hash = keyed.finalize().into_bytes();
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
        hash.iter().take(HASH_BYTES).flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
    }
}

impl Default for AccountHasher {
    fn default() -> Self {
        Self::new(Self::DEFAULT_KEY.as_bytes())
    }
}

impl fmt::Debug for AccountHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.keyed.is_some() { "AccountHasher(key)" } else { "AccountHasher(no key)" })
    }
}

/// Shortens an account to its beginning and end: enough to identify the account, too little to pay into it.
fn shortened(account: &str) -> String {
    let count = account.chars().count();
    if count <= SHOWN_ENDS.0 + SHOWN_ENDS.1 + 2 {
        return printable(account);
    }
    let start: String = account.chars().take(SHOWN_ENDS.0).collect();
    let end: String = account.chars().skip(count - SHOWN_ENDS.1).collect();
    printable(&format!("{start}…{end}"))
}

/// Replaces control characters, which could disturb a terminal, and truncates a long name.
pub fn printable(name: &str) -> String {
    let shown = |character: char| if character.is_control() { '?' } else { character };
    name.chars().take(MAX_SHOWN).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MONERO: &str =
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
    const OTHER: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    fn hash(text: &str) -> Arc<str> {
        AccountHasher::default().account(text).hash.expect("the default key")
    }

    #[test]
    fn accounts_are_shortened_and_names_are_printable() {
        assert_eq!(shortened("48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9V"), "48edfH…Xq9V");
        assert_eq!(shortened("worker1"), "worker1");
        assert_eq!(printable("a\x1b[31m\nb"), "a?[31m?b");
        assert_eq!(printable(&"é".repeat(99)).chars().count(), MAX_SHOWN);
    }

    /// Fixes the hash, because hosts with different versions compare theirs.
    #[test]
    fn the_hash_is_truncated_hmac_sha256() {
        // printf what\ do\ ya\ want\ for\ nothing\? | openssl dgst -sha256 -hmac Jefe (RFC 4231, case 2), but the space
        // is no separator of an account.
        let account = AccountHasher::new(b"Jefe").account("what do ya want for nothing?");
        assert_eq!(account.hash.as_deref(), Some("5bdcc146bf60754e6a042426089575c7"));
        assert_eq!(AccountHasher::without_key().account(MONERO).hash, None);
        assert_eq!(&*AccountHasher::without_key().account(MONERO).shown, "44AFFq…EP3A");
    }

    #[test]
    fn a_worker_changes_nothing_and_another_wallet_or_key_does() {
        let suffixes =
            [".rig1", "+50000", "/rig1", ".rig1+50000", "+50000.rig1", "@rig1", "~rx/0", ":x", ".a.b", ","];
        for wallet in [
            MONERO,
            OTHER,
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        ] {
            for suffix in suffixes {
                let text = format!("{wallet}{suffix}");
                assert_eq!(
                    AccountHasher::default().account(&text),
                    AccountHasher::default().account(wallet),
                    "{text}"
                );
            }
        }
        assert_ne!(hash(MONERO), hash(OTHER));
        assert_ne!(AccountHasher::new(b"ours").account(MONERO).hash.as_deref(), Some(&*hash(MONERO)));
        assert_ne!(AccountHasher::new(b"").account(MONERO).hash.as_deref(), Some(&*hash(MONERO)));
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", AccountHasher::new(b"secret")), "AccountHasher(key)");
    }

    proptest! {
        #[test]
        fn any_text_is_an_account(text in any::<String>()) {
            let account = AccountHasher::default().account(&text);
            prop_assert!(account.shown.chars().count() <= 12 && !account.shown.contains(char::is_control));
            prop_assert_eq!(account.hash.map(|hash| hash.len()), Some(2 * HASH_BYTES));
        }
    }
}
