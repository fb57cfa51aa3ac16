//! The file of exceptions, which `minerwatch except` edits: `[[except]]` with the keys of `[[detection.except]]`.
//!
//! An edit keeps every other byte of the file, comments included. The result of an edit is parsed again: if it is not
//! exactly what was meant, the edit is refused and nothing is written.

use std::{fmt::Write as _, io, path::Path};

use super::{
    ConfigError, Location, check,
    except::ExceptionEntry,
    key::{header_lines, line_in_table},
    read,
};
use crate::schema::{Section as _, section, tables};

section! {
    /// The file of exceptions.
    pub struct ExceptionsFile {
        /// The exceptions.
        pub except: Vec<ExceptionEntry> = Vec::new(), tables();
    }
}

/// The header of an exception in the file.
const HEADER: &str = "[[except]]";

/// What a new file begins with.
const INTRODUCTION: &str = "\
# Exceptions of minerwatch. `minerwatch except add|list|test|remove` edits this file; docs/exceptions.md describes
# the keys. The daemon reads the file at its start, on SIGHUP, and after each edit by the command.
";

impl ExceptionsFile {
    /// Reads the file with its text. A file that does not exist is empty.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not TOML, or holds a key or value that is not allowed.
    pub fn load(path: &Path) -> Result<(Self, String), ConfigError> {
        let text = match read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|error| ConfigError::unreadable(path, &error))?,
        };
        Ok((Self::parse(&text, path)?, text))
    }

    /// Parses and checks the text of the file. Messages use `path` as the name of the file.
    ///
    /// # Errors
    ///
    /// See [`Self::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file: Self = toml::from_str(text)
            .map_err(|error| ConfigError::from_toml(path, text, &error, &Self::text()))?;
        check::exceptions(&file.except)
            .map_err(|(index, conflict)| at(path, text, HEADER, index, conflict))?;
        Ok(file)
    }

    /// Returns the text with one more exception at its end.
    ///
    /// # Errors
    ///
    /// The exception is not allowed, or is in the file already.
    pub fn with(&self, text: &str, new: &ExceptionEntry, path: &Path) -> Result<String, ConfigError> {
        let mut edited = if text.trim().is_empty() { INTRODUCTION.to_owned() } else { text.to_owned() };
        if !edited.ends_with('\n') {
            edited.push('\n');
        }
        edited.push('\n');
        edited.push_str(&written(new));
        let mut expected = self.clone();
        expected.except.push(new.clone());
        Self::confirm(edited, &expected, path)
    }

    /// Returns the text without an exception: its lines, and the comment directly above it.
    ///
    /// # Errors
    ///
    /// The exception is not written as a section of its own.
    pub fn without(&self, text: &str, index: usize, path: &Path) -> Result<String, ConfigError> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let headers = header_lines(text);
        let own: Vec<usize> =
            headers.iter().filter(|(_, header)| header == HEADER).map(|(line, _)| *line).collect();
        let edited = own.get(index).filter(|_| own.len() == self.except.len()).map(|start| {
            let next = headers.iter().map(|(line, _)| *line).find(|line| line > start).unwrap_or(lines.len());
            let (from, to) = (above(&lines, *start), above(&lines, next));
            let kept = lines.iter().enumerate().filter(|(line, _)| !(from..to.max(start + 1)).contains(line));
            kept.map(|(_, line)| *line).collect::<String>()
        });
        let mut expected = self.clone();
        if index < expected.except.len() {
            expected.except.remove(index);
        }
        Self::confirm(edited.unwrap_or_else(|| text.to_owned()), &expected, path)
    }

    fn confirm(edited: String, expected: &Self, path: &Path) -> Result<String, ConfigError> {
        if Self::parse(&edited, path)? == *expected {
            return Ok(edited);
        }
        Err(ConfigError {
            path: path.to_owned(),
            location: Location::default(),
            message: "the exceptions are not written as sections [[except]], so the file was left as it is; edit it by \
                      hand"
                .to_owned(),
        })
    }
}

/// Returns the first line of the comment directly above a line, or the line itself.
fn above(lines: &[&str], line: usize) -> usize {
    let comments = lines.iter().take(line).rev().take_while(|line| line.trim_start().starts_with('#'));
    line - comments.count()
}

/// Returns an exception as a section.
fn written(entry: &ExceptionEntry) -> String {
    let ExceptionEntry {
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
    } = entry;
    let mut text = format!("{HEADER}\n");
    let mut add = |name: &str, value: Option<toml::Value>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{name} = {value}");
        }
    };
    let string = |text: String| Some(toml::Value::String(text));
    let list = |texts: Vec<String>| {
        let values: Vec<_> = texts.into_iter().map(toml::Value::String).collect();
        (!values.is_empty()).then_some(toml::Value::Array(values))
    };
    add("id", id.clone().and_then(string));
    add("sha256", sha256.as_ref().and_then(|hash| string(hash.as_str().to_owned())));
    add("path", path.as_ref().and_then(|path| string(path.as_str().to_owned())));
    add("user", user.clone().and_then(string));
    add("unit", unit.as_ref().and_then(|unit| string(unit.as_str().to_owned())));
    add("container", container.as_ref().and_then(|own| string(own.as_str().to_owned())));
    add("image", image.as_ref().and_then(|own| string(own.as_str().to_owned())));
    add("namespace", namespace.as_ref().and_then(|own| string(own.as_str().to_owned())));
    add("label", list(label.iter().map(ToString::to_string).collect()));
    add("peer", list(peer.iter().map(ToString::to_string).collect()));
    add("signal", list(signal.iter().map(ToString::to_string).collect()));
    add("reason", string(reason.clone()));
    add("added_by", added_by.clone().and_then(string));
    add("added", added.and_then(|moment| string(moment.to_string())));
    add("expires", expires.and_then(|moment| string(moment.to_string())));
    text
}

