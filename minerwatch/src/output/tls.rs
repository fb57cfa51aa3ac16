//! The files of a TLS client: which servers it trusts, and who it is.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// Maximum size of a file, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// Paths of the trusted certificates on common distributions.
const SYSTEM_CERTIFICATES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

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

    /// Reads the files. Fails if one cannot be read or holds nothing of use.
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
        let system = || SYSTEM_CERTIFICATES.iter().map(Path::new).find(|path| path.is_file());
        let Some(path) = self.ca.as_deref().or_else(system) else {
            bail!("this system has no certificates to check a server against; name some with ca_file");
        };
        let mut roots = RootCertStore::empty();
        // A system's collection may contain old certificates that are of no use.
        if roots.add_parsable_certificates(certificates(path)?).0 == 0 {
            bail!("{} holds no certificate that can verify a server", path.display());
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(&read(path)?).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.with_context(|| format!("reading {}", path.display()))?;
    if certificates.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&read(path)?)
        .with_context(|| format!("{} holds no private key", path.display()))
}

/// Reads a small file.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let named = || format!("reading {}", path.display());
    if !std::fs::metadata(path).with_context(named)?.is_file() {
        bail!("{} is not a file", path.display());
    }
    let mut content = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut content)).with_context(named)?;
    Ok(content)
}
