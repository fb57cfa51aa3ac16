//! The output `[[sink.slack]]`: short messages to an incoming webhook of Slack, or of a chat that takes the same.
//!
//! Alerts of one incident share a message. When there are more incidents than messages allowed, the last message says
//! how many alerts it stands for.

mod text;

use std::{path::PathBuf, time::Instant};

use serde_json::json;

use super::{
    Delivery, Destination, Document, Filter, FilterKeys, Needs, OutputName, SendError, ShippingKeys,
    groups::{Group, groups},
    http::{Authorization, Client, ConnectionKeys, Encoding, HttpUrl, Request, http_output},
    needs::reads,
    throttle::Throttle,
};
use crate::{
    credentials::{Secret, SecretSource},
    schema::{absolute_path, between, optional, parsed, section},
};

section! {
    /// Keys of `[[sink.slack]]`. Only alerts are sent.
    pub struct SlackSettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
            pub connection: ConnectionKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
        }
        /// File with the URL of the incoming webhook. The URL is a secret: whoever knows it can write to the channel. It
        /// is read before each request.
        pub url_file: Option<PathBuf> = None, optional(absolute_path());
        /// Environment variable of the daemon with the URL.
        pub url_env: Option<String> = None, optional(parsed("the name of a variable"));
        /// Maximum number of messages in any minute. Alerts that wait are grouped.
        pub max_per_minute: u64 = 6, between(1, 600);
    }
}

impl SlackSettings {
    fn filter(&self) -> Filter {
        self.filter.filter(false)
    }

    fn needs_keys(&self) -> Needs {
        let url = self.url_source().and_then(|source| source.read().ok());
        let mut needs = self.connection.needs(url.as_ref().map(Secret::expose));
        needs.reads.extend(reads([("url_file", &self.url_file)]));
        needs
    }

    fn check_keys(&self) -> Result<(), (&'static str, String)> {
        self.connection.check(None)?;
        self.filter.alerts_only()?;
        if self.url_file.is_some() == self.url_env.is_some() {
            return Err(("url_file", "a webhook needs its URL: give url_file or url_env".to_owned()));
        }
        Ok(())
    }

    fn url_source(&self) -> Option<SecretSource> {
        SecretSource::of(self.url_file.as_deref(), self.url_env.as_deref())
    }

    fn sender(&self) -> Slack {
        Slack {
            url: self.url_source(),
            client: Client::new(&self.connection, Authorization::None, Encoding::Plain, &self.shipping),
            throttle: Throttle::new(self.max_per_minute),
        }
    }
}

http_output!(SlackSettings, "slack");

#[derive(Debug)]
struct Slack {
    url: Option<SecretSource>,
    client: Client,
    throttle: Throttle,
}

impl Slack {
    /// Reads the URL. Errors do not contain it.
    fn url(&self) -> Result<HttpUrl, SendError> {
        let Some(source) = &self.url else { return Err(SendError::Denied("the URL is missing".to_owned())) };
        let secret = source.read().map_err(|error| SendError::Denied(format!("{error:#}")))?;
        let url = HttpUrl::try_from(secret.expose().to_owned())
            .map_err(|problem| SendError::Denied(format!("{source}: {problem}")))?;
        if !url.keeps_secrets() {
            return Err(SendError::Denied(format!("{source}: the URL is a secret, so it must be https")));
        }
        Ok(url)
    }

    fn post(&mut self, text: &str) -> Result<(), SendError> {
        let url = self.url()?;
        let body = json!({"text": text}).to_string();
        let request = Request::post(url.as_str(), "application/json", body.as_bytes());
        self.client.send(&url, &request)?.accepted(url.origin())?;
        Ok(())
    }
}

impl Destination for Slack {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let groups = groups(documents);
        let room = self.throttle.room(Instant::now());
        if room == 0 {
            return Err(self.throttle.wait(Instant::now()));
        }
        // If there is not room for all, the last message stands for the rest.
        let single = if groups.len() <= room { groups.len() } else { room - 1 };
        let (alone, together) = groups.split_at_checked(single).unwrap_or((&groups, &[]));
        let mut messages: Vec<(String, &[Group])> =
            alone.iter().map(|group| (text::of_incident(group), std::slice::from_ref(group))).collect();
        if !together.is_empty() {
            messages.push((text::of_many(together), together));
        }
        let mut sent = 0;
        for (text, groups_of_message) in &messages {
            match self.post(text) {
                Ok(()) => {
                    self.throttle.note(Instant::now());
                    sent += groups_of_message.len();
                }
                Err(error) if sent == 0 => return Err(error),
                Err(error) => {
                    let rest = groups.iter().skip(sent).flat_map(Group::indices).collect();
                    return Ok(Delivery { later: rest, words: error.to_string(), ..Delivery::default() });
                }
            }
        }
        Ok(Delivery::complete("ok"))
    }
}

#[cfg(test)]
mod tests;
