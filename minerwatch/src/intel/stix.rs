//! Parses the STIX 2.1 patterns (section 9 of the standard) that a list can express: a name, address, URL or SHA-256
//! that equals a value, in any number of alternatives. A pattern with other conditions is refused, because its entry
//! would match more than its author meant. Two kinds of condition are ignored instead: a detail such as the protocol,
//! and any condition joined to a SHA-256.

mod error;
mod token;

use std::borrow::Cow;

pub(super) use self::error::PatternError;
use self::token::{Token, tokens};
use super::{Indicator, Refusal, importer::reason_with};

/// Maximum depth of nested brackets.
const MAX_DEPTH: u32 = 16;
/// Maximum number of alternatives of one pattern.
const MAX_ALTERNATIVES: usize = 4_096;
/// Maximum number of comparisons joined by AND.
const MAX_JOINED: usize = 16;

/// One alternative of a pattern: an entry, or why its value is not an entry. The outer error is the reason why the
/// alternative cannot be looked up.
pub(super) type Alternative = Result<Result<Indicator, Refusal>, Cow<'static, str>>;

/// Parses a pattern into its alternatives.
pub(super) fn alternatives(pattern: &str) -> Result<Vec<Alternative>, PatternError> {
    let tokens = tokens(pattern)?;
    let mut parser = Parser { tokens: &tokens, found: Vec::new() };
    parser.observations(0)?;
    match parser.tokens.first() {
        None => Ok(parser.found),
        Some(Token::Word(_)) => Err(PatternError::TooRich("counts or times what is seen")),
        Some(token) => Err(token.unexpected()),
    }
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    found: Vec<Alternative>,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<&'t Token<'t>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn accept(&mut self, token: &Token<'_>) -> bool {
        let is_next = self.tokens.first() == Some(token);
        if is_next {
            self.next();
        }
        is_next
    }

    fn expect(&mut self, token: &Token<'_>) -> Result<(), PatternError> {
        if self.accept(token) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn unexpected(&self) -> PatternError {
        self.tokens.first().map_or_else(|| PatternError::Syntax("its end".to_owned()), Token::unexpected)
    }

    /// Parses observations `[…] OR […]`, with or without brackets around them.
    fn observations(&mut self, depth: u32) -> Result<(), PatternError> {
        loop {
            if depth > MAX_DEPTH {
                return Err(PatternError::TooRich("has too many brackets"));
            }
            if self.accept(&Token::Open) {
                self.observations(depth + 1)?;
                self.expect(&Token::Close)?;
            } else {
                self.expect(&Token::Begin)?;
                for conjunction in self.disjunction(depth + 1)? {
                    conjunction.alternatives(&mut self.found);
                }
                self.expect(&Token::End)?;
            }
            if self.found.len() > MAX_ALTERNATIVES {
                return Err(PatternError::TooRich("has too many alternatives"));
            }
            match self.tokens.first() {
                Some(Token::Word("OR")) => self.next(),
                Some(Token::Word("AND" | "FOLLOWEDBY")) => {
                    return Err(PatternError::TooRich("asks for several observations together"));
                }
                _ => return Ok(()),
            };
        }
    }

    /// Parses comparisons such as `a AND b OR c`, where AND binds more tightly.
    fn disjunction(&mut self, depth: u32) -> Result<Vec<Conjunction<'t>>, PatternError> {
        let mut all = Vec::new();
        loop {
            all.extend(self.conjunction(depth)?);
            if !self.accept(&Token::Word("OR")) {
                return Ok(all);
            }
        }
    }

    fn conjunction(&mut self, depth: u32) -> Result<Vec<Conjunction<'t>>, PatternError> {
        if depth > MAX_DEPTH {
            return Err(PatternError::TooRich("has too many brackets"));
        }
        let mut whole = vec![Conjunction::default()];
        loop {
            let part = if self.accept(&Token::Open) {
                let part = self.disjunction(depth + 1)?;
                self.expect(&Token::Close)?;
                part
            } else {
                vec![Conjunction(vec![self.comparison()?])]
            };
            whole = match (whole.as_slice(), part.as_slice()) {
                // One side of an AND has alternatives. Combine each of them with the other side.
                ([one], several) => several.iter().map(|other| one.and(other)).collect(),
                (several, [one]) => several.iter().map(|other| other.and(one)).collect(),
                _ => return Err(PatternError::TooRich("has alternatives within alternatives")),
            };
            if whole.iter().any(|conjunction| conjunction.0.len() > MAX_JOINED) {
                return Err(PatternError::TooRich("has too many conditions"));
            }
            if !self.accept(&Token::Word("AND")) {
                return Ok(whole);
            }
        }
    }

    fn comparison(&mut self) -> Result<Comparison<'t>, PatternError> {
        let mut negated = self.accept(&Token::Word("NOT"));
        let Some(Token::Word(path)) = self.tokens.first() else { return Err(self.unexpected()) };
        self.next();
        if *path == "EXISTS" {
            let Some(Token::Word(path)) = self.next() else { return Err(self.unexpected()) };
            return Ok(Comparison { path, operator: Operator::Other, values: Vec::new() });
        }
        negated |= self.accept(&Token::Word("NOT"));
        let (operator, is_set) = match self.next() {
            Some(Token::Operator("=" | "==")) => (Operator::Equal, false),
            Some(Token::Word("IN")) => (Operator::Equal, true),
            Some(Token::Word("ISSUBSET")) => (Operator::Within, false),
            Some(Token::Operator(_) | Token::Word("LIKE" | "MATCHES" | "ISSUPERSET")) => {
                (Operator::Other, false)
            }
            Some(other) => return Err(other.unexpected()),
            None => return Err(self.unexpected()),
        };
        let mut values = Vec::new();
        if is_set {
            self.expect(&Token::Open)?;
        }
        loop {
            match self.next() {
                Some(Token::Text(text)) => values.push(text.as_ref()),
                Some(Token::Word(word)) => values.push(word),
                Some(other) => return Err(other.unexpected()),
                None => return Err(self.unexpected()),
            }
            if !is_set {
                break;
            }
            if self.accept(&Token::Close) {
                break;
            }
            self.expect(&Token::Comma)?;
        }
        let operator = if negated { Operator::Other } else { operator };
        Ok(Comparison { path, operator, values })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Within,
    Other,
}

