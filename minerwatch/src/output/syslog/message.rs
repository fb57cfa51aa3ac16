//! Writes a document as a syslog message.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::Value;

use super::{Facility, MessageFormat, fit, head::Head};

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
    /// Says why the document can never be sent: it is not an object, or too large.
    pub fn message(&self, json: &[u8]) -> Result<String, String> {
        let no_json = |error| format!("the line is not an object of minerwatch: {error}");
        let header = self.header(&serde_json::from_slice(json).map_err(no_json)?);
        let room = self.max_bytes.saturating_sub(header.len());
        if self.format == MessageFormat::Ecs
            && let Some(whole) = std::str::from_utf8(json).ok().and_then(compact)
            && whole.len() <= room
        {
            // The line stays as it is, with its order of keys.
            return Ok(header + &whole);
        }
        let document: Value = serde_json::from_slice(json).map_err(no_json)?;
        let content = match self.format {
            MessageFormat::Ecs => fit::into(document, room, |ecs| ascii(&ecs.to_string()).into_owned()),
            MessageFormat::Ocsf => {
                fit::into(document, room, |ecs| ascii(&crate::ocsf::document(ecs).to_string()).into_owned())
            }
            MessageFormat::Cef => fit::into(document, room, crate::cef::message),
        };
        let content =
            content.ok_or_else(|| format!("it does not fit into max_message_bytes ({})", self.max_bytes))?;
        Ok(header + &content)
    }

    fn header(&self, head: &Head) -> String {
        let priority = self.facility as u32 * 8 + head.severity();
        let process = self.process;
        if self.is_local {
            return format!("<{priority}>{PROGRAM}[{process}]: ");
        }
        let (time, host, kind) = (head.time(), token(&head.host.name, 255), token(&head.event.action, 32));
        let mut header = format!("<{priority}>1 {time} {host} {PROGRAM} {process} {kind} ");
        let parameters = [("id", &head.event.id), ("incident", &head.minerwatch.incident.id)];
        if parameters.iter().all(|(_, value)| value.is_empty()) {
            header.push_str("- ");
            return header;
        }
        header.push('[');
        header.push_str(DATA);
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(header, " {name}=\"");
            escape(value, &mut header);
            header.push('"');
        }
        header.push_str("] ");
        header
    }
}

/// Returns a text as a field of the header. Spaces and characters that are not printable ASCII become `_`, and an empty
/// text becomes `-`.
fn token(text: &str, most: usize) -> String {
    let token: String = text
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

/// Returns JSON in ASCII, or `None` if it has white space that is no space. Only between two values can it have that.
fn compact(json: &str) -> Option<Cow<'_, str>> {
    json.bytes().all(|byte| byte >= b' ').then(|| ascii(json))
}

/// Escapes everything in JSON that is not printable ASCII. So the message needs no byte order mark, at which parsers of
/// JSON stumble, and a server has nothing to replace in it.
fn ascii(json: &str) -> Cow<'_, str> {
    if json.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(json);
    }
    let mut ascii = String::with_capacity(json.len() * 2);
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
    Cow::Owned(ascii)
}

#[cfg(test)]
mod tests;
