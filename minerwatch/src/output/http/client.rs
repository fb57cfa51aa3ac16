//! Sends requests to one server.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    time::Duration,
};

use anyhow::Context as _;
use flate2::{Compression, write::GzEncoder};
use ureq::{
    Agent, Proxy, ProxyProtocol,
    http::{self, HeaderName, HeaderValue, Method, header},
};

use super::{Authorization, ConnectionKeys, HttpUrl, Reply};
use crate::{
    credentials,
    output::{SendError, ShippingKeys},
};

/// Maximum size of the header fields of an answer, in bytes.
const MAX_HEADERS: usize = 32 << 10;
/// Number of bytes that are read of an answer that is a message.
const MAX_MESSAGE: u64 = 64 << 10;
/// Time for which an idle connection is kept. Many servers and load balancers close theirs after a minute.
const IDLE: Duration = Duration::from_secs(30);

/// A request to the server of a [`Client`].
pub(in crate::output) struct Request<'a> {
    pub method: Method,
    /// The whole URL.
    pub url: &'a str,
    pub content_type: &'static str,
    /// Header fields besides those of the client.
    pub headers: &'a [(HeaderName, HeaderValue)],
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A POST request without header fields of its own.
    pub fn post(url: &'a str, content_type: &'static str, body: &'a [u8]) -> Self {
        Self { method: Method::POST, url, content_type, headers: &[], body }
    }
}

/// How the body of a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::output) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// Returns the encoding for the key `gzip`.
    pub fn of(gzip: bool) -> Self {
        if gzip { Self::Gzip } else { Self::Plain }
    }
}

/// A client for one server. It keeps a connection open, and reads secrets before each request.
pub(in crate::output) struct Client {
    keys: ConnectionKeys,
    authorization: Authorization,
    encoding: Encoding,
    timeout: Duration,
    /// The connections, and the versions of the files of certificates that they were opened with.
    agent: Option<(Vec<Version>, Agent)>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// The inode, time and size of a file. They change when the file is replaced or written.
type Version = Option<(u64, i64, i64, u64)>;

impl Client {
    /// Creates a client. Connections are opened later. A request with its answer takes at most the time in `shipping`.
    pub fn new(
        keys: &ConnectionKeys,
        authorization: Authorization,
        encoding: Encoding,
        shipping: &ShippingKeys,
    ) -> Self {
        let timeout = Duration::from_secs(shipping.timeout_s);
        Self { keys: keys.clone(), authorization, encoding, timeout, agent: None }
    }

    /// Sends a request, and reads the first 64 KiB of the answer, whatever its status is.
    pub fn send(&mut self, server: &HttpUrl, request: &Request<'_>) -> Result<Reply, SendError> {
        self.send_and(server, request, |_, body| Ok(start(body)))
    }

    /// Sends a request. `read` reads as much of the answer as it needs.
    pub fn send_and(
        &mut self,
        server: &HttpUrl,
        request: &Request<'_>,
        read: impl FnOnce(http::StatusCode, &mut dyn io::Read) -> io::Result<Vec<u8>>,
    ) -> Result<Reply, SendError> {
        let response = self.call(server, request).map_err(|error| {
            // The next attempt begins with a new connection.
            self.agent = None;
            match error {
                CallError::Files(error) => SendError::Denied(format!("{error:#}")),
                CallError::Http(error) => SendError::Unreachable(format!("{server}: {}", reason(&error))),
            }
        })?;
        let (head, body) = response.into_parts();
        let mut body = body.into_reader();
        let body = read(head.status, &mut body)
            .map_err(|error| SendError::Unreachable(format!("{server}: the answer breaks off: {error}")))?;
        Ok(Reply::new(head.status, head.headers, body))
    }

    fn call(
        &mut self,
        server: &HttpUrl,
        request: &Request<'_>,
    ) -> Result<http::Response<ureq::Body>, CallError> {
        let authorization = self.authorization.header()?;
        let fields =
            self.keys.headers_file.as_deref().map(credentials::headers).transpose()?.unwrap_or_default();
        let compressed = match self.encoding {
            Encoding::Plain => None,
            Encoding::Gzip => Some(gzip(request.body).context("compressing a request")?),
        };
        let agent = self.agent(server)?;
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(request.content_type));
        let content_encoding =
            compressed.as_ref().map(|_| (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        let ours = [content_type]
            .into_iter()
            .chain(content_encoding)
            .chain(authorization)
            .chain(request.headers.iter().cloned());
        // A field of the file replaces a field of ours.
        let ours: Vec<_> = ours.filter(|(name, _)| fields.iter().all(|(other, _)| other != name)).collect();
        let mut builder = http::Request::builder().method(request.method.clone()).uri(request.url);
        for (name, value) in ours.into_iter().chain(fields) {
            builder = builder.header(name, value);
        }
        Ok(agent.run(builder.body(compressed.as_deref().unwrap_or(request.body))?)?)
    }

    /// Returns the connections. If a file of certificates has changed, they are new.
    fn agent(&mut self, server: &HttpUrl) -> anyhow::Result<Agent> {
        let files = [&self.keys.ca_file, &self.keys.client_certificate_file, &self.keys.client_key_file];
        let version = |path: &std::path::PathBuf| {
            let data = fs::metadata(path).ok()?;
            Some((data.ino(), data.mtime(), data.mtime_nsec(), data.len()))
        };
        let versions: Vec<Version> = files.into_iter().map(|path| path.as_ref().and_then(version)).collect();
        if let Some((known, agent)) = &self.agent
            && *known == versions
        {
            return Ok(agent.clone());
        }
        let agent = self.connect(server)?;
        self.agent = Some((versions, agent.clone()));
        Ok(agent)
    }

    fn connect(&self, server: &HttpUrl) -> anyhow::Result<Agent> {
        let proxy = match &self.keys.proxy {
            Some(proxy) => Some(Proxy::new(proxy).context("the proxy")?),
            None if server.is_loopback() => None,
            None => Proxy::try_from_env(),
        };
        let is_encrypted = proxy.as_ref().is_some_and(|proxy| proxy.protocol() == ProxyProtocol::Https);
        let mut config = Agent::config_builder()
            .https_only(server.is_https())
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .allow_non_standard_methods(false)
            .proxy(proxy)
            .timeout_global(Some(self.timeout))
            .max_response_header_size(MAX_HEADERS)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(IDLE)
            .user_agent(concat!("minerwatch/", env!("CARGO_PKG_VERSION")));
        if server.is_https() || is_encrypted {
            let tls = credentials::tls(self.keys.ca_file.as_deref(), self.keys.client_certificate())?;
            config = config.tls_config(tls);
        }
        Ok(config.build().new_agent())
    }
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
enum CallError {
    /// A secret or certificate cannot be read.
    #[error(transparent)]
    Files(#[from] anyhow::Error),
    #[error(transparent)]
    Http(#[from] ureq::Error),
}

impl From<http::Error> for CallError {
    fn from(error: http::Error) -> Self {
        Self::Http(error.into())
    }
}

/// Returns the first 64 KiB of an answer, or less if it breaks off.
pub(in crate::output) fn start(body: &mut dyn io::Read) -> Vec<u8> {
    let mut start = Vec::new();
    // The status is known, so a message that breaks off is good enough.
    let _ = body.take(MAX_MESSAGE).read_to_end(&mut start);
    start
}

/// Describes an error without the URL, which may contain a secret.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) => "the URL is not usable".to_owned(),
        ureq::Error::HostNotFound => "the name of the host cannot be resolved".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        other => super::words(other.to_string().as_bytes()),
    }
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
