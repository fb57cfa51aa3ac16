//! `[[detection.except]]`: exceptions, as they are written in the configuration and in the file of exceptions.

use std::fmt::Write as _;

use sha2::{Digest, Sha256 as Hasher};

use crate::{
    except::{Criteria, Exception, LabelPattern, Pattern, PeerPattern, Sha256, Source},
    model::{Moment, SignalId},
    schema::{checked, one_or_more, optional, parsed, section},
};

/// Maximum length of an id, in bytes.
const MAX_ID: usize = 64;
/// Maximum length of a text, in bytes.
const MAX_TEXT: usize = 1_024;
/// Length of a derived id, in bytes of the hash.
const DERIVED_ID: usize = 4;

section! {
    /// Keys of `[[detection.except]]`: what is not alerted about ([exceptions.md](exceptions.md)).
    pub struct ExceptionEntry {
        required {
            /// Why the exception exists.
            pub reason: String, checked("text", is_text);
        }
        /// Id of the exception in the status and in explanations. Without it, the id is derived from the other keys.
        pub id: Option<String> = None, optional(checked("small letters, digits, `-`, `_`", is_id));
        /// SHA-256 of the executable.
        pub sha256: Option<Sha256> = None, optional(parsed("64 hexadecimal digits"));
        /// Path of the executable. It needs `user`, `unit`, `sha256` or one of the keys about containers beside it. In
        /// containers it matches only with `sha256` or one of these keys: `container`, `image`, `namespace`, `label`.
        pub path: Option<Pattern> = None, optional(checked("an absolute path; `*` stands for any characters except `/`", is_path));
        /// User who runs the process.
        pub user: Option<String> = None, optional(checked("a name or a number", is_user));
        /// systemd unit of the process.
        pub unit: Option<Pattern> = None, optional(checked("a name; `*` stands for any characters", is_pattern));
        /// Container of the process: at least 12 digits of its id, its name, or its image.
        pub container: Option<Pattern> = None, optional(checked("the beginning of an id, or a name with `*`", is_pattern));
        /// Image of the container: its name with or without the tag, or a digest.
        pub image: Option<Pattern> = None, optional(checked("a name; `*` stands for any characters except `/`", is_pattern));
        /// Namespace of the Kubernetes pod.
        pub namespace: Option<Pattern> = None, optional(checked("a name; `*` stands for any characters", is_pattern));
        /// Labels of the container or of its pod. All of them must match.
        pub label: Vec<LabelPattern> = Vec::new(), one_or_more("`NAME=VALUE`, where `*` in the value stands for any characters except `/`; or a list of these");
        /// Peers. Each peer of the suspect must match one of them.
        pub peer: Vec<PeerPattern> = Vec::new(),
            one_or_more("an address, a network, a name or `*.NAME`, with or without `:PORT`; or a list of these");
        /// Signals that do not count for a suspect that matches. Without this key, its alerts are hidden, unless it has
        /// a conclusive signal.
        pub signal: Vec<SignalId> = Vec::new(), one_or_more("an id such as `\"C9\"`, or a list of these");
        /// From when on the exception does not apply. Without this key it applies forever, and the daemon warns about
        /// it.
        pub expires: Option<Moment> = None, optional(parsed("a date or a time as in RFC 3339"));
        /// When the exception was added.
        pub added: Option<Moment> = None, optional(parsed("a date or a time as in RFC 3339"));
        /// Who answers for the exception.
        pub added_by: Option<String> = None, optional(checked("text", is_text));
    }
}

impl ExceptionEntry {
    /// Checks the keys together. The error has the key at fault and the message.
    ///
    /// # Errors
    ///
    /// The exception would match far too much, or names something that is no signal.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let Self { sha256, path, user, unit, container, image, namespace, label, peer, signal, .. } = self;
        let is_anywhere = container.is_none() && image.is_none() && namespace.is_none() && label.is_empty();
        if sha256.is_none()
            && path.is_none()
            && user.is_none()
            && unit.is_none()
            && is_anywhere
            && peer.is_empty()
        {
            let message = "the exception matches everything; add at least one of sha256, path, user, unit, container, \
                           image, namespace, label and peer";
            return Err((if signal.is_empty() { "reason" } else { "signal" }, message.to_owned()));
        }
        if path.is_some() && sha256.is_none() && user.is_none() && unit.is_none() && is_anywhere {
            let message = "a path alone proves nothing, because every user can run a program under any path in a mount \
                           namespace; add user, unit, container or sha256";
            return Err(("path", message.to_owned()));
        }
        let is_root = user.as_deref().is_some_and(|user| user == "root" || user.parse() == Ok(0_u32));
        if is_root && sha256.is_none() && path.is_none() && unit.is_none() && is_anywhere && peer.is_empty() {
            let message = "everything that root runs is too much; add path, sha256, unit, container or peer";
            return Err(("user", message.to_owned()));
        }
        if let Some(id) = signal.iter().find(|id| !is_signal(&id.0)) {
            return Err((
                "signal",
                format!("`{id}` is not the id of a signal; write it as alerts show it: `C9`"),
            ));
        }
        Ok(())
    }

    /// Returns the exception.
    pub fn to_exception(&self, source: Source) -> Exception {
        let Self {
            reason,
            id,
            sha256,
            path,
            user,
            unit,
            container,
            image,
            namespace,
            label,
            peer,
            signal,
            expires,
            added,
            added_by,
        } = self.clone();
        let criteria = Criteria { sha256, path, user, unit, container, image, namespace, label, peer };
        let mut own = Exception {
            id: String::new(),
            criteria,
            signals: signal,
            reason,
            added_by,
            added,
            expires,
            source,
        };
        own.id = id.unwrap_or_else(|| derived_id(&own));
        own
    }
}

