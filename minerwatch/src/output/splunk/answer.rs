//! The answers of the HTTP Event Collector.

use serde_json::Value;

use crate::output::{
    SendError,
    http::{Reply, words},
};

/// Codes that concern a single event: invalid data, no event, a blank event, bad indexed fields.
const INVALID: [i64; 4] = [6, 12, 13, 15];
/// Codes that concern the token.
const DENIED: [i64; 4] = [1, 2, 3, 4];
/// Codes of a server that is busy or shutting down.
const BUSY: [i64; 4] = [9, 18, 20, 23];

/// What the server did with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It took all events. With acknowledgements, it says later that they are indexed.
    All { ack: Option<u64> },
    /// It refuses this event of the request.
    AllBut { invalid: usize, words: String },
}

/// Reads the answer to a request.
pub(super) fn taken(reply: Reply, origin: &str) -> Result<Taken, SendError> {
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = answer["code"].as_i64();
    let text = match (answer["text"].as_str(), code) {
        (Some(text), Some(code)) => words(format!("{text} (code {code})").as_bytes()),
        _ => words(&reply.body),
    };
    if reply.status.is_success() {
        return match code {
            Some(0) => Ok(Taken::All { ack: answer["ackId"].as_u64() }),
            _ => Err(SendError::Unreachable(format!("{origin}: the answer makes no sense: {text}"))),
        };
    }
    let message = format!("{origin} answers {}: {text}", reply.status);
    let invalid = answer["invalid-event-number"].as_u64().and_then(|number| usize::try_from(number).ok());
    match (code, invalid) {
        (Some(code), Some(invalid)) if INVALID.contains(&code) => {
            Ok(Taken::AllBut { invalid, words: message })
        }
        (Some(code), _) if DENIED.contains(&code) => Err(SendError::Denied(message)),
        (Some(code), _) if BUSY.contains(&code) => {
            Err(SendError::Busy { after: reply.retry_after, words: message })
        }
        _ => match reply.accepted_with(origin, &text) {
            Ok(_) => Err(SendError::Unreachable(message)),
            Err(error) => Err(error),
        },
    }
}

/// Whether a request was indexed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    Yes,
    NotYet,
    /// The server has no acknowledgements, after all.
    Never,
}

/// Reads the answer to the question whether the request with this number was indexed.
pub(super) fn acknowledged(body: &[u8], id: u64) -> Acknowledged {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    if answer["code"].as_i64() == Some(14) {
        return Acknowledged::Never;
    }
    if answer["acks"][id.to_string()] == true { Acknowledged::Yes } else { Acknowledged::NotYet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_consequence() {
        let ok = |body| taken(Reply::with(200, body), "h");
        assert_eq!(ok(r#"{"text":"Success","code":0}"#), Ok(Taken::All { ack: None }));
        assert_eq!(ok(r#"{"text":"Success","code":0,"ackId":7}"#), Ok(Taken::All { ack: Some(7) }));
        assert!(matches!(ok("<html>"), Err(SendError::Unreachable(_))));
        let bad = |status, code: i64, more: &str| {
            taken(Reply::with(status, &format!(r#"{{"text":"Why","code":{code}{more}}}"#)), "h")
        };
        let words = "h answers 400 Bad Request: Why (code 6)".to_owned();
        let number = r#","invalid-event-number":3"#;
        assert_eq!(bad(400, 6, number), Ok(Taken::AllBut { invalid: 3, words: words.clone() }));
        assert_eq!(bad(400, 6, ""), Err(SendError::Refused(words)));
        assert!(matches!(bad(400, 7, number), Err(SendError::Refused(_))), "an index that does not exist");
        assert!(matches!(bad(400, 10, ""), Err(SendError::Refused(_))));
        assert!(matches!(bad(403, 4, ""), Err(SendError::Denied(_))));
        assert!(matches!(bad(401, 2, ""), Err(SendError::Denied(_))));
        assert!(matches!(bad(503, 9, ""), Err(SendError::Busy { .. })));
        assert!(matches!(bad(500, 8, ""), Err(SendError::Unreachable(_))));
        assert!(matches!(taken(Reply::with(413, ""), "h"), Err(SendError::TooLarge(_))));
    }

    #[test]
    fn an_acknowledgement_names_its_request() {
        assert_eq!(acknowledged(br#"{"acks":{"7":true}}"#, 7), Acknowledged::Yes);
        assert_eq!(acknowledged(br#"{"acks":{"7":false}}"#, 7), Acknowledged::NotYet);
        assert_eq!(acknowledged(br#"{"acks":{"8":true}}"#, 7), Acknowledged::NotYet);
        assert_eq!(acknowledged(br#"{"text":"ACK is disabled","code":14}"#, 7), Acknowledged::Never);
        assert_eq!(acknowledged(b"", 7), Acknowledged::NotYet);
    }
}
