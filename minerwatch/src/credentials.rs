//! Files that a client of a server needs: trusted certificates, its own certificate, header fields, and secrets.
//!
//! Secrets are never part of an error or of debug output.

mod secret;

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use ureq::{
    http::{HeaderName, HeaderValue},
    tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

pub use secret::{Secret, SecretSource};

/// Maximum size of a file of certificates or headers, in bytes.
const MAX_FILE: u64 = 4 << 20;
/// Paths of the trusted certificates on common distributions.
const SYSTEM_CERTIFICATES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Returns the settings of TLS connections. Without `ca_file`, servers are verified with the system's certificates.
/// `client` has the paths of the client's certificate and key.
///
/// # Errors
///
/// A file cannot be read, or does not contain what it should.
pub fn tls(ca_file: Option<&Path>, client: Option<(&Path, &Path)>) -> anyhow::Result<TlsConfig> {
    let client = client.map(|(chain, key)| client_certificate(chain, key)).transpose()?;
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&certificates(trusted_file(ca_file)?)?))
        .client_cert(client)
        .build())
}

/// Returns the file of the certificates that servers are verified with: `ca_file`, or the system's.
///
/// # Errors
///
/// There is neither.
pub fn trusted_file(ca_file: Option<&Path>) -> anyhow::Result<&Path> {
    let system = || SYSTEM_CERTIFICATES.iter().map(Path::new).find(|path| path.is_file());
    ca_file
        .or_else(system)
        .context("this system has no certificates to check a server against; name some with ca_file")
}

fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate<'static>>> {
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

fn client_certificate(chain: &Path, key: &Path) -> anyhow::Result<ClientCert> {
    let pem = read(key)?;
    let Ok(private) = PrivateKey::from_pem(pem.as_bytes()) else {
        bail!("{} holds no private key", key.display());
    };
    Ok(ClientCert::new_with_certs(&certificates(chain)?, private))
}

/// Reads header fields from a file, one `Name: value` per line. A line that begins with `#` is a comment.
///
/// # Errors
///
/// The file cannot be read, is larger than 4 MiB, or a line is no header field.
pub fn headers(path: &Path) -> anyhow::Result<Vec<(HeaderName, HeaderValue)>> {
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

/// Reads a text file, such as a file of certificates.
///
/// # Errors
///
/// The file cannot be read, is no text, or is larger than 4 MiB.
pub fn read(path: &Path) -> anyhow::Result<String> {
    read_at_most(path, MAX_FILE)
}

fn read_at_most(path: &Path, limit: u64) -> anyhow::Result<String> {
    let named = || format!("reading {}", path.display());
    if !fs::metadata(path).with_context(named)?.is_file() {
        bail!("{} is not a file", path.display());
    }
    let mut text = String::new();
    let mut file = File::open(path).with_context(named)?.take(limit + 1);
    file.read_to_string(&mut text).with_context(named)?;
    if text.len() as u64 > limit {
        bail!("{} is too large: at most {limit} bytes are allowed", path.display());
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
