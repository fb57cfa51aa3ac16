//! The common parts of outputs over HTTP: their keys, a client, and the meaning of a server's answer.

mod answer;
mod client;
mod json;
mod keys;
mod settings;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod url;

pub(in crate::output) use answer::{Reply, words};
pub(in crate::output) use client::{Client, Encoding, Request, start};
pub use json::{JsonAnswer, JsonClient};
pub(in crate::output) use keys::{Authorization, check_of, needs_of};
pub use keys::{CompressionKeys, ConnectionKeys, LoginKeys};
pub(in crate::output) use settings::http_output;
pub use url::HttpUrl;