#[derive(Clone)]
struct Comparison<'t> {
    path: &'t str,
    operator: Operator,
    values: Vec<&'t str>,
}

/// The subject of a comparison, judged by its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// A name, an address or a URL.
    Host,
    /// The SHA-256 of a file.
    File,
    /// The destination port of a connection.
    Port,
    /// A detail that is ignored: it makes a match narrower without changing the entry.
    Detail,
    /// Anything else.
    Other,
}

impl Comparison<'_> {
    fn subject(&self) -> Subject {
        if self.operator == Operator::Other {
            return Subject::Other;
        }
        match self.path {
            "domain-name:value"
            | "ipv4-addr:value"
            | "ipv6-addr:value"
            | "url:value"
            | "network-traffic:dst_ref.value" => Subject::Host,
            "network-traffic:dst_port" => Subject::Port,
            "network-traffic:dst_ref.type"
            | "network-traffic:protocols[*]"
            | "domain-name:resolves_to_refs[*].value" => Subject::Detail,
            path => {
                let (object, field) = path.split_once(':').unwrap_or((path, ""));
                let hash = field.rsplit_once("hashes.").map(|(_, name)| name.trim_matches(['\'', '"']));
                match (object, hash) {
                    ("file" | "process" | "artifact", Some("SHA-256" | "SHA256" | "sha256")) => Subject::File,
                    _ => Subject::Other,
                }
            }
        }
    }
}

/// Comparisons that are joined by AND.
#[derive(Clone, Default)]
struct Conjunction<'t>(Vec<Comparison<'t>>);

impl Conjunction<'_> {
    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    fn alternatives(&self, found: &mut Vec<Alternative>) {
        let of = |subject| self.0.iter().filter(move |comparison| comparison.subject() == subject);
        // Nothing is narrower than the hash of a file, so other conditions do not matter.
        if let Some(file) = of(Subject::File).next() {
            found.extend(file.values.iter().map(|hash| Ok(Indicator::parse(hash))));
            return;
        }
        if let Some(other) = of(Subject::Other).next() {
            found.push(Err(Cow::Owned(reason_with("pattern about", other.path))));
            return;
        }
        let mut hosts = of(Subject::Host);
        let port = of(Subject::Port).find_map(|comparison| match comparison.values.as_slice() {
            [port] => port.parse().ok(),
            _ => None,
        });
        match (hosts.next(), hosts.next()) {
            (Some(host), None) if port.is_some() || of(Subject::Port).next().is_none() => {
                found.extend(host.values.iter().map(|value| Ok(Indicator::with_port(value, port))));
            }
            (Some(_), _) => found.push(Err(Cow::Borrowed("pattern of several conditions"))),
            (None, _) => found.push(Err(Cow::Borrowed("pattern without a host or a file"))),
        }
    }
}

#[cfg(test)]
mod tests;