/// Derives an id from what the exception matches.
fn derived_id(exception: &Exception) -> String {
    let hash = Hasher::digest(exception.to_string().as_bytes());
    hash.iter().take(DERIVED_ID).fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

fn is_text(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("the text is empty; say it in a few words".to_owned());
    }
    if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(format!("the text has line breaks or more than {MAX_TEXT} bytes; write one short line"));
    }
    Ok(())
}

fn is_id(id: &str) -> Result<(), String> {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(is_plain) {
        return Ok(());
    }
    Err(format!("`{}` is not an id: up to {MAX_ID} of a-z, 0-9, - and _", id.escape_debug()))
}

fn is_pattern(pattern: &Pattern) -> Result<(), String> {
    let text = pattern.as_str();
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err("the text is empty or too long; write a name".to_owned());
    }
    if pattern.is_anything() {
        return Err(format!("`{text}` matches everything; write a part of the name"));
    }
    Ok(())
}

fn is_path(pattern: &Pattern) -> Result<(), String> {
    is_pattern(pattern)?;
    let text = pattern.as_str();
    if !text.starts_with('/') || text.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(format!("`{text}` is not an absolute path without `.` and `..`"));
    }
    Ok(())
}

fn is_user(user: &str) -> Result<(), String> {
    let is_plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '*';
    if !user.is_empty() && user.len() <= MAX_ID && user.chars().all(is_plain) {
        return Ok(());
    }
    Err(format!("`{}` is not a user: write one name or one number", user.escape_debug()))
}

fn is_signal(id: &str) -> bool {
    let letters = id.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    let rest = letters.trim_start_matches(|letter: char| letter.is_ascii_digit());
    letters.len() < id.len()
        && rest.len() < letters.len()
        && rest.len() <= 1
        && rest.chars().all(|letter| letter.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> ExceptionEntry {
        toml::from_str(&format!("reason = 'ours'\n{text}")).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn what_matches_too_much_is_refused() {
        for (text, key, part) in [
            ("", "reason", "matches everything"),
            ("signal = 'C9'", "signal", "matches everything"),
            ("path = '/opt/x'", "path", "a path alone"),
            ("path = '/opt/x'\npeer = '192.0.2.1'", "path", "a path alone"),
            ("user = 'root'", "user", "everything that root runs"),
            ("user = '00'\nsignal = 'C9'", "user", "everything that root runs"),
            ("user = 'ml'\nsignal = ['C9', 'c9']", "signal", "`c9` is not the id of a signal"),
        ] {
            let (at, message) = entry(text).check().expect_err(text);
            assert_eq!(at, key, "{text}");
            assert!(message.contains(part), "{message}");
        }
        for text in ["user = 'ml'", "path = '/opt/x'\nuser = 'root'", "peer = ['192.0.2.1', 'a.example:1']"] {
            assert_eq!(entry(text).check(), Ok(()), "{text}");
        }
        for id in ["C9", "C9H", "N11", "T1", "N4F"] {
            assert!(is_signal(id), "{id}");
        }
        for id in ["", "C", "9", "C9h", "C9HH", "C9 "] {
            assert!(!is_signal(id), "{id}");
        }
    }

    #[test]
    fn the_id_depends_on_what_is_matched_alone() {
        let id = |text: &str| entry(text).to_exception(Source::File).id;
        assert_eq!(id("user = 'ml'"), id("user = 'ml'\nexpires = 2027-01-01\nadded_by = 'ada'"));
        assert_ne!(id("user = 'ml'"), id("user = 'ai'"));
        assert_ne!(id("user = 'ml'"), id("user = 'ml'\nsignal = 'C9'"));
        assert_eq!(id("user = 'ml'\nid = 'train-1'"), "train-1");
        assert_eq!(id("user = 'ml'").len(), 8);
    }
}
