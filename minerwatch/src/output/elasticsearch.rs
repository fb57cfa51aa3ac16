//! The output `[[sink.elasticsearch]]`: the bulk API of Elasticsearch and OpenSearch.
//!
//! Each document is created with an id that depends only on its content. So the server stores a document once, even if
//! it arrives twice.

mod answer;

use std::{fmt::Write as _, io::Read as _, path::PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    Class, Delivery, Destination, Document, Filter, FilterKeys, Needs, OutputName, SendError, ShippingKeys,
    http::{
        Authorization, Client, CompressionKeys, ConnectionKeys, Encoding, HttpUrl, LoginKeys, Request,
        http_output, start, words,
    },
    needs::reads,
};
use crate::{
    credentials::SecretSource,
    schema::{absolute_path, checked, optional, parsed, section},
};

/// Maximum size of the answer to a request, in bytes.
const MAX_ANSWER: u64 = 64 << 20;

/// Limits the answer to the fields that are used. The whole answer would be larger than the request.
const FILTER: &str = "filter_path=errors,error,items.*.status,items.*.error";

section! {
    /// Keys of `[[sink.elasticsearch]]`.
    pub struct ElasticsearchSettings {
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
            /// Address of the server, for example `"https://elastic.example:9200"`.
            pub url: HttpUrl, parsed(HttpUrl::ACCEPTED);
        }
        /// Data stream for alerts.
        pub alerts_stream: String = "logs-minerwatch.alerts-default".to_owned(), checked(STREAM, is_stream);
        /// Data stream for events.
        pub events_stream: String = "logs-minerwatch.events-default".to_owned(), checked(STREAM, is_stream);
        /// File with an API key in the encoded form that Elasticsearch shows (`encoded`).
        pub api_key_file: Option<PathBuf> = None, optional(absolute_path());
        /// Environment variable of the daemon with the API key.
        pub api_key_env: Option<String> = None, optional(parsed("the name of a variable"));
    }
}

/// Description of the accepted names of streams.
const STREAM: &str = "a name of lower-case letters, digits, `-`, `_` and `.`";

fn is_stream(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if starts && name.len() <= 255 && name != "." && name != ".." && name.bytes().all(fits) {
        Ok(())
    } else {
        Err(format!("`{}` is not {STREAM}", words(name.as_bytes())))
    }
}

impl ElasticsearchSettings {
    fn filter(&self) -> Filter {
        self.filter.filter(true)
    }

    fn needs_keys(&self) -> Needs {
        let mut needs = self.connection.needs(Some(self.url.as_str()));
        needs.reads.extend(self.login.reads());
        needs.reads.extend(reads([("api_key_file", &self.api_key_file)]));
        needs
    }

    fn check_keys(&self) -> Result<(), (&'static str, String)> {
        self.connection.check(Some(&self.url))?;
        self.login.check(&self.url)?;
        if self.api_key_file.is_some() && self.api_key_env.is_some() {
            return Err(("api_key_env", "api_key_file is set already; give one of the two".to_owned()));
        }
        if let Some(_key) = self.api_key() {
            if !matches!(self.login.authorization(), Authorization::None) {
                return Err((
                    "user",
                    "a request has one credential; remove the API key or the others".to_owned(),
                ));
            }
            if !self.url.keeps_secrets() {
                return Err(("url", "an API key is sent over https only, except to this host".to_owned()));
            }
        }
        Ok(())
    }

    fn api_key(&self) -> Option<SecretSource> {
        SecretSource::of(self.api_key_file.as_deref(), self.api_key_env.as_deref())
    }

    fn sender(&self) -> Elasticsearch {
        let authorization = match self.api_key() {
            Some(key) => Authorization::Scheme("ApiKey", key),
            None => self.login.authorization(),
        };
        let path = |stream: &str| self.url.join(&format!("/{stream}/_bulk"), FILTER);
        Elasticsearch {
            alerts: path(&self.alerts_stream),
            events: path(&self.events_stream),
            client: Client::new(
                &self.connection,
                authorization,
                Encoding::of(self.compression.gzip),
                &self.shipping,
            ),
            url: self.url.clone(),
        }
    }
}

http_output!(ElasticsearchSettings, "elasticsearch");

#[derive(Debug)]
struct Elasticsearch {
    url: HttpUrl,
    alerts: String,
    events: String,
    client: Client,
}

impl Destination for Elasticsearch {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let Some(first) = documents.first() else { return Ok(Delivery::default()) };
        let url = match first.class {
            Class::Alert => &self.alerts,
            Class::Event => &self.events,
        };
        let body = body(documents);
        let request = Request::post(url, "application/x-ndjson", &body);
        let mut delivery = None;
        let reply = self.client.send_and(&self.url, &request, |status, answer| {
            if status.is_success() {
                delivery = Some(answer::read(answer.take(MAX_ANSWER), documents.len()));
                Ok(Vec::new())
            } else {
                Ok(start(answer))
            }
        })?;
        let text = answer::error_words(&reply.body);
        reply.accepted_with(self.url.origin(), &text)?;
        match delivery {
            Some(Ok(delivery)) => Ok(delivery),
            Some(Err(error)) => {
                Err(SendError::Unreachable(format!("{}: the answer makes no sense: {error}", self.url)))
            }
            None => Err(SendError::Unreachable(format!("{}: there is no answer", self.url))),
        }
    }
}

/// Returns the body of a bulk request. Each document has two lines: the action and the document.
fn body(documents: &[Document]) -> Vec<u8> {
    let size: usize = documents.iter().map(|document| document.json.len() + 64).sum();
    let mut body = Vec::with_capacity(size);
    for document in documents {
        body.extend_from_slice(b"{\"create\":{\"_id\":");
        // A text can always be encoded.
        body.extend_from_slice(serde_json::to_string(&id(&document.json)).unwrap_or_default().as_bytes());
        body.extend_from_slice(b"}}\n");
        body.extend_from_slice(&document.json);
        body.push(b'\n');
    }
    body
}

/// Returns `event.id`, or a hash of the line.
fn id(json: &Bytes) -> String {
    #[derive(Deserialize)]
    struct WithEvent {
        event: WithId,
    }
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    // The server refuses longer ids.
    let own = serde_json::from_slice::<WithEvent>(json).ok().map(|document| document.event.id);
    own.filter(|id| (1..=512).contains(&id.len())).unwrap_or_else(|| {
        Sha256::digest(json).iter().take(16).fold(String::new(), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    })
}

#[cfg(test)]
mod tests;
