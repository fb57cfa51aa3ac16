//! Exchanges JSON with a server, for rooms that are no output.

use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::{Authorization, Client, ConnectionKeys, Encoding, HttpUrl, Request};
use crate::output::{SendError, ShippingKeys};

/// A client that posts JSON to one address.
#[derive(Debug)]
pub struct JsonClient {
    url: HttpUrl,
    client: Client,
}

/// The answer to a request that the server accepted.
#[derive(Debug)]
pub struct JsonAnswer {
    /// The first 64 KiB of the body.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl JsonClient {
    /// Creates a client. Connections are opened later. A request with its answer takes at most `timeout`.
    pub fn new(url: HttpUrl, keys: &ConnectionKeys, timeout: Duration) -> Self {
        let shipping = ShippingKeys { timeout_s: timeout.as_secs(), ..ShippingKeys::default() };
        let client = Client::new(keys, Authorization::None, Encoding::Plain, &shipping);
        Self { url, client }
    }

    /// Posts a body with these header fields.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or its answer is not a success (2xx).
    pub fn post(&mut self, headers: &[(&'static str, &str)], body: &[u8]) -> Result<JsonAnswer, SendError> {
        let field = |(name, value): &(&'static str, &str)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
        };
        let headers: Vec<_> = headers.iter().filter_map(field).collect();
        let request =
            Request { headers: &headers, ..Request::post(self.url.as_str(), "application/json", body) };
        let reply = self.client.send(&self.url, &request)?.accepted(self.url.origin())?;
        Ok(JsonAnswer { body: reply.body, headers: reply.headers })
    }
}

impl JsonAnswer {
    /// Returns the value of a header field, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