/// Returns the error of the exception at `index`, with its line and key.
pub(super) fn at(
    path: &Path,
    text: &str,
    header: &str,
    index: usize,
    conflict: (&str, String),
) -> ConfigError {
    let (key, message) = conflict;
    let name = header.trim_matches(['[', ']']);
    ConfigError {
        path: path.to_owned(),
        location: Location {
            line: line_in_table(text, header, index, key),
            key: Some(format!("{name}.{key}")),
        },
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# ours

# the first
[[except]]
id = 'one'
user = 'ml'
reason = 'x' # because

# the second
[[except]]
id = 'two'
unit = 'a.service'
reason = 'y'
";

    fn path() -> &'static Path {
        Path::new("e.toml")
    }

    fn parse(text: &str) -> Result<ExceptionsFile, String> {
        ExceptionsFile::parse(text, path()).map_err(|error| error.to_string())
    }

    fn entry(text: &str) -> ExceptionEntry {
        toml::from_str(text).expect("an exception")
    }

    #[test]
    fn an_edit_keeps_everything_else() {
        let file = parse(FILE).expect("fine");
        let new = entry(
            "reason = 'say \"so\"'\nid = 'three'\npath = '/opt/*/x'\nuser = 'ml'\nsha256 = \
             '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'\npeer = ['192.0.2.1:1', \
             '*.a.example']\nsignal = 'C9'\nexpires = 2027-01-01\nadded = '2026-11-28T01:02:03Z'\nadded_by = 'ada'",
        );
        let more = file.with(FILE, &new, path()).expect("allowed");
        assert!(more.starts_with(FILE), "{more}");
        let bigger = parse(&more).expect("still fine");
        assert_eq!(bigger.except.last(), Some(&new));
        assert_eq!(bigger.without(&more, 2, path()).expect("its own section").trim_end(), FILE.trim_end());

        let less = file.without(FILE, 0, path()).expect("its own section");
        assert_eq!(less, format!("# ours\n\n{}", &FILE[FILE.find("# the second").expect("there")..]));
        let less = file.without(FILE, 1, path()).expect("its own section");
        assert_eq!(less, &FILE[..FILE.find("# the second").expect("there")]);
        let first = ExceptionsFile::default().with("", &new, path()).expect("allowed");
        assert!(first.starts_with("# Exceptions of minerwatch."), "{first}");
    }

    #[test]
    fn what_cannot_be_edited_stays() {
        let inline = "except = [{ id = 'one', user = 'ml', reason = 'x' }]\n";
        let file = parse(inline).expect("fine");
        assert!(file.without(inline, 0, path()).expect_err("inline").to_string().contains("by hand"));
        assert!(file.with(inline, &entry("reason = 'y'\nuser = 'ai'"), path()).is_err());
        let text = "[[except]]\nuser = 'ml'\nreason = '''a\n[[except]]'''\n";
        assert!(parse(text).is_err(), "a line break in a reason");
    }

    #[test]
    fn an_error_names_line_and_key() {
        for (text, message) in [
            ("[[except]]\nuser = 'ml'\n", "missing field `reason`"),
            (
                "\n[[except]]\nusr = 'ml'\n",
                "e.toml:3: except.usr: there is no such key; did you mean `user`?",
            ),
            ("[[except]]\nuser = 'ml'\nreason = ' '", "e.toml:3: except.reason: the text is empty"),
            (
                "[[except]]\nuser = 'ml'\nreason = 'x'\npeer = ['a b']",
                "e.toml:4: except.peer: `a b` is not a peer",
            ),
            (
                "[[except]]\nuser = 'ml'\nreason = 'x'\nexpires = 'soon'",
                "e.toml:4: except.expires: `soon` is neither",
            ),
            (
                "[[except]]\nuser = 'ml'\nreason = 'x'\nsha256 = 'ab'",
                "e.toml:4: except.sha256: `ab` is not a SHA-256",
            ),
            (
                "[[except]]\nuser = 'ml'\nreason = 'x'\n[[except]]\nreason = 'y'\npath = '/a'\n[[except]]\npath='/b'\n\
                 user='b'\nreason='z'",
                "e.toml:6: except.path: a path alone",
            ),
            (
                "[[except]]\nuser = 'ml'\nreason = 'x'\n[[except]]\nuser = 'ml'\nreason = 'y'",
                "e.toml:4: except.id: the exception",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(message), "{error}");
        }
    }
}
