//! The output `[[sink.loki]]`: the push API of Grafana Loki.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use ureq::http::{HeaderName, HeaderValue};

use super::{
    Class, Delivery, Destination, Document, FilterKeys, OutputName, SendError, ShippingKeys,
    http::{Client, CompressionKeys, ConnectionKeys, Encoding, HttpUrl, LoginKeys, Request, http_output},
    severity::Severity,
};
use crate::{
    ecs::read::{nanoseconds, text},
    schema::{checked, optional, parsed, section, switch},
};

section! {
    /// Keys of `[[sink.loki]]`.
    pub struct LokiSettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
            pub connection: ConnectionKeys;
            pub compression: CompressionKeys;
            pub login: LoginKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
            /// Address of the server, for example `"https://loki.example:3100"`.
            pub url: HttpUrl, parsed(HttpUrl::ACCEPTED);
        }
        /// Tenant (`X-Scope-OrgID`) of a server with several tenants.
        pub tenant: Option<String> = None, optional(checked("a text without control characters", is_tenant));
        /// Whether the incident, the id and the verdict are sent as structured metadata. Servers before version 3, or
        /// with an older schema, refuse that.
        pub structured_metadata: bool = true, switch();
    }
}

fn is_tenant(tenant: &str) -> Result<(), String> {
    let fits = !tenant.is_empty() && HeaderValue::from_str(tenant).is_ok();
    if fits { Ok(()) } else { Err("this is not a tenant".to_owned()) }
}

impl LokiSettings {
    fn sender(&self) -> Loki {
        Loki {
            push: self.url.join("/loki/api/v1/push", ""),
            tenant: self.tenant.as_deref().and_then(|tenant| HeaderValue::from_str(tenant).ok()),
            has_metadata: self.structured_metadata,
            client: Client::new(
                &self.connection,
                self.login.authorization(),
                Encoding::of(self.compression.gzip),
                &self.shipping,
            ),
            url: self.url.clone(),
        }
    }
}

http_output!(LokiSettings, "loki", with login);

#[derive(Debug)]
struct Loki {
    url: HttpUrl,
    push: String,
    tenant: Option<HeaderValue>,
    has_metadata: bool,
    client: Client,
}

/// Fields that are sent as structured metadata, with their names there.
const METADATA: [(&str, &str); 4] = [
    ("incident", "minerwatch.incident.id"),
    ("event_id", "event.id"),
    ("verdict", "minerwatch.verdict"),
    ("action", "event.action"),
];

impl Destination for Loki {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let body = body(documents, self.has_metadata);
        let tenant = self.tenant.clone().map(|tenant| (HeaderName::from_static("x-scope-orgid"), tenant));
        let headers: Vec<_> = tenant.into_iter().collect();
        let request = Request { headers: &headers, ..Request::post(&self.push, "application/json", &body) };
        // A server that finds one line too old keeps the others, and answers 400 to all. It drops lines that it has, so
        // they can be sent again in parts until the line is found.
        self.client.send(&self.url, &request)?.accepted(self.url.origin())?;
        Ok(Delivery::complete(""))
    }
}

/// The labels that differ between streams: host, kind and level.
type Labels = (String, &'static str, &'static str);

/// Returns the streams of a request. Few labels mean few streams.
fn body(documents: &[Document], has_metadata: bool) -> Vec<u8> {
    let mut streams: BTreeMap<Labels, Vec<(u64, Value)>> = BTreeMap::new();
    for document in documents {
        let ecs: Value = serde_json::from_slice(&document.json).unwrap_or_default();
        let host = text(&ecs, "host.name").unwrap_or("unknown").to_owned();
        let kind = match document.class {
            Class::Alert => "alert",
            Class::Event => "event",
        };
        let time = nanoseconds(&ecs, "@timestamp").unwrap_or_default();
        let line = String::from_utf8_lossy(&document.json);
        let mut value = vec![json!(time.to_string()), json!(line)];
        if has_metadata {
            let pairs = METADATA
                .iter()
                .filter_map(|(name, field)| Some(((*name).to_owned(), json!(text(&ecs, field)?))));
            value.push(Value::Object(pairs.collect::<Map<String, Value>>()));
        }
        let key = (host, kind, Severity::of(&ecs).word());
        streams.entry(key).or_default().push((time, Value::Array(value)));
    }
    let streams: Vec<Value> = streams
        .into_iter()
        .map(|((host, kind, level), mut values)| {
            values.sort_by_key(|(time, _)| *time);
            let values: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
            let labels = json!({"job": "minerwatch", "host": host, "kind": kind, "level": level});
            json!({"stream": labels, "values": values})
        })
        .collect();
    json!({"streams": streams}).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
