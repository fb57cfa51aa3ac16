//! The output `[[sink.webhook]]`: documents in the body of HTTP requests.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::{
    Delivery, Destination, Document, DocumentFormat, FilterKeys, OutputName, Refusal, SendError,
    ShippingKeys,
    http::{Client, ConnectionKeys, Encoding, HttpUrl, LoginKeys, Request, http_output},
};
use crate::schema::{choice, parsed, section, switch};

section! {
    /// Keys of `[[sink.webhook]]`.
    pub struct WebhookSettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
            pub connection: ConnectionKeys;
            pub login: LoginKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
            /// Address that takes the requests.
            pub url: HttpUrl, parsed(HttpUrl::ACCEPTED);
        }
        /// Method of the requests.
        pub method: WebhookMethod = WebhookMethod::Post, choice();
        /// Format of the documents: the Elastic Common Schema, or the Open Cybersecurity Schema Framework.
        pub format: DocumentFormat = DocumentFormat::Ecs, choice();
        /// Body of a request: a JSON array of documents, one document per line, or one document alone.
        pub body: WebhookBody = WebhookBody::Array, choice();
        /// Whether requests are compressed. Not every receiver understands that.
        pub gzip: bool = false, switch();
    }
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WebhookMethod {
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
}

/// The body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookBody {
    /// A JSON array.
    Array,
    /// One document per line.
    Lines,
    /// One document. Each has a request of its own.
    One,
}

impl WebhookSettings {
    fn sender(&self) -> Webhook {
        let client = Client::new(
            &self.connection,
            self.login.authorization(),
            Encoding::of(self.gzip),
            &self.shipping,
        );
        Webhook { url: self.url.clone(), method: self.method, format: self.format, body: self.body, client }
    }
}

http_output!(WebhookSettings, "webhook", with login);

#[derive(Debug)]
struct Webhook {
    url: HttpUrl,
    method: WebhookMethod,
    format: DocumentFormat,
    body: WebhookBody,
    client: Client,
}

impl Webhook {
    fn request(&mut self, body: &[u8]) -> Result<(), SendError> {
        let content_type = match self.body {
            WebhookBody::Array | WebhookBody::One => "application/json",
            WebhookBody::Lines => "application/x-ndjson",
        };
        let method = match self.method {
            WebhookMethod::Post => Method::POST,
            WebhookMethod::Put => Method::PUT,
        };
        let request = Request { method, ..Request::post(self.url.as_str(), content_type, body) };
        self.client.send(&self.url, &request)?.accepted(self.url.origin()).map(|_| ())
    }

    /// Sends each document by itself, in order. An error that concerns all of them ends this.
    fn one_by_one(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let mut delivery = Delivery::default();
        for (index, document) in documents.iter().enumerate() {
            match self.request(&self.format.encode(&document.json)) {
                Ok(()) => {}
                Err(SendError::TooLarge(reason) | SendError::Refused(reason)) => {
                    delivery.refused.push(Refusal { index, reason });
                }
                Err(error) if index == 0 => return Err(error),
                Err(error) => {
                    delivery.later = (index..documents.len()).collect();
                    delivery.words = error.to_string();
                    break;
                }
            }
        }
        Ok(delivery)
    }
}

impl Destination for Webhook {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let (open, between, close) = match self.body {
            WebhookBody::One => return self.one_by_one(documents),
            WebhookBody::Array => ("[", ",", "]"),
            WebhookBody::Lines => ("", "\n", "\n"),
        };
        let mut body = open.as_bytes().to_vec();
        for (index, document) in documents.iter().enumerate() {
            if index > 0 {
                body.extend_from_slice(between.as_bytes());
            }
            body.extend_from_slice(&self.format.encode(&document.json));
        }
        body.extend_from_slice(close.as_bytes());
        self.request(&body)?;
        Ok(Delivery::complete(""))
    }
}

#[cfg(test)]
mod tests;
