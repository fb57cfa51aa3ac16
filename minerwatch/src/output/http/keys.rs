//! The keys that outputs over HTTP share.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ureq::{
    Proxy,
    http::{HeaderName, HeaderValue, header},
};

use super::HttpUrl;
use crate::{
    credentials::SecretSource,
    output::{Needs, host_of, needs::reads, tls::TlsFiles},
    schema::{absolute_path, checked, optional, parsed, section, switch},
};

section! {
    /// Keys of every output over HTTP.
    pub struct ConnectionKeys {
        /// File of certificates (PEM) to verify the server with, instead of the system's certificates.
        pub ca_file: Option<PathBuf> = None, optional(absolute_path());
        /// File with the certificate (PEM) that the output shows to the server, followed by those of its issuers.
        pub client_certificate_file: Option<PathBuf> = None, optional(absolute_path());
        /// File with the private key (PEM) of the certificate. If one of these files has changed, the next request uses a
        /// new connection.
        pub client_key_file: Option<PathBuf> = None, optional(absolute_path());
        /// File with header fields for each request, one `Name: value` per line. It is read before each request.
        pub headers_file: Option<PathBuf> = None, optional(absolute_path());
        /// Proxy for the connection. By default, the environment variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
        /// `NO_PROXY` of the daemon apply, except for servers on this host. A URL with a password is accepted in them only.
        pub proxy: Option<String> = None,
            optional(checked("`\"http://…\"`, `\"https://…\"`, `\"socks5://…\"`", is_proxy));
    }
}

section! {
    /// Keys for the compression of requests.
    pub struct CompressionKeys {
        /// Whether requests are compressed.
        pub gzip: bool = true, switch();
    }
}

section! {
    /// Keys for authentication with a password or a token.
    pub struct LoginKeys {
        /// User for basic authentication.
        pub user: Option<String> = None, optional(checked("a text without `:`", is_user));
        /// File with the password. Files with secrets are read before each request.
        pub password_file: Option<PathBuf> = None, optional(absolute_path());
        /// Environment variable of the daemon with the password.
        pub password_env: Option<String> = None, optional(parsed("the name of a variable"));
        /// File with the token for bearer authentication.
        pub token_file: Option<PathBuf> = None, optional(absolute_path());
        /// Environment variable of the daemon with the token.
        pub token_env: Option<String> = None, optional(parsed("the name of a variable"));
    }
}

fn is_user(user: &str) -> Result<(), String> {
    let fits = !user.is_empty() && !user.contains(':') && !user.chars().any(char::is_control);
    if fits { Ok(()) } else { Err("a user is not empty and contains no colon".to_owned()) }
}

fn is_proxy(proxy: &str) -> Result<(), String> {
    let scheme = proxy.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("http" | "https" | "socks5")) || Proxy::new(proxy).is_err() {
        return Err("a proxy is http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT".to_owned());
    }
    if proxy.contains('@') {
        return Err("a password of a proxy belongs in the environment variable HTTPS_PROXY".to_owned());
    }
    Ok(())
}

