//! Sends records to Kafka.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use rskafka::{
    BackoffConfig,
    chrono::DateTime,
    client::{
        Client, ClientBuilder, Credentials, SaslConfig,
        error::{Error, ProtocolError},
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::runtime::{Builder, Runtime};

use super::{DocumentFormat, KafkaSettings, SaslMechanism};
use crate::{
    credentials::SecretSource,
    ecs::read::{milliseconds, text},
    output::{Class, Delivery, Destination, Document, Refusal, SendError},
};

/// Maximum size of an answer of a broker, in bytes. The list of the topics is the largest answer.
const MAX_ANSWER: usize = 16 << 20;

/// The connection to a cluster. The library is asynchronous, so a runtime runs inside each call.
#[derive(Debug)]
pub(super) struct Producer {
    settings: KafkaSettings,
    timeout: Duration,
    runtime: Option<Runtime>,
    client: Option<Client>,
    /// The open partition of each topic.
    partitions: BTreeMap<String, PartitionClient>,
}

impl Producer {
    /// Creates a producer. It connects when it first sends documents.
    pub fn new(settings: &KafkaSettings) -> Self {
        Self {
            timeout: Duration::from_secs(settings.shipping.timeout_s),
            settings: settings.clone(),
            runtime: None,
            client: None,
            partitions: BTreeMap::new(),
        }
    }

    fn topic(&self, class: Class) -> String {
        let events = self.settings.events_topic.as_ref().filter(|_| class == Class::Event);
        events.unwrap_or(&self.settings.topic).clone()
    }

    async fn produce(&mut self, topic: String, records: Vec<Record>) -> Result<(), SendError> {
        let partition = match self.partitions.entry(topic) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let client = match &self.client {
                    Some(client) => client,
                    None => self.client.insert(connect(&self.settings, self.timeout).await?),
                };
                let key = records.first().and_then(|record| record.key.as_deref()).unwrap_or_default();
                let partition = open(client, place.key(), key).await?;
                place.insert(partition)
            }
        };
        partition.produce(records, Compression::Gzip).await.map_err(|error| failure(&error))?;
        Ok(())
    }
}

/// Connects to the cluster.
async fn connect(settings: &KafkaSettings, timeout: Duration) -> Result<Client, SendError> {
    // The library repeats failed calls. The shipper does that, too, so the library gets half of the time.
    let backoff = BackoffConfig { deadline: Some(timeout / 2), ..BackoffConfig::default() };
    let mut builder = ClientBuilder::new(settings.brokers.clone())
        .client_id("minerwatch")
        .max_message_size(MAX_ANSWER)
        .backoff_config(backoff);
    let denied = |error| SendError::Denied(format!("{error:#}"));
    if settings.tls {
        builder = builder.tls_config(Arc::new(settings.tls_files().config().map_err(denied)?));
    }
    if let Some(sasl) = sasl(settings).map_err(denied)? {
        builder = builder.sasl_config(sasl);
    }
    builder.build().await.map_err(|error| failure(&error))
}

fn sasl(settings: &KafkaSettings) -> anyhow::Result<Option<SaslConfig>> {
    let KafkaSettings { sasl: Some(mechanism), user: Some(user), password_file: Some(path), .. } = settings
    else {
        return Ok(None);
    };
    let password = SecretSource::File(path.clone()).read()?;
    let credentials = Credentials::new(user.clone(), password.expose().to_owned());
    Ok(Some(match mechanism {
        SaslMechanism::Plain => SaslConfig::Plain(credentials),
        SaslMechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
        SaslMechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
    }))
}

/// Opens the partition of a topic for a key.
async fn open(client: &Client, topic: &str, key: &[u8]) -> Result<PartitionClient, SendError> {
    let topics = client.list_topics().await.map_err(|error| failure(&error))?;
    let found = topics.iter().find(|found| found.name == topic);
    let numbers: Vec<i32> = found.map(|found| found.partitions.iter().copied().collect()).unwrap_or_default();
    let Some(number) = chosen(key, &numbers) else {
        return Err(SendError::Unreachable(format!("the brokers know no topic {topic}; create it")));
    };
    let partition = client.partition_client(topic, number, UnknownTopicHandling::Error).await;
    partition.map_err(|error| failure(&error))
}

/// Returns the partition for a key. It stays the same while the number of partitions stays the same.
fn chosen(key: &[u8], partitions: &[i32]) -> Option<i32> {
    let hash = Sha256::digest(key);
    let number = hash.iter().take(4).fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    partitions.get(number.checked_rem(partitions.len())?).copied()
}

fn failure(error: &Error) -> SendError {
    let words = error.to_string();
    match error {
        Error::ServerError { protocol_error, .. } => match protocol_error {
            ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge => SendError::TooLarge(words),
            ProtocolError::TopicAuthorizationFailed
            | ProtocolError::ClusterAuthorizationFailed
            | ProtocolError::SaslAuthenticationFailed => SendError::Denied(words),
            ProtocolError::InvalidRecord => SendError::Refused(words),
            ProtocolError::UnknownTopicOrPartition => {
                SendError::Unreachable(format!("the topic does not exist; create it ({words})"))
            }
            _ => SendError::Unreachable(words),
        },
        // For the other errors, the library only has a text with the errors of all brokers.
        _ if words.contains("Sasl handshake failed") => SendError::Denied(words),
        _ => SendError::Unreachable(words),
    }
}

/// Returns the records of documents, and the documents that are not JSON. The key of a record is the id of the host.
fn records(format: DocumentFormat, documents: &[Document]) -> (Vec<Record>, Vec<Refusal>) {
    let mut records = Vec::new();
    let mut refused = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let object: Value = match serde_json::from_slice(&document.json) {
            Ok(object) => object,
            Err(error) => {
                refused.push(Refusal { index, reason: format!("the line is not JSON: {error}") });
                continue;
            }
        };
        let value = format.encode(&document.json).to_vec();
        let host = text(&object, "host.id").or_else(|| text(&object, "host.name")).unwrap_or_default();
        records.push(Record {
            key: Some(host.as_bytes().to_vec()),
            value: Some(value),
            headers: BTreeMap::new(),
            timestamp: milliseconds(&object, "@timestamp")
                .and_then(DateTime::from_timestamp_millis)
                .unwrap_or_default(),
        });
    }
    (records, refused)
}

impl Destination for Producer {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let Some(class) = documents.first().map(|document| document.class) else {
            return Ok(Delivery::default());
        };
        let (records, refused) = records(self.settings.format, documents);
        if records.is_empty() {
            return Ok(Delivery { refused, ..Delivery::default() });
        }
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| SendError::Unreachable(format!("starting the client: {error}")))?,
        };
        let topic = self.topic(class);
        let limit = self.timeout;
        let sent =
            runtime.block_on(async { tokio::time::timeout(limit, self.produce(topic, records)).await });
        let sent = sent.unwrap_or_else(|_| {
            Err(SendError::Unreachable(format!("no answer of the brokers within {} s", limit.as_secs())))
        });
        match sent {
            Ok(()) => {
                self.runtime = Some(runtime);
                Ok(Delivery { refused, ..Delivery::complete("all replicas in sync have it") })
            }
            Err(error) => {
                // After an error, the next call opens everything again. The end of the runtime ends the connections.
                self.partitions.clear();
                self.client = None;
                runtime.shutdown_background();
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
