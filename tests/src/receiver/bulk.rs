//! The bulk API of Elasticsearch and OpenSearch, as far as `create` with an id needs it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Protocol, Request};

/// With partial errors, one document in this many is taken.
const TAKEN_PARTLY: usize = 3;

/// What the server has.
#[derive(Debug, Default)]
pub struct Bulk {
    /// The created documents by their `_id`.
    created: BTreeMap<String, Kind>,
    repeats: u64,
    refused: u64,
    /// The header that requests must have.
    authorization: Option<String>,
    /// Requests that do not follow the protocol.
    errors: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Alert,
    Event,
}

impl Bulk {
    /// Requires this value of the header `Authorization` from now on.
    pub fn require(&mut self, authorization: impl Into<String>) {
        self.authorization = Some(authorization.into());
    }

    /// The ids of the alerts that were created.
    pub fn alerts(&self) -> Vec<String> {
        let alerts = self.created.iter().filter(|(_, kind)| **kind == Kind::Alert);
        alerts.map(|(id, _)| id.clone()).collect()
    }

    /// Number of events that were created.
    pub fn events(&self) -> u64 {
        self.created.values().filter(|kind| **kind == Kind::Event).count() as u64
    }

    /// Number of documents that were there already (409).
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Number of refusals of documents that fit no mapping (400).
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What was wrong with requests.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Creates one document, and returns its result.
    fn create(&mut self, action: &[u8], document: &[u8]) -> Result<Value, String> {
        let action: Value = serde_json::from_slice(action).map_err(|error| format!("the action: {error}"))?;
        let document: Value =
            serde_json::from_slice(document).map_err(|error| format!("the document: {error}"))?;
        let id = action["create"]["_id"].as_str().ok_or("there is no create with _id")?;
        // An event without an id has one that is made from its content.
        if let Some(own) = document["event"]["id"].as_str()
            && id != own
        {
            return Err(format!("_id {id} of event.id {own}"));
        }
        if document.get("poison").is_some() {
            self.refused += 1;
            let error =
                json!({ "type": "document_parsing_exception", "reason": "failed to parse field [poison]" });
            return Ok(json!({ "create": { "_id": id, "status": 400, "error": error } }));
        }
        if self.created.contains_key(id) {
            self.repeats += 1;
            let error =
                json!({ "type": "version_conflict_engine_exception", "reason": "document already exists" });
            return Ok(json!({ "create": { "_id": id, "status": 409, "error": error } }));
        }
        let kind = if document["event"]["kind"] == "alert" { Kind::Alert } else { Kind::Event };
        self.created.insert(id.to_owned(), kind);
        Ok(json!({ "create": { "_id": id, "status": 201, "result": "created" } }))
    }
}

impl Protocol for Bulk {
    fn take(&mut self, request: &Request, partly: bool) -> Answer {
        if self.authorization.is_some() && self.authorization != request.authorization {
            return Answer::new(
                401,
                r#"{"error":{"type":"security_exception","reason":"wrong password"},"status":401}"#,
            );
        }
        let lines: Vec<&[u8]> = request.body.split(|byte| *byte == b'\n').collect();
        let is_complete = lines.last().is_some_and(|last| last.is_empty()) && lines.len() % 2 == 1;
        if !is_complete || !request.path.contains("/_bulk") {
            self.errors.push(format!("{}: {} lines", request.path, lines.len()));
            return Answer::new(400, r#"{"error":"the request is incomplete"}"#);
        }
        let mut items = Vec::new();
        for (number, pair) in lines.chunks_exact(2).enumerate() {
            let [action, document] = pair else { continue };
            if partly && number % TAKEN_PARTLY != 0 {
                let error = json!({ "type": "es_rejected_execution_exception", "reason": "queue full" });
                items.push(json!({ "create": { "status": 429, "error": error } }));
                continue;
            }
            match self.create(action, document) {
                Ok(item) => items.push(item),
                Err(error) => {
                    self.errors.push(error);
                    return Answer::new(400, r#"{"error":"the request makes no sense"}"#);
                }
            }
        }
        let errors = items.iter().any(|item| !item["create"]["error"].is_null());
        Answer::new(200, json!({ "took": 1, "errors": errors, "items": items }).to_string())
    }
}
