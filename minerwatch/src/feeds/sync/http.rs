//! Sends one GET request over HTTP or HTTPS. HTTPS servers are verified with the system's certificates or a given file.
//! Redirects are not followed, and size and time are limited.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use ureq::{
    Agent,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

use super::request::{Answer, Request};

/// Timeout of the whole request.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Timeout for connecting, and then for the start of the response.
const FIRST_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_HEADERS: usize = 32 << 10;
/// Maximum number of bytes that are read from a file of certificates or headers.
const MAX_FILE: u64 = 4 << 20;
/// Paths of the trusted certificates on common distributions.
const SYSTEM_CERTIFICATES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

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
    for (name, value) in headers_file.map(headers).transpose()?.unwrap_or_default() {
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
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&certificates(ca_file)?))
            .build();
        config = config.tls_config(tls);
    }
    Ok(config.build().new_agent())
}

fn certificates(ca_file: Option<&Path>) -> anyhow::Result<Vec<Certificate<'static>>> {
    let system = || SYSTEM_CERTIFICATES.iter().map(Path::new).find(|path| path.is_file());
    let Some(path) = ca_file.or_else(system) else {
        bail!("this system has no certificates to check a server against; name some with ca_file");
    };
    let pem = read(path)?;
    let certificates: Vec<_> = parse_pem(pem.as_bytes())
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            Ok(_) | Err(_) => None,
        })
        .collect();
    if certificates.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(certificates)
}

/// Reads header fields from a file, one `Name: value` per line. A line that begins with `#` is a comment.
fn headers(path: &Path) -> anyhow::Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = Vec::new();
    for (line, number) in read(path)?.lines().zip(1..) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let field = line.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse().ok()?, value))
        });
        // The line may contain a secret, so the message does not quote it.
        let Some(field) = field else { bail!("{}:{number}: is not `Name: value`", path.display()) };
        headers.push(field);
    }
    Ok(headers)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let named = || format!("reading {}", path.display());
    if !fs::metadata(path).with_context(named)?.is_file() {
        bail!("{} is not a file", path.display());
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text)).with_context(named)?;
    Ok(text)
}

fn text(response: &Response<ureq::Body>, name: &HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}
