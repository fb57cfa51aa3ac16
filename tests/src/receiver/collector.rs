//! Servers that take documents without looking at their ids. A repeated document is there twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Protocol, Request, protobuf::nested};

/// How a server finds the documents in a request, and how it refuses one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One document per line.
    Lines,
    /// The HTTP Event Collector of Splunk, without acknowledgements.
    Splunk,
    /// Loki's push API.
    Loki,
    /// Logs of OpenTelemetry as protocol buffers.
    Otlp,
    /// Messages of Slack, which name the incidents in their text.
    Slack,
    /// Events of PagerDuty, one per request. The key for repeats names the incident.
    PagerDuty,
    /// Alerts of an Alertmanager. A label names the incident.
    Alertmanager,
}

/// Name of the attribute with the whole document in a log record of OpenTelemetry.
const DOCUMENT: &[u8] = b"minerwatch.document";

/// The alert of the tests' load that an incident was opened by.
fn alert_of(incident: &Value) -> Value {
    let name = incident.as_str().unwrap_or_default();
    let number = name.rsplit("i-").next().unwrap_or_default();
    json!({ "event": { "id": format!("a-{number}"), "kind": "alert" } })
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
            Dialect::Otlp => {
                // Of ExportLogsServiceRequest: resource_logs, scope_logs, log_records, attributes.
                let attributes = nested(&request.body, &[1, 2, 2, 6])?;
                let name = |attribute: &[u8]| Ok::<_, String>(nested(attribute, &[1])? == [DOCUMENT]);
                let mut documents = Vec::new();
                for attribute in attributes {
                    if name(attribute)? {
                        documents
                            .push(parse(nested(attribute, &[2, 1])?.first().copied().unwrap_or_default())?);
                    }
                }
                Ok(documents)
            }
            Dialect::Slack => {
                let body = parse(&request.body)?;
                let text = body["text"].as_str().ok_or("there is no text")?;
                let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
                Ok(words.filter(|word| word.starts_with("i-")).map(|word| alert_of(&json!(word))).collect())
            }
            Dialect::PagerDuty => Ok(vec![alert_of(&parse(&request.body)?["dedup_key"])]),
            Dialect::Alertmanager => {
                let body = parse(&request.body)?;
                let alerts = body.as_array().ok_or("there are no alerts")?;
                Ok(alerts.iter().map(|alert| alert_of(&alert["labels"]["incident"])).collect())
            }
        }
    }

    /// The answer to a request whose document with this number is refused for ever.
    fn refusal(&self, number: usize) -> Answer {
        match self.dialect {
            Dialect::Lines => Answer::new(400, "a document has an unknown field"),
            Dialect::Loki => Answer::new(400, "entry too far behind"),
            // partial_success { rejected_log_records: 1, error_message: "x" }
            Dialect::Otlp => Answer::new(200, "\u{a}\u{5}\u{8}\u{1}\u{12}\u{1}x"),
            Dialect::Slack | Dialect::PagerDuty | Dialect::Alertmanager => Answer::new(400, "no such field"),
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
            Dialect::Otlp | Dialect::Alertmanager => Answer::new(200, ""),
            Dialect::Slack => Answer::new(200, "ok"),
            Dialect::PagerDuty => Answer::new(202, r#"{"status":"success"}"#),
        }
    }
}
