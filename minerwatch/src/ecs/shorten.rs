//! Shortens texts to a length in JSON.

use std::sync::Arc;

/// Marks the end of a shortened text.
const ELLIPSIS: &str = "…";

/// Returns a text of at most `limit` bytes in JSON, or `None` if the text is not longer. The beginning is kept.
pub(super) fn shortened(text: &str, limit: usize) -> Option<String> {
    if text.len() <= limit / MAX_COST {
        return None;
    }
    let mut length = 0_usize;
    let mut end = 0;
    for (at, character) in text.char_indices() {
        if length + ELLIPSIS.len() <= limit {
            end = at;
        }
        length += cost(character);
        if length > limit {
            return Some(format!("{}{ELLIPSIS}", text.get(..end).unwrap_or_default()));
        }
    }
    None
}

/// Shortens a text in place, and counts if it was longer.
pub(super) fn shorten(text: &mut String, limit: usize, count: &mut u64) {
    if let Some(short) = shortened(text, limit) {
        *text = short;
        *count += 1;
    }
}

/// Shortens a shared text in place, and counts if it was longer.
pub(super) fn shorten_shared(text: &mut Arc<str>, limit: usize, count: &mut u64) {
    if let Some(short) = shortened(text, limit) {
        *text = short.into();
        *count += 1;
    }
}

/// Returns the length of a text in JSON, at most. A quote also counts its escapes in a command line.
pub(super) fn length(text: &str) -> usize {
    text.chars().map(cost).sum()
}

/// The highest cost of one byte.
const MAX_COST: usize = 6;

fn cost(character: char) -> usize {
    match character {
        '\'' => 5,
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..' ' => MAX_COST,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_long_text_is_shortened() {
        for (text, limit, expected) in [
            ("", 0, None),
            ("abc", 3, None),
            ("abcd", 3, Some("…")),
            ("abcdefgh", 7, Some("abcd…")),
            ("éééé", 8, None),
            ("ééééé", 8, Some("éé…")),
            ("\"\"\"\"\"", 9, Some("\"\"\"…")),
            ("\u{1}\u{1}", 11, Some("\u{1}…")),
        ] {
            assert_eq!(shortened(text, limit).as_deref(), expected, "{text:?} {limit}");
        }
    }

    proptest! {
        #[test]
        fn the_result_fits_and_begins_like_the_text(text in any::<String>(), limit in 3_usize..200) {
            let json = |text: &str| serde_json::to_string(text).map_or(0, |json| json.len() - 2);
            match shortened(&text, limit) {
                None => prop_assert!(json(&text) <= limit),
                Some(short) => {
                    prop_assert!(json(&short) <= limit);
                    prop_assert!(text.starts_with(short.trim_end_matches(ELLIPSIS)));
                }
            }
        }
    }
}
