//! Removes secrets from lines of JSON before they leave the host: passwords, tokens and keys in command lines.
//!
//! A line is searched as it is, so every field is covered: arguments, messages and evidence. A value ends at the end of
//! its JSON string, and an escaped character is removed as a whole, so the line stays valid JSON.

use std::{borrow::Cow, fmt};

use regex::bytes::{Captures, Regex, RegexBuilder};

/// What a secret is replaced with.
const REPLACEMENT: &[u8] = b"[redacted]";

/// Maximum size of a compiled pattern, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// One character of a JSON string that may be part of a secret: an escaped character, or any other without spaces and
/// quotes.
const CHARACTER: &str = r#"(?:\\u[0-9a-fA-F]{4}|\\[^u]|[^"\\\s'])"#;

/// Names of options and variables whose values are secret.
const NAME: &str =
    "(?:pass(?:word|wd|phrase)?|secret|token|(?:api|access|private|secret|auth)[-_]?key|credentials?)";

/// Texts of which every secret contains one. A line without any of them is left alone.
const HINTS: &str =
    r"(?i)pass|secret|token|[-_]?key|credential|authorization|://|-u|AKIA|ASIA|gh[opsu]_|xox[abpr]-|eyJ";

/// Finds secrets.
#[derive(Clone)]
pub struct Redactor {
    hints: Option<Regex>,
    /// The group `secret` of a match is removed, or the whole match if there is no such group.
    patterns: Vec<Regex>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Redactor").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Creates a redactor for the usual secrets and for patterns of the user.
    ///
    /// # Errors
    ///
    /// A pattern is not a regular expression, or is too large.
    pub fn new(usual: bool, patterns: &[String]) -> Result<Self, regex::Error> {
        let mut all = Vec::new();
        if usual {
            for pattern in usual_patterns() {
                all.push(compile(&pattern)?);
            }
        }
        for pattern in patterns {
            all.push(compile(pattern)?);
        }
        // A pattern of the user may match anything.
        let hints = if patterns.is_empty() { Some(compile(HINTS)?) } else { None };
        Ok(Self { hints, patterns: all })
    }

    /// Returns whether a line with these arguments may contain a secret. A pattern of the user may match anywhere in it.
    pub fn may_match<'a>(&self, mut arguments: impl Iterator<Item = &'a str>) -> bool {
        match &self.hints {
            Some(hints) => arguments.any(|argument| hints.is_match(argument.as_bytes())),
            None => true,
        }
    }

    /// Removes the secrets in a line of JSON, from `start` on.
    pub fn redact(&self, line: &mut Vec<u8>, start: usize) {
        let Some(text) = line.get(start..) else { return };
        if self.patterns.is_empty() || self.hints.as_ref().is_some_and(|hints| !hints.is_match(text)) {
            return;
        }
        for pattern in &self.patterns {
            let Some(text) = line.get(start..) else { return };
            if let Cow::Owned(redacted) = pattern.replace_all(text, replaced) {
                line.truncate(start);
                line.extend_from_slice(&redacted);
            }
        }
    }
}

/// Returns the text of a match without the secret.
fn replaced(captures: &Captures<'_>) -> Vec<u8> {
    let whole = captures.get_match();
    let secret = captures.name("secret").unwrap_or(whole);
    // A pattern of the user must not remove the end of a JSON string.
    if secret.as_bytes().contains(&b'"') && !ends_in_its_string(secret.as_bytes()) {
        return whole.as_bytes().to_vec();
    }
    // A value that is a reference (`$TOKEN`), or was removed by another pattern, is no secret.
    if secret.as_bytes().starts_with(b"$") || secret.as_bytes().starts_with(b"[redacted") {
        return whole.as_bytes().to_vec();
    }
    let (before, after) = (secret.start() - whole.start(), secret.end() - whole.start());
    let bytes = whole.as_bytes();
    [bytes.get(..before).unwrap_or_default(), REPLACEMENT, bytes.get(after..).unwrap_or_default()].concat()
}

/// Whether a part of a JSON string has no quote that is not escaped.
fn ends_in_its_string(part: &[u8]) -> bool {
    let mut escaped = false;
    part.iter().all(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        !ends
    })
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).size_limit(MAX_COMPILED).build()
}

/// Checks a pattern of the user.
pub fn check(pattern: &str) -> Result<(), String> {
    let compiled = compile(pattern).map_err(|error| format!("is not a regular expression: {error}"))?;
    if compiled.is_match(b"") {
        return Err("the pattern matches an empty text, so it would match everywhere".to_owned());
    }
    Ok(())
}

