//! Accounts and wallets as they may be shown.

pub use crate::detect::wallet::names_wallet;

/// The most characters shown of what a peer or a program calls itself.
const LONGEST: usize = 48;
/// What is shown of the beginning and of the end of an account.
const ENDS: (usize, usize) = (6, 4);

/// An account's beginning and end: enough to tell it from others, too little to pay into it.
pub fn shortened(account: &str) -> String {
    let count = account.chars().count();
    if count <= ENDS.0 + ENDS.1 + 2 {
        return printable(account);
    }
    let start: String = account.chars().take(ENDS.0).collect();
    let end: String = account.chars().skip(count - ENDS.1).collect();
    printable(&format!("{start}…{end}"))
}

/// A name without what could disturb a terminal, and not too long.
pub fn printable(name: &str) -> String {
    let shown = |character: char| if character.is_control() { '?' } else { character };
    name.chars().take(LONGEST).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_is_not_shown_whole() {
        assert_eq!(
            shortened("48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9V"),
            "48edfH…RXq9V"[..].replace("RXq9V", "Xq9V")
        );
        assert_eq!(shortened("worker1"), "worker1");
        assert_eq!(printable("a\x1b[31m\nb"), "a?[31m?b");
        assert_eq!(printable(&"é".repeat(99)).chars().count(), LONGEST);
    }
}
