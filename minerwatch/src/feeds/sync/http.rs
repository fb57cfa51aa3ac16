//! Sends one GET request over HTTP or HTTPS. HTTPS servers are verified with the system's certificates or a given file.
//! Redirects are not followed, and size and time are limited.

use std::{fs::File, io, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use ureq::{
    Agent,
    http::{HeaderName, Response, StatusCode, header},
};

use super::request::{Answer, Request};
use crate::credentials;

/// Timeout of the whole request.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Timeout for connecting, and then for the start of the response.
const FIRST_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_HEADERS: usize = 32 << 10;

/// Fetches a list into a file.
pub(super) fn get(request: &Request<'_>, file: &mut File) -> anyhow::Result<Answer> {
    let Request { url, etag, modified, ca_file, headers_file, limit } = *request;
    let mut builder = agent(url, ca_file)?.get(url);
    if let Some(etag) = etag {
        builder = builder.header(header::IF_NONE_MATCH, etag);
    }
    if let Some(modified) = modified {
        builder = builder.header(header::IF_MODIFIED_SINCE, modified);
    }
    for (name, value) in headers_file.map(credentials::headers).transpose()?.unwrap_or_default() {
        builder = builder.header(name, value);
    }
    let response = builder.call().with_context(|| url.to_owned())?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
        status if status.is_redirection() => match text(&response, &header::LOCATION) {
            Some(location) => {
                bail!("{url} redirects to {location}, which is not followed; configure that URL")
            }
            None => bail!("{url} answers {status}"),
        },
        status => bail!("{url} answers {status}"),
    }
    let answer = Answer::Changed {
        etag: text(&response, &header::ETAG),
        modified: text(&response, &header::LAST_MODIFIED),
    };
    let mut body = response.into_body().into_with_config().limit(limit).reader();
    io::copy(&mut body, file).with_context(|| format!("receiving {url}"))?;
    Ok(answer)
}

fn agent(url: &str, ca_file: Option<&Path>) -> anyhow::Result<Agent> {
    let is_https = url.starts_with("https://");
    let mut config = Agent::config_builder()
        .https_only(is_https)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .timeout_connect(Some(FIRST_TIMEOUT))
        .timeout_recv_response(Some(FIRST_TIMEOUT))
        .max_response_header_size(MAX_HEADERS)
        .user_agent(concat!("minerwatch/", env!("CARGO_PKG_VERSION")));
    if is_https {
        config = config.tls_config(credentials::tls(ca_file, None)?);
    }
    Ok(config.build().new_agent())
}

fn text(response: &Response<ureq::Body>, name: &HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}
