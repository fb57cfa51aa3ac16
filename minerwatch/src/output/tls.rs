//! The files of a TLS client: the trusted certificates, and its own certificate.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::needs::reads;
use crate::credentials;

/// The files of a TLS client. They are read before each connection, because they may have been renewed.
#[derive(Clone, Debug)]
pub(super) struct TlsFiles {
    /// The certificates that the server's certificate is verified with. `None` means those of the system.
    pub ca: Option<PathBuf>,
    /// The client's certificate and those of its issuers.
    pub certificate: Option<PathBuf>,
    /// The key of the client's certificate.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    /// Checks keys that depend on each other. An error has the key at fault and the message.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.certificate.is_some() != self.key.is_some() {
            let message = "client_certificate_file and client_key_file need each other; give both".to_owned();
            return Err(("client_certificate_file", message));
        }
        Ok(())
    }

    /// Returns the files, each with its key.
    pub fn reads(&self) -> Vec<(&'static str, PathBuf)> {
        reads([
            ("ca_file", &self.ca),
            ("client_certificate_file", &self.certificate),
            ("client_key_file", &self.key),
        ])
    }

    /// Reads the files. Fails if a file cannot be read, or does not contain what it should.
    pub fn config(&self) -> anyhow::Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots()?);
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let (chain, private) = (certificates(certificate)?, private_key(key)?);
                builder.with_client_auth_cert(chain, private).with_context(|| {
                    format!("{} and {} do not belong together", certificate.display(), key.display())
                })
            }
            _ => Ok(builder.with_no_client_auth()),
        }
    }

    fn roots(&self) -> anyhow::Result<RootCertStore> {
        let path = credentials::trusted_file(self.ca.as_deref())?;
        let mut roots = RootCertStore::empty();
        // The system's certificates may include some that the library cannot read.
        if roots.add_parsable_certificates(certificates(path)?).0 == 0 {
            bail!("{} holds no certificate that can verify a server", path.display());
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certificates =
        CertificateDer::pem_slice_iter(credentials::read(path)?.as_bytes()).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.with_context(|| format!("reading {}", path.display()))?;
    if certificates.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(credentials::read(path)?.as_bytes())
        .with_context(|| format!("{} holds no private key", path.display()))
}
