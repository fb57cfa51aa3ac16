//! The output `[[sink.otlp]]`: log records of OpenTelemetry over HTTP, as protocol buffers.
//!
//! Every receiver of OTLP/HTTP understands protocol buffers, and not every one understands JSON.

mod record;
mod wire;

use prost::Message as _;

use super::{
    Delivery, Destination, Document, FilterKeys, OutputName, SendError, ShippingKeys,
    http::{
        Client, CompressionKeys, ConnectionKeys, Encoding, HttpUrl, LoginKeys, Request, http_output, words,
    },
};
use crate::schema::{parsed, section};

section! {
    /// Keys of `[[sink.otlp]]`.
    pub struct OtlpSettings {
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
            /// Address of the receiver, for example `"https://collector.example:4318"`. Requests go to `/v1/logs` below it.
            pub url: HttpUrl, parsed(HttpUrl::ACCEPTED);
        }
    }
}

impl OtlpSettings {
    fn sender(&self) -> Otlp {
        Otlp {
            logs: self.url.join("/v1/logs", ""),
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

http_output!(OtlpSettings, "otlp", with login);

#[derive(Debug)]
struct Otlp {
    url: HttpUrl,
    logs: String,
    client: Client,
}

impl Destination for Otlp {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let body = record::request(documents).encode_to_vec();
        let reply =
            self.client.send(&self.url, &Request::post(&self.logs, "application/x-protobuf", &body))?;
        let text = match wire::Status::decode(reply.body.as_slice()) {
            Ok(status) if !reply.status.is_success() && !status.message.is_empty() => {
                words(status.message.as_bytes())
            }
            _ => words(&reply.body),
        };
        let reply = reply.accepted_with(self.url.origin(), &text)?;
        let answer = wire::Response::decode(reply.body.as_slice()).map_err(|_| {
            SendError::Unreachable(format!("{}: the answer makes no sense: it is not OTLP", self.url))
        })?;
        let partial = answer.partial_success.unwrap_or_default();
        let text = words(partial.error_message.as_bytes());
        if partial.rejected_log_records > 0 {
            // The receiver does not say which ones. Sent again in parts, they show; the others arrive twice.
            return Err(SendError::Refused(format!(
                "{}: the receiver rejects records: {} of {} ({text})",
                self.url,
                partial.rejected_log_records,
                documents.len()
            )));
        }
        Ok(Delivery::complete(text))
    }
}

#[cfg(test)]
mod tests;
