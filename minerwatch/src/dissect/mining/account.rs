//! Prepares accounts and program names for display.

/// Maximum number of characters shown of a name that a program or a peer gives itself.
const MAX_SHOWN: usize = 48;
/// Number of characters shown at the beginning and at the end of an account.
const SHOWN_ENDS: (usize, usize) = (6, 4);

/// Shortens an account to its beginning and end: enough to identify the account, too little to pay into it.
pub fn shortened(account: &str) -> String {
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
    use super::*;

    #[test]
    fn accounts_are_shortened_and_names_are_printable() {
        assert_eq!(
            shortened("48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9V"),
            "48edfH…RXq9V"[..].replace("RXq9V", "Xq9V")
        );
        assert_eq!(shortened("worker1"), "worker1");
        assert_eq!(printable("a\x1b[31m\nb"), "a?[31m?b");
        assert_eq!(printable(&"é".repeat(99)).chars().count(), MAX_SHOWN);
    }
}
