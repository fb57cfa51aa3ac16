//! Texts with wildcards, and hashes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text in which `*` stands for any characters except `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Creates a pattern.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern consists of nothing but wildcards, so that it matches nearly everything.
    pub fn is_anything(&self) -> bool {
        self.0.chars().all(|letter| matches!(letter, '*' | '/' | '.'))
    }

    /// Whether a text matches the pattern.
    pub fn matches(&self, text: &str) -> bool {
        let (mut own, mut others) = (self.0.split('/'), text.split('/'));
        loop {
            match (own.next(), others.next()) {
                (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Compares the part between two slashes. The first and the last piece are fixed, those between may be anywhere in
/// order, so the earliest place of each is the best.
fn part_matches(pattern: &str, part: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == part };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(inner) = part.strip_prefix(first).and_then(|inner| inner.strip_suffix(last)) else {
        return false;
    };
    let mut left = inner;
    for piece in middle.split('*') {
        match left.find(piece) {
            Some(at) => left = left.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// SHA-256 of a file, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(String);

impl Sha256 {
    /// The hash, in small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let shown: String = text.chars().take(80).collect();
        Err(format!("`{shown}` is not a SHA-256: 64 hexadecimal digits, as `sha256sum FILE` prints them"))
    }
}

impl From<Sha256> for String {
    fn from(hash: Sha256) -> Self {
        hash.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_its_part() {
        for (pattern, text, expected) in [
            ("/opt/app", "/opt/app", true),
            ("/opt/app", "/opt/app2", false),
            ("/opt/*", "/opt/app", true),
            ("/opt/*", "/opt/", true),
            ("/opt/*", "/opt/a/b", false),
            ("/opt/*/bin/train", "/opt/7.1/bin/train", true),
            ("/opt/*/bin/train", "/opt/bin/train", false),
            ("/opt/a*b*c", "/opt/abc", true),
            ("/opt/a*b*c", "/opt/a-b-b-c", true),
            ("/opt/a*b*c", "/opt/ac", false),
            ("/opt/a*a", "/opt/a", false),
            ("worker@*.service", "worker@7.service", true),
            ("worker@*.service", "worker.service", false),
            ("*ä*", "größe-ä", true),
            ("**", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
        assert!(Pattern::new("/*/*").is_anything() && !Pattern::new("/a/*").is_anything());
    }

    #[test]
    fn a_hash_has_64_digits() {
        let hash = Sha256::try_from("AB".repeat(32)).expect("a hash");
        assert_eq!(hash.as_str(), "ab".repeat(32));
        for text in ["", "ab", &"xy".repeat(32)] {
            assert!(Sha256::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
