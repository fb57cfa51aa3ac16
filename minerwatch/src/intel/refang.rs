//! Restores defanged indicators. Analysts "defang" indicators so that nobody clicks on them (`hxxp://evil[.]example`).

use std::borrow::Cow;

/// Defanged spellings and their meaning. Longer spellings come before shorter ones that they contain.
const SPELLINGS: [(&str, &str); 17] = [
    ("[://]", "://"),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("[DOT]", "."),
    ("(DOT)", "."),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[.", "."),
    (".]", "."),
    ("\\.", "."),
    ("[:]", ":"),
    ("(:)", ":"),
    ("[/]", "/"),
    ("[at]", "@"),
    ("[@]", "@"),
];

/// Replaces defanged spellings with their meaning.
pub(super) fn refang(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    let is_bracketed = |text: &str| text.bytes().any(|byte| matches!(byte, b'[' | b'(' | b'{' | b'\\'));
    // An address such as `[2001:db8::1]:443` has its own brackets.
    let is_address = text.starts_with('[') && text.contains("]:") || text.ends_with(']');
    if is_bracketed(&text) && !is_address {
        for (spelling, meaning) in SPELLINGS {
            if text.contains(spelling) {
                text = Cow::Owned(text.replace(spelling, meaning));
            }
        }
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let meant = match scheme.to_ascii_lowercase().as_str() {
            "hxxp" | "hxtp" | "htxp" | "xxxp" => "http",
            "hxxps" | "hxtps" | "htxps" | "xxxps" => "https",
            _ => return text,
        };
        return Cow::Owned(format!("{meant}://{rest}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (written, meant) in [
            ("evil.example", "evil.example"),
            ("evil[.]example", "evil.example"),
            ("a(.)b{.}c[dot]d", "a.b.c.d"),
            ("hxxp://evil[.]example", "http://evil.example"),
            ("hXXps[://]evil[.]example[:]8080", "https://evil.example:8080"),
            ("10[.]0[.]0[.]1", "10.0.0.1"),
            ("10.0.0[.1", "10.0.0.1"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("stratum+tcp://x.example:3333", "stratum+tcp://x.example:3333"),
            ("", ""),
        ] {
            assert_eq!(refang(written), meant, "{written}");
        }
    }
}
