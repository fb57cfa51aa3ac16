//! Splits a pattern into tokens.

use std::borrow::Cow;

use super::error::PatternError;

/// Maximum number of tokens of one pattern.
const MAX_TOKENS: usize = 16_384;

/// A token of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'p> {
    /// `[`
    Begin,
    /// `]`
    End,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// An operator such as `=`, `!=` or `<`.
    Operator(&'p str),
    /// A keyword, a number, or a path (`file:hashes.'SHA-256'`).
    Word(&'p str),
    /// A quoted text, with its escapes resolved.
    Text(Cow<'p, str>),
}

impl Token<'_> {
    /// Creates the error for a token at a wrong position.
    pub(super) fn unexpected(&self) -> PatternError {
        near(match self {
            Self::Begin => "[",
            Self::End => "]",
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
            Self::Operator(text) | Self::Word(text) => text,
            Self::Text(text) => text,
        })
    }
}

fn near(text: &str) -> PatternError {
    PatternError::Syntax(text.chars().filter(|letter| !letter.is_control()).take(40).collect())
}

/// Splits a text into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, PatternError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if tokens.len() >= MAX_TOKENS {
            return Err(PatternError::TooRich("is far too long"));
        }
        let (token, length) = match first {
            '[' => (Token::Begin, 1),
            ']' => (Token::End, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' => quoted(rest).ok_or_else(|| near(rest))?,
            '=' | '!' | '<' | '>' => {
                let length = rest.bytes().take_while(|byte| b"=!<>".contains(byte)).count();
                (Token::Operator(rest.get(..length).unwrap_or_default()), length)
            }
            _ => {
                let length = word(rest);
                // A time or byte literal, such as `t'2026-11-25T00:00:00Z'`.
                if length == 1 && rest.get(1..).is_some_and(|rest| rest.starts_with('\'')) {
                    let (text, length) =
                        quoted(rest.get(1..).unwrap_or_default()).ok_or_else(|| near(rest))?;
                    (text, length + 1)
                } else if length > 0 {
                    (Token::Word(rest.get(..length).unwrap_or_default()), length)
                } else {
                    return Err(near(rest));
                }
            }
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// Reads a quoted text. Returns the text, and its length including the quotes.
fn quoted(text: &str) -> Option<(Token<'_>, usize)> {
    let mut is_escaped = false;
    let inside = text.get(1..)?;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'\'' => {
                let content = inside.get(..at)?;
                return Some((Token::Text(unescaped(content)), at + 2));
            }
            _ => {}
        }
    }
    None
}

fn unescaped(content: &str) -> Cow<'_, str> {
    if !content.contains('\\') {
        return Cow::Borrowed(content);
    }
    let mut letters = content.chars();
    let mut plain = String::with_capacity(content.len());
    while let Some(letter) = letters.next() {
        plain.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    Cow::Owned(plain)
}

/// Returns the length of a word. A path may have quoted parts, and indexes in square brackets.
fn word(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b':' | b'.' | b'+' => at += 1,
            b'\'' if at > 0 && bytes.get(at - 1) == Some(&b'.') => {
                let Some(end) =
                    bytes.get(at + 1..).and_then(|rest| rest.iter().position(|byte| *byte == b'\''))
                else {
                    break;
                };
                at += end + 2;
            }
            b'[' if at > 0 => {
                let inside = bytes.get(at + 1..).unwrap_or_default();
                let end = inside.iter().position(|byte| *byte == b']').unwrap_or(0);
                let is_index = inside.iter().take(end).all(|byte| byte.is_ascii_digit() || *byte == b'*');
                if end == 0 || !is_index {
                    break;
                }
                at += end + 2;
            }
            _ => break,
        }
    }
    at
}
