//! The output `[[sink.kafka]]`: records in topics of Kafka.
//!
//! This output needs the feature `kafka`. Without the feature, a configuration with this output is refused.

#[cfg(feature = "kafka")]
mod producer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    Destination, DocumentFormat, Filter, FilterKeys, Needs, Output, OutputName, OutputSettings, ShippingKeys,
    host_of, needs::reads, shipper::Shipper, tls::TlsFiles,
};
use crate::schema::{absolute_path, checked, choice, optional, parsed, section, switch};

section! {
    /// Keys of `[[sink.kafka]]`. A package has this output if it was built with `--features kafka`.
    pub struct KafkaSettings {
        include {
            pub filter: FilterKeys;
            pub shipping: ShippingKeys;
        }
        required {
            /// Name of the output. Each network output needs its own name.
            pub name: OutputName, parsed(OutputName::ACCEPTED);
            /// Some brokers of the cluster. The output learns the others from them.
            pub brokers: Vec<String>, checked("a list of `\"HOST:PORT\"`", are_brokers);
            /// The topic. It must exist. The key of a record is the id of the host. It determines the partition, so the
            /// records of a host stay in order. A record counts as delivered when all replicas in sync have it.
            pub topic: String, checked("the name of a topic", is_topic);
        }
        /// The topic of events. By default, events go to `topic`.
        pub events_topic: Option<String> = None, optional(checked("the name of a topic", is_topic));
        /// Format of the value of a record.
        pub format: DocumentFormat = DocumentFormat::Ecs, choice();
        /// Whether the connections use TLS.
        pub tls: bool = false, switch();
        /// File of certificates (PEM) to verify brokers with, instead of the system's certificates.
        pub ca_file: Option<PathBuf> = None, optional(absolute_path());
        /// File with the certificate (PEM) that the output shows to a broker, followed by those of its issuers.
        pub client_certificate_file: Option<PathBuf> = None, optional(absolute_path());
        /// File with the private key (PEM) of the certificate. Files are read again before each connection.
        pub client_key_file: Option<PathBuf> = None, optional(absolute_path());
        /// Mechanism for authentication (SASL).
        pub sasl: Option<SaslMechanism> = None, optional(choice());
        /// User for authentication.
        pub user: Option<String> = None, optional(parsed("a text"));
        /// File with the password. White space around the password is ignored.
        pub password_file: Option<PathBuf> = None, optional(absolute_path());
    }
}

/// A mechanism for authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaslMechanism {
    /// The password itself, over TLS only.
    Plain,
    /// A challenge and response with SHA-256. The password is not sent.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// A challenge and response with SHA-512. The password is not sent.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

fn are_brokers(brokers: &[String]) -> Result<(), String> {
    let is_broker = |broker: &&String| {
        let parts = broker.rsplit_once(':');
        parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0))
    };
    match brokers.iter().find(|broker| !is_broker(broker)) {
        Some(broker) => Err(format!("`{broker}` is not HOST:PORT")),
        None if brokers.is_empty() => Err("at least one broker is needed".to_owned()),
        None => Ok(()),
    }
}

fn is_topic(topic: &str) -> Result<(), String> {
    const MOST: usize = 249;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=MOST).contains(&topic.len()) && topic.bytes().all(fits) && topic != "." && topic != ".." {
        Ok(())
    } else {
        Err(format!("`{topic}` is not a topic: a topic has 1 to {MOST} letters, digits, `.`, `_` and `-`"))
    }
}

impl KafkaSettings {
    fn tls_files(&self) -> TlsFiles {
        TlsFiles {
            ca: self.ca_file.clone(),
            certificate: self.client_certificate_file.clone(),
            key: self.client_key_file.clone(),
        }
    }
}

impl OutputSettings for KafkaSettings {
    fn name(&self) -> String {
        format!("kafka {}", self.name)
    }

    fn naming_key(&self) -> Option<&'static str> {
        Some("name")
    }

    fn filter(&self) -> Filter {
        self.filter.filter(true)
    }

    fn needs(&self) -> Needs {
        // The brokers name the other brokers of the cluster. The operator must add those to the drop-in.
        let hosts = self.brokers.iter().filter_map(|broker| host_of(&format!("kafka://{broker}")));
        let mut files = self.tls_files().reads();
        files.extend(reads([("password_file", &self.password_file)]));
        Needs { hosts: hosts.collect(), reads: files, ..Needs::default() }
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        if cfg!(not(feature = "kafka")) {
            let message = "this build has no Kafka output; build it with `--features kafka`".to_owned();
            return Err(("name", message));
        }
        if !self.tls && (self.ca_file.is_some() || self.client_key_file.is_some()) {
            return Err((
                "tls",
                "the certificates are for TLS; set tls = true, or remove the files".to_owned(),
            ));
        }
        let login = [self.sasl.is_some(), self.user.is_some(), self.password_file.is_some()];
        if login.contains(&true) && login.contains(&false) {
            return Err(("sasl", "a login needs sasl, user and password_file; give all three".to_owned()));
        }
        if self.sasl == Some(SaslMechanism::Plain) && !self.tls {
            let message =
                "plain shows the password to the network; set tls = true, or use scram-sha-512".to_owned();
            return Err(("sasl", message));
        }
        self.tls_files().check()
    }

    fn open(&self, state: &Path) -> anyhow::Result<Box<dyn Output>> {
        let Some(destination) = self.destination() else {
            anyhow::bail!("this build has no Kafka output; build it with `--features kafka`");
        };
        Ok(Box::new(Shipper::open(OutputSettings::name(self), &self.shipping, destination, state)))
    }

    fn destination(&self) -> Option<Box<dyn Destination>> {
        #[cfg(feature = "kafka")]
        return Some(Box::new(producer::Producer::new(self)));
        #[cfg(not(feature = "kafka"))]
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(keys: &str) -> Result<Config, String> {
        let text = format!("[[sink.kafka]]\nname = 'k'\n{keys}");
        Config::parse(&text, Path::new("m.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn brokers_and_topics_are_checked() {
        for keys in [
            "brokers = []\ntopic = 't'",
            "brokers = ['h']\ntopic = 't'",
            "brokers = ['h:0']\ntopic = 't'",
            "brokers = ['h:9092']\ntopic = ''",
            "brokers = ['h:9092']\ntopic = 'a b'",
        ] {
            assert!(parse(keys).is_err(), "{keys}");
        }
    }

    #[cfg(not(feature = "kafka"))]
    #[test]
    fn a_build_without_kafka_refuses_the_output() {
        let error = parse("brokers = ['h:9092']\ntopic = 't'").unwrap_err();
        assert!(error.contains("this build has no Kafka output"), "{error}");
    }

    #[cfg(feature = "kafka")]
    #[test]
    fn keys_that_do_not_fit_together_are_refused() {
        let with = |more: &str| parse(&format!("brokers = ['h:9092']\ntopic = 't'\n{more}"));
        assert!(with("").is_ok());
        for (more, words) in [
            ("ca_file = '/ca.pem'", "set tls = true"),
            ("user = 'u'", "give all three"),
            ("sasl = 'plain'\nuser = 'u'\npassword_file = '/p'", "shows the password"),
            ("tls = true\nclient_key_file = '/k'", "give both"),
        ] {
            let error = with(more).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        assert!(with("sasl = 'scram-sha-256'\nuser = 'u'\npassword_file = '/p'").is_ok());
    }
}
