//! The output `[[sink.syslog]]`: messages of RFC 5424 over UDP, TCP, TLS or a Unix socket.
//!
//! Syslog has no acknowledgement. Over TCP and TLS, the close of a connection takes its place: see [`Sender`].

mod address;
mod datagram;
mod fit;
mod head;
mod link;
mod message;
mod sender;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::{
    address::{Address, Scheme},
    message::Writer,
    sender::Sender,
};
use super::{
    Destination, Filter, FilterKeys, Needs, Output, OutputName, OutputSettings, ShippingKeys,
    shipper::Shipper, tls::TlsFiles,
};
use crate::schema::{absolute_path, between, choice, optional, parsed, section};

/// Lowest value of `max_message_bytes` for OCSF, whose shortest alerts have more than 2,000 bytes.
const OCSF_LEAST: usize = 4_096;

section! {
    /// Keys of `[[sink.syslog]]`.
    pub struct SyslogSettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
            /// The server: `"tls://HOST:PORT"`, `"tcp://HOST:PORT"`, `"udp://HOST:PORT"`, or the socket of the host's own
            /// syslog daemon, `"unix:///dev/log"`. The default ports are 6514 for TLS and 514 for the others.
            pub to: Address, parsed(Address::ACCEPTED);
        }
        /// Format of the message: the JSON object of ECS or OCSF, or a line of CEF.
        pub format: MessageFormat = MessageFormat::Ecs, choice();
        /// Facility of the messages. The severity follows from the alert: 2 (critical) for `mining`, 3 (error) for
        /// `suspected`, 4 (warning) for `noted`, and 6 (informational) for events.
        pub facility: Facility = Facility::Local0, choice();
        /// Maximum size of a message with its header, in bytes; at least 4,096 for OCSF. Lists are left out of a message that would be larger,
        /// and `minerwatch.cut` counts them. rsyslog cuts longer messages than 8,096 bytes unless it is configured otherwise. Over
        /// UDP, a network may lose messages of more than 1,400 bytes.
        pub max_message_bytes: u64 = 8_096, between(1_024, 65_000);
        /// Name that the server's certificate must have, if it is not the host in `to`.
        pub server_name: Option<String> = None, optional(parsed("a domain name or an address"));
        /// File of certificates (PEM) to verify the server with, instead of the system's certificates.
        pub ca_file: Option<PathBuf> = None, optional(absolute_path());
        /// File with the certificate (PEM) that the output shows to the server, followed by those of its issuers.
        pub client_certificate_file: Option<PathBuf> = None, optional(absolute_path());
        /// File with the private key (PEM) of the certificate. The files are read again before each connection.
        pub client_key_file: Option<PathBuf> = None, optional(absolute_path());
    }
}

/// The format of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageFormat {
    /// The JSON object of the Elastic Common Schema, as in a file.
    Ecs,
    /// The JSON object of the Open Cybersecurity Schema Framework.
    Ocsf,
    /// A line in the Common Event Format.
    Cef,
}

/// The facility of a message, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of RFC 5424")]
pub enum Facility {
    User = 1,
    Daemon = 3,
    Auth = 4,
    AuthPriv = 10,
    Local0 = 16,
    Local1 = 17,
    Local2 = 18,
    Local3 = 19,
    Local4 = 20,
    Local5 = 21,
    Local6 = 22,
    Local7 = 23,
}

impl SyslogSettings {
    fn tls_files(&self) -> TlsFiles {
        TlsFiles {
            ca: self.ca_file.clone(),
            certificate: self.client_certificate_file.clone(),
            key: self.client_key_file.clone(),
        }
    }

    fn sender(&self) -> Sender {
        let writer = Writer {
            facility: self.facility,
            format: self.format,
            is_local: self.to.scheme() == Scheme::Unix,
            max_bytes: usize::try_from(self.max_message_bytes).unwrap_or(usize::MAX),
            process: std::process::id(),
        };
        Sender::new(OutputSettings::name(self), self, writer)
    }
}

impl OutputSettings for SyslogSettings {
    fn name(&self) -> String {
        format!("syslog {}", self.name)
    }

    fn naming_key(&self) -> Option<&'static str> {
        Some("name")
    }

    fn filter(&self) -> Filter {
        self.filter.filter(true)
    }

    fn needs(&self) -> Needs {
        let hosts = match &self.to {
            Address::Network { host, .. } => vec![host.clone()],
            Address::Socket(_) => Vec::new(),
        };
        Needs { hosts, reads: self.tls_files().reads(), ..Needs::default() }
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let tls = [&self.ca_file, &self.client_certificate_file, &self.client_key_file];
        let has_tls_keys = tls.iter().any(|file| file.is_some()) || self.server_name.is_some();
        if has_tls_keys && self.to.scheme() != Scheme::Tls {
            return Err((
                "to",
                format!("{} has no certificates; write tls://, or remove the files", self.to),
            ));
        }
        if self.format == MessageFormat::Ocsf && self.max_message_bytes < OCSF_LEAST as u64 {
            let message =
                format!("a message of OCSF needs more; set at least {OCSF_LEAST}, or another format");
            return Err(("max_message_bytes", message));
        }
        self.tls_files().check()
    }

    fn open(&self, state: &Path) -> anyhow::Result<Box<dyn Output>> {
        let sender = Box::new(self.sender());
        Ok(Box::new(Shipper::open(OutputSettings::name(self), &self.shipping, sender, state)))
    }

    fn destination(&self) -> Option<Box<dyn Destination>> {
        Some(Box::new(self.sender()))
    }
}

#[cfg(test)]
mod tests;