/// An error of keys that contradict each other: the key at fault, and the message.
type Conflict = (&'static str, String);

impl ConnectionKeys {
    /// Checks keys that depend on each other.
    ///
    /// # Errors
    ///
    /// The key at fault, and the message.
    pub fn check(&self, url: Option<&HttpUrl>) -> Result<(), Conflict> {
        self.tls_files().check()?;
        let is_plain = url.is_some_and(|url| !url.is_https());
        if is_plain && (self.ca_file.is_some() || self.client_key_file.is_some()) {
            return Err(("url", "http:// has no certificates; write https://".to_owned()));
        }
        if self.headers_file.is_some() && url.is_some_and(|url| !url.keeps_secrets()) {
            let message = "header fields are sent over https only: they may contain a secret".to_owned();
            return Err(("headers_file", message));
        }
        Ok(())
    }

    /// Returns what a connection to a URL needs. With a proxy, the output connects to the proxy only.
    pub fn needs(&self, url: Option<&str>) -> Needs {
        let host = self.proxy.as_deref().or(url).and_then(host_of);
        let mut files = self.tls_files().reads();
        files.extend(reads([("headers_file", &self.headers_file)]));
        Needs { hosts: host.into_iter().collect(), reads: files, ..Needs::default() }
    }

    fn tls_files(&self) -> TlsFiles {
        TlsFiles {
            ca: self.ca_file.clone(),
            certificate: self.client_certificate_file.clone(),
            key: self.client_key_file.clone(),
        }
    }

    /// Returns the paths of the client's certificate and key.
    pub(super) fn client_certificate(&self) -> Option<(&Path, &Path)> {
        self.client_certificate_file.as_deref().zip(self.client_key_file.as_deref())
    }
}

impl LoginKeys {
    /// Checks keys that depend on each other.
    pub(in crate::output) fn check(&self, url: &HttpUrl) -> Result<(), Conflict> {
        let (password, token) = (self.password(), self.token());
        if self.password_file.is_some() && self.password_env.is_some() {
            return Err(("password_env", "password_file is set already; give one of the two".to_owned()));
        }
        if self.token_file.is_some() && self.token_env.is_some() {
            return Err(("token_env", "token_file is set already; give one of the two".to_owned()));
        }
        if self.user.is_some() != password.is_some() {
            return Err((
                "user",
                "user and password_file or password_env need each other; give both".to_owned(),
            ));
        }
        if token.is_some() && password.is_some() {
            return Err(("user", "a request has either a token or a password; remove one".to_owned()));
        }
        if (token.is_some() || password.is_some()) && !url.keeps_secrets() {
            return Err(("url", "credentials are sent over https only, except to this host".to_owned()));
        }
        Ok(())
    }

    /// Returns the files that are read for a login.
    pub(in crate::output) fn reads(&self) -> Vec<(&'static str, PathBuf)> {
        reads([("password_file", &self.password_file), ("token_file", &self.token_file)])
    }

    fn password(&self) -> Option<SecretSource> {
        SecretSource::of(self.password_file.as_deref(), self.password_env.as_deref())
    }

    fn token(&self) -> Option<SecretSource> {
        SecretSource::of(self.token_file.as_deref(), self.token_env.as_deref())
    }

    /// Returns how requests authenticate.
    pub(in crate::output) fn authorization(&self) -> Authorization {
        match (self.token(), self.user.as_ref().zip(self.password())) {
            (Some(token), _) => Authorization::Scheme("Bearer", token),
            (None, Some((user, password))) => Authorization::Basic(user.clone(), password),
            (None, None) => Authorization::None,
        }
    }
}

/// Returns what an output with a login needs from its surroundings.
pub(in crate::output) fn needs_of(connection: &ConnectionKeys, login: &LoginKeys, url: &HttpUrl) -> Needs {
    let mut needs = connection.needs(Some(url.as_str()));
    needs.reads.extend(login.reads());
    needs
}

/// Checks the keys of an output with a login. An error has the key at fault and the message.
pub(in crate::output) fn check_of(
    connection: &ConnectionKeys,
    login: &LoginKeys,
    url: &HttpUrl,
) -> Result<(), (&'static str, String)> {
    connection.check(Some(url))?;
    login.check(url)
}

/// How a request authenticates.
#[derive(Clone, Debug, Default)]
pub(in crate::output) enum Authorization {
    /// Without credentials.
    #[default]
    None,
    /// A user and a password.
    Basic(String, SecretSource),
    /// A secret in the header field `Authorization: SCHEME SECRET`.
    Scheme(&'static str, SecretSource),
}

impl Authorization {
    /// Reads the secret, and returns the header field.
    pub(super) fn header(&self) -> anyhow::Result<Option<(HeaderName, HeaderValue)>> {
        let value = match self {
            Self::None => return Ok(None),
            Self::Basic(user, password) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.read()?.expose())))
            }
            Self::Scheme(scheme, secret) => format!("{scheme} {}", secret.read()?.expose()),
        };
        let mut value = HeaderValue::from_str(&value)
            .ok()
            .context("a secret has characters that a header cannot have")?;
        value.set_sensitive(true);
        Ok(Some((header::AUTHORIZATION, value)))
    }
}
