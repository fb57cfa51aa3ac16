//! The output `[[sink.pagerduty]]`: the Events API v2 of PagerDuty. An incident is one alert there, and its id is the key of the alert.

use std::{path::PathBuf, time::Instant};

use serde_json::{Map, Value, json};

use super::{
    Delivery, Destination, Document, Filter, FilterKeys, Needs, OutputName, Refusal, SendError, ShippingKeys,
    groups::{Group, groups, is_end},
    http::{Authorization, Client, ConnectionKeys, Encoding, HttpUrl, Request, http_output},
    needs::reads,
    severity::Severity,
    throttle::Throttle,
};
use crate::{
    credentials::{Secret, SecretSource},
    ecs::read::text,
    notice::{headline, summary},
    schema::{absolute_path, between, optional, parsed, section},
};

section! {
    /// Keys of `[[sink.pagerduty]]`. Only alerts are sent.
    pub struct PagerDutySettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
            pub connection: ConnectionKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
        }
        /// Address that takes the events. Accounts in Europe use `"https://events.eu.pagerduty.com/v2/enqueue"`.
        pub url: HttpUrl = default_url(), parsed(HttpUrl::ACCEPTED);
        /// File with the integration key of the service. It is read before each request.
        pub routing_key_file: Option<PathBuf> = None, optional(absolute_path());
        /// Environment variable of the daemon with the integration key.
        pub routing_key_env: Option<String> = None, optional(parsed("the name of a variable"));
        /// Maximum number of messages in any minute. Alerts that wait are grouped by incident.
        pub max_per_minute: u64 = 60, between(1, 600);
    }
}

fn default_url() -> HttpUrl {
    HttpUrl::of("https://events.pagerduty.com/v2/enqueue")
}

impl PagerDutySettings {
    fn filter(&self) -> Filter {
        self.filter.filter(false)
    }

    fn needs_keys(&self) -> Needs {
        let mut needs = self.connection.needs(Some(self.url.as_str()));
        needs.reads.extend(reads([("routing_key_file", &self.routing_key_file)]));
        needs
    }

    fn check_keys(&self) -> Result<(), (&'static str, String)> {
        self.connection.check(Some(&self.url))?;
        self.filter.alerts_only()?;
        if self.routing_key_file.is_some() == self.routing_key_env.is_some() {
            let message = "a service needs its integration key: give routing_key_file or routing_key_env";
            return Err(("routing_key_file", message.to_owned()));
        }
        if !self.url.keeps_secrets() {
            return Err((
                "url",
                "an integration key is sent over https only, except to this host".to_owned(),
            ));
        }
        Ok(())
    }

    fn sender(&self) -> PagerDuty {
        PagerDuty {
            url: self.url.clone(),
            key: SecretSource::of(self.routing_key_file.as_deref(), self.routing_key_env.as_deref()),
            client: Client::new(&self.connection, Authorization::None, Encoding::Plain, &self.shipping),
            throttle: Throttle::new(self.max_per_minute),
        }
    }
}

http_output!(PagerDutySettings, "pagerduty");

#[derive(Debug)]
struct PagerDuty {
    url: HttpUrl,
    key: Option<SecretSource>,
    client: Client,
    throttle: Throttle,
}

impl PagerDuty {
    fn key(&self) -> Result<Secret, SendError> {
        let Some(source) = &self.key else { return Err(SendError::Denied("the key is missing".to_owned())) };
        source.read().map_err(|error| SendError::Denied(format!("{error:#}")))
    }

    /// Sends the event about an alert.
    fn post(&mut self, group: &Group, alert: &Value, key: &Secret) -> Result<(), SendError> {
        if self.throttle.room(Instant::now()) == 0 {
            return Err(self.throttle.wait(Instant::now()));
        }
        let body = event(group, alert, key).to_string();
        let request = Request::post(self.url.as_str(), "application/json", body.as_bytes());
        let reply = self.client.send(&self.url, &request)?;
        let answer = String::from_utf8_lossy(&reply.body).to_lowercase().replace('_', " ");
        match reply.accepted(self.url.origin()) {
            // A wrong key is no fault of the alert.
            Err(SendError::Refused(words)) if answer.contains("routing key") => {
                return Err(SendError::Denied(words));
            }
            sent => sent?,
        };
        self.throttle.note(Instant::now());
        Ok(())
    }
}

impl Destination for PagerDuty {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let key = self.key()?;
        let groups = groups(documents);
        let runs: Vec<(&Group, &[(usize, Value)])> =
            groups.iter().flat_map(|group| group.runs().map(move |run| (group, run))).collect();
        let mut refused = Vec::new();
        for (place, (group, run)) in runs.iter().enumerate() {
            let Some((_, alert)) = run.last() else { continue };
            match self.post(group, alert, &key) {
                Ok(()) => {}
                Err(SendError::TooLarge(reason) | SendError::Refused(reason)) => {
                    refused.extend(
                        run.iter().map(|(index, _)| Refusal { index: *index, reason: reason.clone() }),
                    );
                }
                Err(error) if place == 0 => return Err(error),
                Err(error) => {
                    // What was sent stays sent. Otherwise an incident with more changes than `max_per_minute` would never
                    // be delivered.
                    let rest = runs.iter().skip(place).flat_map(|(_, run)| run.iter());
                    let later = rest.map(|(index, _)| *index).collect();
                    return Ok(Delivery { refused, later, words: error.to_string() });
                }
            }
        }
        Ok(Delivery { refused, ..Delivery::default() })
    }
}

/// Returns the event about an alert. A repeated event with the same key changes nothing.
fn event(group: &Group, alert: &Value, key: &Secret) -> Value {
    let common = json!({"routing_key": key.expose(), "dedup_key": dedup_key(&group.key)});
    let Value::Object(mut event) = common else { return common };
    if is_end(alert) {
        event.insert("event_action".to_owned(), json!("resolve"));
        return Value::Object(event);
    }
    let mut details: Map<String, Value> =
        summary(alert).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    details.insert("Alerts in this message".to_owned(), json!(group.alerts.len()));
    let mut payload = json!({
        "summary": headline(alert),
        "source": text(alert, "host.name").unwrap_or("unknown host"),
        "severity": Severity::of(alert).word(),
        "component": "minerwatch",
        "class": text(alert, "rule.name").unwrap_or("cryptocurrency mining"),
        "custom_details": details,
    });
    if let Some(time) = text(alert, "@timestamp") {
        payload["timestamp"] = json!(time);
    }
    event.insert("event_action".to_owned(), json!("trigger"));
    event.insert("client".to_owned(), json!("minerwatch"));
    event.insert("payload".to_owned(), payload);
    Value::Object(event)
}

/// Returns the key of the alert in PagerDuty. The API allows 255 characters.
fn dedup_key(key: &str) -> String {
    key.chars().take(255).collect()
}

#[cfg(test)]
mod tests;
