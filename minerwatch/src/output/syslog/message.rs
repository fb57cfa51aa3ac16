//! Writes a document as a syslog message.

use std::fmt::Write as _;

use serde_json::Value;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use super::{Facility, MessageFormat, fit};
use crate::ecs::read::{integer, text};

/// The name of the program in the messages.
const PROGRAM: &str = "minerwatch";

/// The name of the structured data. minerwatch has no enterprise number of its own, so this is the one that RFC 5612
/// reserves for examples.
const DATA: &str = "minerwatch@32473";

/// Maximum length of a parameter of the structured data, in bytes. Ids are shorter.
const MAX_PARAMETER: usize = 128;

/// Writes messages.
#[derive(Debug)]
pub(super) struct Writer {
    pub facility: Facility,
    pub format: MessageFormat,
    /// Whether the reader is the syslog daemon of this host. It knows the host and the time, and expects the short
    /// header that the C library writes.
    pub is_local: bool,
    /// Maximum size of a message, in bytes.
    pub max_bytes: usize,
    /// Process id of the agent.
    pub process: u32,
}

impl Writer {
    /// Writes a message.
    ///
    /// # Errors
    ///
    /// Says why the document can never be sent: it is not JSON, or too large.
    pub fn message(&self, json: &[u8]) -> Result<String, String> {
        let document: Value =
            serde_json::from_slice(json).map_err(|error| format!("the line is not JSON: {error}"))?;
        let header = self.header(&document);
        let room = self.max_bytes.saturating_sub(header.len());
        let content = match self.format {
            MessageFormat::Ecs => {
                // If it fits, the line stays as it is, with its order of keys. A control character in JSON is white space
                // between two values, which `ascii` must not escape.
                let is_compact = json.iter().all(|byte| *byte >= b' ');
                let whole = std::str::from_utf8(json).ok().filter(|_| is_compact).map(ascii);
                let whole = whole.filter(|whole| whole.len() <= room);
                whole.or_else(|| fit::into(document, room, |ecs| ascii(&ecs.to_string())))
            }
            MessageFormat::Ocsf => {
                fit::into(document, room, |ecs| ascii(&crate::ocsf::document(ecs).to_string()))
            }
            MessageFormat::Cef => fit::into(document, room, crate::cef::message),
        };
        let content =
            content.ok_or_else(|| format!("it does not fit into max_message_bytes ({})", self.max_bytes))?;
        Ok(header + &content)
    }

    fn header(&self, document: &Value) -> String {
        let priority = self.facility as u32 * 8 + severity(document);
        let process = self.process;
        if self.is_local {
            return format!("<{priority}>{PROGRAM}[{process}]: ");
        }
        let time = text(document, "@timestamp").and_then(timestamp).unwrap_or_else(|| "-".to_owned());
        let host = token(text(document, "host.name"), 255);
        let kind = token(text(document, "event.action"), 32);
        let mut header = format!("<{priority}>1 {time} {host} {PROGRAM} {process} {kind} ");
        let parameters = [("id", "event.id"), ("incident", "minerwatch.incident.id")];
        let mut parameters =
            parameters.iter().filter_map(|(name, field)| Some((name, text(document, field)?))).peekable();
        if parameters.peek().is_none() {
            header.push_str("- ");
            return header;
        }
        header.push('[');
        header.push_str(DATA);
        for (name, value) in parameters {
            let _ = write!(header, " {name}=\"");
            escape(value, &mut header);
            header.push('"');
        }
        header.push_str("] ");
        header
    }
}

/// Returns the severity of RFC 5424.
fn severity(document: &Value) -> u32 {
    match integer(document, "event.severity") {
        Some(90..) => 2,
        Some(70..) => 3,
        Some(40..) => 4,
        _ if text(document, "event.kind") == Some("alert") => 5,
        _ => 6,
    }
}

/// Returns a time with microseconds, which is the most that RFC 5424 allows.
fn timestamp(text: &str) -> Option<String> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(UtcOffset::UTC);
    let (date, clock) = (time.date(), time.time());
    (0..=9_999).contains(&date.year()).then(|| {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            clock.hour(),
            clock.minute(),
            clock.second(),
            clock.microsecond(),
        )
    })
}

/// Returns a field of the header: printable ASCII without spaces, or `-` if the text is missing.
fn token(text: Option<&str>, most: usize) -> String {
    let token: String = text
        .unwrap_or_default()
        .chars()
        .take(most)
        .map(|character| if character.is_ascii_graphic() { character } else { '_' })
        .collect();
    if token.is_empty() { "-".to_owned() } else { token }
}

/// Appends a parameter of the structured data.
fn escape(value: &str, to: &mut String) {
    let mut length = 0;
    for character in value.chars() {
        length += character.len_utf8();
        if length > MAX_PARAMETER {
            return;
        }
        match character {
            '"' | '\\' | ']' => to.extend(['\\', character]),
            control if control.is_control() => to.push(' '),
            other => to.push(other),
        }
    }
}

/// Escapes everything in JSON that is not printable ASCII. So the message needs no byte order mark, at which parsers of
/// JSON stumble, and a server has nothing to replace in it.
fn ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        match character {
            ' '..='~' => ascii.push(character),
            other => {
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests;