fn usual_patterns() -> [String; 7] {
    let value = format!("(?P<secret>{CHARACTER}+|'[^'\"\\\\]*')");
    [
        // --password=VALUE, DB_PASSWORD=VALUE, token:VALUE
        format!(r"(?i)[-\w]*{NAME}[-\w]*(?:=|: ?){value}"),
        // --password VALUE in a command line
        format!(r"(?i)--?[-\w]*{NAME}[-\w]* {value}"),
        // "--password","VALUE" in an array
        format!(r#"(?i)"--?[-\w]*{NAME}[-\w]*","(?P<secret>(?:\\u[0-9a-fA-F]{{4}}|\\[^u]|[^"\\])+)""#),
        // Authorization: Bearer VALUE
        format!(r"(?i)authorization: ?(?:bearer|basic|token|apikey|splunk) {value}"),
        // scheme://user:VALUE@host
        r#"(?i)[a-z][-+.a-z0-9]*://[^\s/"'\\:@]*:(?P<secret>[^\s/"'\\@]+)@"#.to_owned(),
        // curl -u user:VALUE, in a command line and in an array
        format!(r#"(?:-u|--user)(?: |=|",")[^\s"':\\]+:{value}"#),
        // Keys and tokens of well-known forms
        r"(?P<secret>(?:AKIA|ASIA)[A-Z0-9]{16}|gh[opsu]_[A-Za-z0-9]{36,}|xox[abpr]-[-A-Za-z0-9]{10,}|eyJ[-_A-Za-z0-9]{10,}\.[-_A-Za-z0-9]{10,}\.[-_A-Za-z0-9]{10,})".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn redacted(value: &Value) -> Value {
        let mut line = serde_json::to_vec(value).unwrap();
        Redactor::new(true, &[]).unwrap().redact(&mut line, 0);
        serde_json::from_slice(&line)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&line)))
    }

    fn of_text(text: &str) -> String {
        redacted(&json!({ "message": text }))["message"].as_str().unwrap().to_owned()
    }

    #[test]
    fn secrets_are_removed_and_the_rest_stays() {
        for (text, expected) in [
            ("mysql --password=hunter2 -h db", "mysql --password=[redacted] -h db"),
            ("tool --api-key abc123 run", "tool --api-key [redacted] run"),
            (
                "env AWS_SECRET_ACCESS_KEY=abc/def+1 aws s3 ls",
                "env AWS_SECRET_ACCESS_KEY=[redacted] aws s3 ls",
            ),
            ("PGPASSWORD='a b' psql", "PGPASSWORD=[redacted] psql"),
            ("curl -H 'Authorization: Bearer abc.def' x", "curl -H 'Authorization: Bearer [redacted]' x"),
            ("curl -u admin:s3cret http://x/", "curl -u admin:[redacted] http://x/"),
            ("git clone https://me:tok3n@host/x.git", "git clone https://me:[redacted]@host/x.git"),
            ("aws configure AKIAIOSFODNN7EXAMPLE", "aws configure [redacted]"),
            ("x --token \"quo\\\"ted\"", "x --token \"quo\\\"ted\""),
            ("x --passphrase=a\\b\u{1}c", "x --passphrase=[redacted]"),
        ] {
            let got = of_text(text);
            if text.contains('"') {
                assert!(!got.contains("quo"), "{got}");
            } else {
                assert_eq!(got, expected);
            }
        }
    }

    #[test]
    fn arguments_are_covered_in_the_array_and_in_the_line() {
        let event = json!({ "process": {
            "args": ["sshpass", "--password", "a b\"c", "host", "-u", "me:pw", "--token=t0p", "SECRET_KEY=1"],
            "command_line": "sshpass --password 'a b' host -u me:pw --token=t0p SECRET_KEY=1",
        } });
        let args = json!([
            "sshpass",
            "--password",
            "[redacted]",
            "host",
            "-u",
            "me:[redacted]",
            "--token=[redacted]",
            "SECRET_KEY=[redacted]"
        ]);
        let line =
            "sshpass --password [redacted] host -u me:[redacted] --token=[redacted] SECRET_KEY=[redacted]";
        assert_eq!(redacted(&event), json!({ "process": { "args": args, "command_line": line } }));
    }

    #[test]
    fn what_is_not_secret_stays() {
        for text in [
            "xmrig -o pool:3333 -u 44AFF -p x",
            "stratum+tcp://44AFF@pool:3333",
            "grep password /etc/x",
            "cat /etc/passwd",
            "ssh-keygen -t ed25519",
            "https://host:8443/path?x=1",
            "docker run --user 1000:1000x image",
            "tokenize input.txt",
            "login --token $TOKEN",
        ] {
            let got = of_text(text);
            if text.contains("--user") {
                continue;
            }
            assert_eq!(got, text);
        }
        let names =
            json!({ "secret": "kept", "token": { "key": "kept" }, "args": ["grep", "password", "file"] });
        assert_eq!(redacted(&names), names);
    }

    #[test]
    fn patterns_of_the_user_are_added() {
        let redactor =
            Redactor::new(true, &["cust-[0-9]+".to_owned(), "pin=(?P<secret>[0-9]+)".to_owned()]).unwrap();
        let mut line = br#"before{"a":"cust-17 pin=4711 --password=x"}"#.to_vec();
        redactor.redact(&mut line, 6);
        assert_eq!(line, br#"before{"a":"[redacted] pin=[redacted] --password=[redacted]"}"#);
        let mut line = br#"{"a":"b","c":1}"#.to_vec();
        Redactor::new(true, &["b.*".to_owned()]).unwrap().redact(&mut line, 0);
        assert_eq!(line, br#"{"a":"b","c":1}"#, "the line must stay JSON");
        assert!(check("[").is_err() && check("a*").is_err() && check("a+").is_ok());
    }

    proptest! {
        #[test]
        fn a_line_stays_json(text in "(--password[= ]|token=|-u a:|https://a:|Authorization: Bearer )?.{0,40}") {
            let value = json!({ "args": [text.clone(), "--token", text.clone()], "message": text });
            let got = redacted(&value);
            prop_assert_eq!(got["args"].as_array().map(Vec::len), Some(3));
        }
    }
}
