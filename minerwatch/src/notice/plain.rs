//! Makes texts from a host safe to show.

/// Marks a text that was cut.
const CUT: char = '…';

/// Returns a text with at most `max` characters on one line. Control characters become spaces, and characters that
/// cannot be seen are left out, because they can make a text look like another one.
pub(super) fn plain(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    let mut after_space = true;
    for letter in text.chars().filter(|letter| !is_invisible(*letter)) {
        let is_space = letter.is_whitespace() || letter.is_control();
        if is_space && after_space {
            continue;
        }
        after_space = is_space;
        if count == max {
            shown.pop();
            shown.truncate(shown.trim_end().len());
            shown.push(CUT);
            return shown;
        }
        shown.push(if is_space { ' ' } else { letter });
        count += 1;
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Joins the parts that are known.
pub(super) fn join(parts: impl IntoIterator<Item = Option<String>>, separator: &str) -> String {
    let known: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if known.is_empty() { "unknown".to_owned() } else { known.join(separator) }
}

/// Whether a character has no width or turns the direction of writing.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_plain() {
        for (text, max, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("a\n\tb \u{1b}[31mc", 20, "a b [31mc"),
            ("  a  ", 9, "a"),
            ("ab cd", 3, "ab…"),
            ("abc ", 3, "abc"),
            ("gpj.\u{202e}exe\u{200b}", 20, "gpj.exe"),
            ("\u{7}", 5, ""),
            ("äöü€", 4, "äöü€"),
        ] {
            assert_eq!(plain(text, max), expected, "{text:?}");
        }
    }
}
