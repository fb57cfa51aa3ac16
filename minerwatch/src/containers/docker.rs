//! Docker's HTTP interface, which Podman has, too.
//!
//! <https://docs.docker.com/reference/api/engine/>: `GET /containers/ID/json` and `GET /images/ID/json`. Paths without a
//! version mean the version of the server.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::{describe::Described, error::AskError, http, settings::RuntimeSocket};
use crate::{model::ContainerDetails, redact::Redactor};

/// Maximum size of an answer, in bytes. A container with a thousand ports and mounts needs a tenth of it.
const MAX_ANSWER: usize = 1 << 20;

/// A container.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    name: String,
    /// The id of the image.
    image: String,
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    /// The image as it was given.
    image: String,
    labels: Option<BTreeMap<String, Option<String>>>,
}

/// An image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Image {
    repo_digests: Option<Vec<String>>,
}

/// Asks about a container. Returns `None` if there is no such container. The id consists of letters and digits.
pub(super) async fn ask(
    socket: &RuntimeSocket,
    id: &str,
    redactor: Option<&Redactor>,
) -> Result<Option<ContainerDetails>, AskError> {
    let Some(container) = get::<Container>(socket, &format!("/containers/{id}/json")).await? else {
        return Ok(None);
    };
    // The digest is not worth losing the name. An id has the form `sha256:…`, and Podman's lacks the algorithm.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b':';
    let image = if !container.image.is_empty() && container.image.bytes().all(is_plain) {
        get::<Image>(socket, &format!("/images/{}/json", container.image)).await.ok().flatten()
    } else {
        None
    };
    Ok(Some(details(socket, &container, &image.unwrap_or_default(), redactor)))
}

async fn get<T: DeserializeOwned>(socket: &RuntimeSocket, path: &str) -> Result<Option<T>, AskError> {
    let stream = UnixStream::connect(&socket.path).await?;
    let answer = http::get(stream, path, MAX_ANSWER).await?;
    match answer.status {
        200 => serde_json::from_slice(&answer.body)
            .map(Some)
            .map_err(|error| AskError::Garbage(error.to_string())),
        404 => Ok(None),
        status => Err(AskError::Refused(format!("status {status}"))),
    }
}

fn details(
    socket: &RuntimeSocket,
    container: &Container,
    image: &Image,
    redactor: Option<&Redactor>,
) -> ContainerDetails {
    let Container { name, image: id, config } = container;
    let algorithm = if id.is_empty() || id.contains(':') { "" } else { "sha256:" };
    let id = format!("{algorithm}{id}");
    let digests = image.repo_digests.iter().flatten().map(String::as_str);
    let labels = config.labels.iter().flatten();
    let described = Described {
        runtime: Some(socket.runtime()),
        name: name.strip_prefix('/').unwrap_or(name),
        images: std::iter::once(config.image.as_str()).chain(digests).chain([id.as_str()]).collect(),
        labels: labels.map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or(""))).collect(),
        pod: None,
    };
    described.details(redactor)
}

/// Parses any bytes as every kind of answer; for the fuzzer.
pub(super) fn parse_all(bytes: &[u8]) {
    let socket = RuntimeSocket {
        name: "/run/docker.sock".into(),
        path: "/run/docker.sock".into(),
        protocol: super::Protocol::Docker,
    };
    let container = serde_json::from_slice::<Container>(bytes).unwrap_or_default();
    let image = serde_json::from_slice::<Image>(bytes).unwrap_or_default();
    let _ = details(&socket, &container, &image, None);
}
