//! The output `[[sink.alertmanager]]`: incidents as alerts of Prometheus' Alertmanager.
//!
//! An Alertmanager knows an alert by its labels. When the verdict of an incident changes, the labels change, so the alert
//! with the earlier labels is resolved.

use std::time::Duration;

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Delivery, Destination, Document, Filter, FilterKeys, Needs, OutputName, SendError, ShippingKeys,
    groups::{Group, groups, is_end},
    http::{Client, ConnectionKeys, Encoding, HttpUrl, LoginKeys, Request, check_of, http_output, needs_of},
    severity::Severity,
};
use crate::{
    bounded::BoundedMap,
    ecs::read::text,
    notice::{headline, summary},
    schema::{between, parsed, section},
};

/// Number of incidents whose labels are remembered.
const REMEMBERED: usize = 1_024;

section! {
    /// Keys of `[[sink.alertmanager]]`. Only alerts are sent.
    pub struct AlertmanagerSettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
            pub connection: ConnectionKeys;
            pub login: LoginKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
            /// Address of the server, for example `"https://alertmanager.example:9093"`.
            pub url: HttpUrl, parsed(HttpUrl::ACCEPTED);
        }
        /// Time after which an alert that was neither updated nor closed counts as resolved, in hours.
        pub resolve_after_hours: u64 = 24, between(1, 8_760);
    }
}

impl AlertmanagerSettings {
    fn filter(&self) -> Filter {
        self.filter.filter(false)
    }

    fn needs_keys(&self) -> Needs {
        needs_of(&self.connection, &self.login, &self.url)
    }

    fn check_keys(&self) -> Result<(), (&'static str, String)> {
        self.filter.alerts_only()?;
        check_of(&self.connection, &self.login, &self.url)
    }

    fn sender(&self) -> Alertmanager {
        Alertmanager {
            alerts: self.url.join("/api/v2/alerts", ""),
            open_for: Duration::from_secs(self.resolve_after_hours.saturating_mul(3_600)),
            client: Client::new(
                &self.connection,
                self.login.authorization(),
                Encoding::Plain,
                &self.shipping,
            ),
            url: self.url.clone(),
            labels: BoundedMap::new(REMEMBERED),
        }
    }
}

http_output!(AlertmanagerSettings, "alertmanager");

#[derive(Debug)]
struct Alertmanager {
    url: HttpUrl,
    alerts: String,
    open_for: Duration,
    client: Client,
    /// The labels of open incidents, as they were sent last.
    labels: BoundedMap<String, Value>,
}

impl Alertmanager {
    /// Adds what the Alertmanager shall know about one incident: its state, and the end of states with other labels.
    fn add(&self, group: &Group, now: OffsetDateTime, alerts: &mut Vec<Value>) {
        let Some((_, first)) = group.alerts.first() else { return };
        let Some(last) = group.last() else { return };
        let start = text(first, "@timestamp").map_or_else(|| shown(now), str::to_owned);
        let ended = text(last, "@timestamp").map_or_else(|| shown(now), str::to_owned);
        let current = labels(group, last);
        let known = self.labels.get(&group.key);
        if let Some(known) = known.filter(|known| **known != current) {
            alerts.push(json!({"labels": known, "startsAt": start, "endsAt": ended}));
        }
        let ends = if is_end(last) { ended } else { shown(now + self.open_for) };
        let annotations: Map<String, Value> = summary(last)
            .into_iter()
            .map(|(name, value)| (name.to_lowercase().replace(' ', "_"), json!(value)))
            .chain([("summary".to_owned(), json!(headline(last)))])
            .chain([("alerts".to_owned(), json!(group.alerts.len().to_string()))])
            .collect();
        alerts
            .push(json!({"labels": current, "annotations": annotations, "startsAt": start, "endsAt": ends}));
    }

    fn remember(&mut self, group: &Group) {
        match group.last() {
            Some(last) if !is_end(last) => self.labels.insert(group.key.clone(), labels(group, last)),
            _ => {
                self.labels.remove(&group.key);
            }
        }
    }
}

impl Destination for Alertmanager {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let groups = groups(documents);
        let mut alerts = Vec::new();
        let now = OffsetDateTime::now_utc();
        for group in &groups {
            self.add(group, now, &mut alerts);
        }
        let body = Value::Array(alerts).to_string();
        let request = Request::post(&self.alerts, "application/json", body.as_bytes());
        self.client.send(&self.url, &request)?.accepted(self.url.origin())?;
        for group in &groups {
            self.remember(group);
        }
        Ok(Delivery::complete(""))
    }
}

/// Returns the labels of an incident. They are few, and only the verdict changes.
fn labels(group: &Group, alert: &Value) -> Value {
    let is_incident = text(alert, "minerwatch.incident.id").is_some();
    let mut labels = json!({
        "alertname": if is_incident { "MinerwatchIncident" } else { "MinerwatchNotice" },
        "severity": match Severity::of(alert) {
            Severity::Critical => "critical",
            Severity::Error | Severity::Warning => "warning",
            // Good news ends bad news, which had another severity.
            Severity::Info if is_end(alert) => "warning",
            Severity::Info => "info",
        },
        "instance": text(alert, "host.name").unwrap_or("unknown"),
        "incident": group.key,
    });
    if let Some(verdict) = text(alert, "minerwatch.verdict") {
        labels["verdict"] = json!(verdict);
    }
    labels
}

fn shown(time: OffsetDateTime) -> String {
    // A time between 1970 and 9999 can be shown.
    time.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests;
