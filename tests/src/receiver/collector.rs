//! Servers that take documents without looking at their ids. A repeated document is there twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Protocol, Request};

/// How a server finds the documents in a request, and how it refuses one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One document per line.
    Lines,
    /// The HTTP Event Collector of Splunk, without acknowledgements.
    Splunk,
    /// Loki's push API.
    Loki,
}

/// What the server has.
#[derive(Debug)]
pub struct Collector {
    dialect: Dialect,
    /// How often each alert and each event arrived, by `event.id`.
    alerts: BTreeMap<String, u64>,
    events: BTreeMap<String, u64>,
    errors: Vec<String>,
}

impl Collector {
    /// An empty server.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, alerts: BTreeMap::new(), events: BTreeMap::new(), errors: Vec::new() }
    }

    /// How often each alert arrived.
    pub fn alerts(&self) -> &BTreeMap<String, u64> {
        &self.alerts
    }

    /// How often each event arrived.
    pub fn events(&self) -> &BTreeMap<String, u64> {
        &self.events
    }

    /// What was wrong with requests.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    fn documents(&self, request: &Request) -> Result<Vec<Value>, String> {
        let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).map_err(|error| error.to_string());
        let lines = request.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        match self.dialect {
            Dialect::Lines => lines.map(parse).collect(),
            Dialect::Splunk => lines.map(|line| Ok(parse(line)?["event"].take())).collect(),
            Dialect::Loki => {
                let body = parse(&request.body)?;
                let streams = body["streams"].as_array().ok_or("there are no streams")?;
                let values = streams.iter().filter_map(|stream| stream["values"].as_array()).flatten();
                values.map(|value| parse(value[1].as_str().unwrap_or_default().as_bytes())).collect()
            }
        }
    }

    /// The answer to a request whose document with this number is refused for ever.
    fn refusal(&self, number: usize) -> Answer {
        match self.dialect {
            Dialect::Lines => Answer::new(400, "a document has an unknown field"),
            Dialect::Loki => Answer::new(400, "entry too far behind"),
            Dialect::Splunk => {
                let answer =
                    json!({ "text": "Invalid data format", "code": 6, "invalid-event-number": number });
                Answer::new(400, answer.to_string())
            }
        }
    }
}

impl Protocol for Collector {
    fn take(&mut self, request: &Request, partly: bool) -> Answer {
        if partly {
            return Answer::new(503, "some of it could not be stored");
        }
        let documents = match self.documents(request) {
            Ok(documents) => documents,
            Err(error) => {
                self.errors.push(format!("{}: {error}", request.path));
                return Answer::new(400, "the request makes no sense");
            }
        };
        if let Some(number) = documents.iter().position(|document| document.get("poison").is_some()) {
            return self.refusal(number);
        }
        for document in documents {
            let id = document["event"]["id"].as_str().unwrap_or_default().to_owned();
            let is_alert = document["event"]["kind"] == "alert";
            *if is_alert { &mut self.alerts } else { &mut self.events }.entry(id).or_default() += 1;
        }
        match self.dialect {
            Dialect::Lines => Answer::new(200, "taken"),
            Dialect::Splunk => Answer::new(200, r#"{"text":"Success","code":0}"#),
            Dialect::Loki => Answer::new(204, ""),
        }
    }
}
