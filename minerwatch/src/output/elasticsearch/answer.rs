//! Reads the answer to a bulk request item by item. So a large answer does not take much memory.

use std::{fmt, io};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::output::{Delivery, Refusal, http::words};

/// Reads the answer to a request of `count` documents.
pub(super) fn read(answer: impl io::Read, count: usize) -> Result<Delivery, String> {
    let mut found = Found { count, items: 0, delivery: Delivery::default() };
    let mut reader = serde_json::Deserializer::from_reader(io::BufReader::new(answer));
    AnswerSeed(&mut found).deserialize(&mut reader).map_err(|error| words(error.to_string().as_bytes()))?;
    if found.items != count {
        return Err(format!("it has {} results for {count} documents", found.items));
    }
    Ok(found.delivery)
}

/// Returns the message in the body of an error: the type and the reason in `{"error": {"type": …, "reason": …}}`, or the
/// body itself.
pub(super) fn error_words(body: &[u8]) -> String {
    let own = serde_json::from_slice::<Value>(body).ok().and_then(|value| {
        let error = serde_json::from_value::<ItemError>(value.get("error")?.clone()).ok()?;
        Some(error.words())
    });
    own.unwrap_or_else(|| words(body))
}

/// The results that were read so far.
struct Found {
    /// Number of documents.
    count: usize,
    /// Number of results.
    items: usize,
    delivery: Delivery,
}

impl Found {
    /// Notes the result of one document.
    fn note(&mut self, item: &Item) {
        let index = self.items;
        self.items += 1;
        let error = item.error.as_ref();
        let is_missing = error.is_some_and(|error| error.kind() == Some("index_not_found_exception"));
        match item.status {
            // 409: the server has the document already.
            200..=299 | 409 => {}
            // An operator can repair credentials, a missing index, or a full disk. So the document is sent again.
            401 | 403 | 429 | 500..=599 => self.later(index, item),
            404 if is_missing => self.later(index, item),
            _ => self.delivery.refused.push(Refusal { index, reason: item.words() }),
        }
    }

    fn later(&mut self, index: usize, item: &Item) {
        self.delivery.later.push(index);
        if self.delivery.words.is_empty() {
            self.delivery.words = item.words();
        }
    }
}

/// The result of one document.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    error: Option<ItemError>,
}

impl Item {
    fn words(&self) -> String {
        let status = self.status;
        match &self.error {
            Some(error) => words(format!("{status} {}", error.words()).as_bytes()),
            None => status.to_string(),
        }
    }
}

/// An error: an object in most versions, a text in others.
#[derive(Deserialize)]
#[serde(untagged)]
enum ItemError {
    Object {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        caused_by: Option<Cause>,
    },
    Text(String),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default)]
    reason: Option<String>,
}

impl ItemError {
    fn kind(&self) -> Option<&str> {
        match self {
            Self::Object { kind, .. } => Some(kind),
            Self::Text(_) | Self::Other(_) => None,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Object { kind, reason, caused_by } => {
                let cause = caused_by.as_ref().and_then(|cause| cause.reason.as_deref());
                let parts = [Some(kind.as_str()), reason.as_deref(), cause];
                let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
                words(parts.join(": ").as_bytes())
            }
            Self::Text(text) => words(text.as_bytes()),
            Self::Other(_) => String::new(),
        }
    }
}

struct AnswerSeed<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for AnswerSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnswerSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the answer to a bulk request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                map.next_value_seed(ItemsSeed(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct ItemsSeed<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("results")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(Action { create }) = items.next_element()? {
            if self.0.items == self.0.count {
                return Err(de::Error::custom("it has more results than the request has documents"));
            }
            self.0.note(&create);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Action {
    create: Item,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_has_its_consequence() {
        let answer = r#"{"took":3,"errors":true,"items":[
            {"create":{"_index":"x","status":201}},
            {"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"exists"}}},
            {"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"failed to parse",
                "caused_by":{"type":"illegal_argument_exception","reason":"\nno date"}}}},
            {"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}},
            {"create":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [x]"}}},
            {"create":{"status":404,"error":"gone"}},
            {"create":{"status":503}},
            {"create":{"error":{"type":"odd"}}}]}"#;
        let delivery = read(answer.as_bytes(), 8).unwrap();
        assert_eq!(
            (delivery.later, delivery.words.as_str()),
            (vec![3, 4, 6], "429 es_rejected_execution_exception: queue full")
        );
        let refused: Vec<(usize, &str)> =
            delivery.refused.iter().map(|refusal| (refusal.index, refusal.reason.as_str())).collect();
        assert_eq!(
            refused,
            [(2, "400 document_parsing_exception: failed to parse: no date"), (5, "404 gone"), (7, "0 odd"),]
        );
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_an_error() {
        for (answer, part) in [
            (r#"{"items":[{"create":{"status":201}}]}"#, "1 results for 2 documents"),
            (r#"{"items":[{"create":{}},{"create":{}},{"create":{}}]}"#, "more results than"),
            (r#"{"errors":false}"#, "0 results for 2"),
            (r#"{"items":[{"create":{"status":201}},{"create":{"sta"#, "EOF"),
            (r#"{"items":[{"index":{"status":201}}]}"#, "missing field"),
            ("<html>", "expected value"),
            ("", "EOF"),
            ("[]", "invalid type"),
        ] {
            let error = read(answer.as_bytes(), 2).expect_err(answer);
            assert!(error.contains(part), "{answer}: {error}");
        }
    }

    #[test]
    fn errors_of_a_whole_request_are_shortened_to_their_words() {
        let security =
            br#"{"error":{"root_cause":[{}],"type":"security_exception","reason":"missing"},"status":401}"#;
        assert_eq!(error_words(security), "security_exception: missing");
        assert_eq!(error_words(br#"{"error":"no"}"#), "no");
        assert_eq!(error_words(b"<html>"), "<html>");
    }
}
