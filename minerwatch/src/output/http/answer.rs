//! What the answer of a server means.

use std::time::Duration;

use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use ureq::http::{HeaderMap, StatusCode, header};

use crate::output::SendError;

/// Maximum length of a server's words, in characters.
const MAX_WORDS: usize = 300;

/// The answer to a request.
#[derive(Debug)]
pub(in crate::output) struct Reply {
    pub status: StatusCode,
    /// The pause for which the server asks.
    pub retry_after: Option<Duration>,
    /// Where the server wants the request to go instead.
    pub location: Option<String>,
    /// All header fields.
    pub headers: HeaderMap,
    /// The body, or the part of it that was asked for.
    pub body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            retry_after: text(header::RETRY_AFTER).and_then(|value| pause(value, OffsetDateTime::now_utc())),
            location: text(header::LOCATION).map(|location| words(location.as_bytes())),
            headers,
            body,
        }
    }

    /// Returns the error for an answer that is not a success (2xx). `origin` names the server.
    pub fn accepted(self, origin: &str) -> Result<Self, SendError> {
        let text = words(&self.body);
        self.accepted_with(origin, &text)
    }

    /// Same as [`Self::accepted`], with words that were taken from the body.
    pub fn accepted_with(self, origin: &str, text: &str) -> Result<Self, SendError> {
        let status = self.status;
        if status.is_success() {
            return Ok(self);
        }
        let colon = if text.is_empty() { "" } else { ": " };
        let message = format!("{origin} answers {status}{colon}{text}");
        Err(match status.as_u16() {
            429 | 503 => SendError::Busy { after: self.retry_after, words: message },
            401 | 403 | 407 => SendError::Denied(message),
            413 => SendError::TooLarge(message),
            // A wrong address is no fault of the documents, so they wait until it is right.
            404 | 405 | 408 | 410 | 425 => SendError::Unreachable(message),
            400..=499 => SendError::Refused(message),
            300..=399 => SendError::Unreachable(match self.location {
                Some(location) => {
                    format!("{origin} redirects to {location}, which is not followed; configure that URL")
                }
                None => message,
            }),
            _ if self.retry_after.is_some() => SendError::Busy { after: self.retry_after, words: message },
            _ => SendError::Unreachable(message),
        })
    }
}

/// Parses the value of `Retry-After`: seconds, or a date.
fn pause(value: &str, now: OffsetDateTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = OffsetDateTime::parse(value.trim(), &Rfc2822).ok()?;
    // A date in the past asks for no pause.
    Some((date - now).try_into().unwrap_or(Duration::ZERO))
}

/// Returns the words of a server for a message: one line without control characters, cut to 300 characters.
pub(in crate::output) fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let parts = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let mut letters = line.chars();
    let mut short: String = letters.by_ref().take(MAX_WORDS).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
impl Reply {
    /// Returns a reply without header fields.
    pub fn with(status: u16, body: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, retry_after: None, location: None, headers: HeaderMap::new(), body: body.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_consequence() {
        let kind = |status| match Reply::with(status, "why").accepted("https://h") {
            Ok(_) => "taken",
            Err(error) => {
                assert!(error.to_string().starts_with(&format!("https://h answers {status} ")), "{error}");
                assert!(error.to_string().ends_with(": why"), "{error}");
                match error {
                    SendError::Unreachable(_) => "unreachable",
                    SendError::Busy { .. } => "busy",
                    SendError::Denied(_) => "denied",
                    SendError::TooLarge(_) => "too large",
                    SendError::Refused(_) => "refused",
                }
            }
        };
        for (statuses, expected) in [
            (&[200, 201, 202, 204][..], "taken"),
            (&[429, 503], "busy"),
            (&[401, 403, 407], "denied"),
            (&[413], "too large"),
            (&[400, 409, 415, 422], "refused"),
            (&[301, 302, 307, 308, 404, 405, 408, 410, 500, 501, 502, 504, 599], "unreachable"),
        ] {
            for status in statuses {
                assert_eq!(kind(*status), expected, "{status}");
            }
        }
    }

    #[test]
    fn a_redirect_is_named() {
        let moved = Reply { location: Some("https://other/".to_owned()), ..Reply::with(302, "") };
        assert_eq!(
            moved.accepted("http://h").unwrap_err(),
            SendError::Unreachable(
                "http://h redirects to https://other/, which is not followed; configure that URL".to_owned()
            )
        );
    }

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now = OffsetDateTime::parse("Sun, 29 Nov 2026 12:00:00 GMT", &Rfc2822).unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(pause("120", now), Some(seconds(120)));
        assert_eq!(pause("Sun, 29 Nov 2026 12:00:30 GMT", now), Some(seconds(30)));
        assert_eq!(pause("Sun, 29 Nov 2026 11:00:30 GMT", now), Some(seconds(0)));
        for bad in ["", "-1", "soon", "1.5"] {
            assert_eq!(pause(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn words_fit_on_one_line_of_a_message() {
        assert_eq!(words(b" <html>\r\n\t<b>no\x1b[31m\0</b> \xff"), "<html> <b>no [31m </b> \u{fffd}");
        let long = words("ä".repeat(1_000).as_bytes());
        assert_eq!(long.chars().count(), 301);
        assert!(long.ends_with('…'));
    }
}
