//! The output `[[sink.splunk]]`: the HTTP Event Collector of Splunk, with acknowledgements where the server has them.

mod answer;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use ureq::http::{HeaderName, HeaderValue};

use self::answer::{Acknowledged, Taken};
use super::{
    Class, Delivery, Destination, Document, DocumentFormat, Filter, FilterKeys, Needs, OutputName, Refusal,
    SendError, ShippingKeys,
    http::{Authorization, Client, CompressionKeys, ConnectionKeys, Encoding, HttpUrl, Request, http_output},
    needs::reads,
};
use crate::{
    credentials::SecretSource,
    ecs::read::{milliseconds, text},
    schema::{absolute_path, choice, optional, parsed, section},
};

/// Pause between two questions whether a request was indexed.
const POLL: Duration = Duration::from_millis(200);

/// Number of documents of a request that the server may name as invalid. More are a matter of the settings.
const MOST_INVALID: usize = 20;

section! {
    /// Keys of `[[sink.splunk]]`.
    pub struct SplunkSettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
            pub connection: ConnectionKeys;
            pub compression: CompressionKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
            /// Address of the collector, for example `"https://splunk.example:8088"`.
            pub url: HttpUrl, parsed(HttpUrl::ACCEPTED);
        }
        /// File with the token of the collector. It is read before each request.
        pub token_file: Option<PathBuf> = None, optional(absolute_path());
        /// Environment variable of the daemon with the token.
        pub token_env: Option<String> = None, optional(parsed("the name of a variable"));
        /// Format of the documents: the Elastic Common Schema, or the Open Cybersecurity Schema Framework.
        pub format: DocumentFormat = DocumentFormat::Ecs, choice();
        /// Index. By default, the token's.
        pub index: Option<String> = None, optional(parsed("the name of an index"));
        /// Source type.
        pub sourcetype: String = "minerwatch".to_owned(), parsed("a source type");
    }
}

impl SplunkSettings {
    fn filter(&self) -> Filter {
        self.filter.filter(true)
    }

    fn needs_keys(&self) -> Needs {
        let mut needs = self.connection.needs(Some(self.url.as_str()));
        needs.reads.extend(reads([("token_file", &self.token_file)]));
        needs
    }

    fn check_keys(&self) -> Result<(), (&'static str, String)> {
        self.connection.check(Some(&self.url))?;
        if self.token_file.is_some() == self.token_env.is_some() {
            return Err(("token_file", "a collector needs a token: give token_file or token_env".to_owned()));
        }
        if !self.url.keeps_secrets() {
            return Err(("url", "a token is sent over https only, except to this host".to_owned()));
        }
        Ok(())
    }

    fn token(&self) -> Option<SecretSource> {
        SecretSource::of(self.token_file.as_deref(), self.token_env.as_deref())
    }

    fn sender(&self) -> Splunk {
        let authorization =
            self.token().map_or(Authorization::None, |token| Authorization::Scheme("Splunk", token));
        let channel = channel();
        Splunk {
            events: self.url.join("/services/collector/event", ""),
            acknowledgements: self.url.join("/services/collector/ack", &format!("channel={channel}")),
            timeout: Duration::from_secs(self.shipping.timeout_s),
            client: Client::new(
                &self.connection,
                authorization,
                Encoding::of(self.compression.gzip),
                &self.shipping,
            ),
            url: self.url.clone(),
            format: self.format,
            index: self.index.clone(),
            sourcetype: self.sourcetype.clone(),
            channel,
        }
    }
}

http_output!(SplunkSettings, "splunk");

/// Returns a random UUID. The server uses it to tell its clients apart.
fn channel() -> String {
    let random = || RandomState::new().build_hasher().finish();
    let (high, low) = (random(), random());
    let (first, second, third) = (high >> 32, high >> 16 & 0xffff, high & 0xfff | 0x4000);
    let (fourth, fifth) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    format!("{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{fifth:012x}")
}

#[derive(Debug)]
struct Splunk {
    url: HttpUrl,
    events: String,
    acknowledgements: String,
    timeout: Duration,
    client: Client,
    format: DocumentFormat,
    index: Option<String>,
    sourcetype: String,
    channel: String,
}

impl Splunk {
    /// Appends a document in its envelope.
    fn wrap(&self, document: &Document, body: &mut Vec<u8>) {
        let ecs: Value = serde_json::from_slice(&document.json).unwrap_or_default();
        let mut envelope = json!({
            "source": match document.class { Class::Alert => "minerwatch:alerts", Class::Event => "minerwatch:events" },
            "sourcetype": self.sourcetype,
        });
        if let Some(time) = milliseconds(&ecs, "@timestamp") {
            // Seconds with milliseconds are exact in a float.
            envelope["time"] = json!(time as f64 / 1_000.0);
        }
        if let Some(host) = text(&ecs, "host.name") {
            envelope["host"] = json!(host);
        }
        if let Some(index) = &self.index {
            envelope["index"] = json!(index);
        }
        envelope["event"] = self.format.convert(ecs);
        body.extend_from_slice(envelope.to_string().as_bytes());
        body.push(b'\n');
    }

    fn post(&mut self, url: &str, body: &[u8]) -> Result<super::http::Reply, SendError> {
        let channel = HeaderValue::from_str(&self.channel).ok();
        let headers: Vec<_> = channel
            .map(|value| (HeaderName::from_static("x-splunk-request-channel"), value))
            .into_iter()
            .collect();
        let request = Request { headers: &headers, ..Request::post(url, "application/json", body) };
        self.client.send(&self.url, &request)
    }

    /// Waits until the server has indexed a request.
    fn acknowledged(&mut self, id: u64) -> Result<(), SendError> {
        let end = Instant::now() + self.timeout;
        let url = self.acknowledgements.clone();
        let question = json!({"acks": [id]}).to_string();
        loop {
            let reply = self.post(&url, question.as_bytes())?.accepted(self.url.origin())?;
            match answer::acknowledged(&reply.body, id) {
                Acknowledged::Yes | Acknowledged::Never => return Ok(()),
                Acknowledged::NotYet if Instant::now() + POLL < end => thread::sleep(POLL),
                Acknowledged::NotYet => {
                    return Err(SendError::Unreachable(format!(
                        "{}: the server took a request, but did not index it in {} s",
                        self.url,
                        self.timeout.as_secs()
                    )));
                }
            }
        }
    }
}

impl Destination for Splunk {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let mut refused: Vec<Refusal> = Vec::new();
        // The server names one invalid event per answer. Whether it keeps those before is not documented, so all others
        // are sent again.
        let mut left: Vec<usize> = (0..documents.len()).collect();
        while !left.is_empty() {
            let mut body = Vec::new();
            for document in left.iter().filter_map(|index| documents.get(*index)) {
                self.wrap(document, &mut body);
            }
            let url = self.events.clone();
            let reply = self.post(&url, &body)?;
            match answer::taken(reply, self.url.origin())? {
                Taken::All { ack } => {
                    // Events come in masses, so they do not wait for the indexers.
                    if let Some(id) = ack.filter(|_| documents.iter().any(|it| it.class == Class::Alert)) {
                        self.acknowledged(id)?;
                    }
                    break;
                }
                Taken::AllBut { invalid, words } => {
                    if invalid >= left.len() || refused.len() >= MOST_INVALID {
                        return Err(SendError::Refused(words));
                    }
                    refused.push(Refusal { index: left.remove(invalid), reason: words });
                }
            }
        }
        Ok(Delivery { refused, ..Delivery::default() })
    }
}

#[cfg(test)]
mod tests;
