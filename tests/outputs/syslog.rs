//! The syslog output with a real rsyslog.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use minerwatch::{
    config::Config,
    output::{Batch, Class, SpooledAlert, Worker},
};
use minerwatch_tests::{Scratch, notes::note};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::rsyslog::{Listener, Rsyslog};

/// The fields of a message as rsyslog reads them.
const FIELDS: &str =
    "%pri%|%timereported:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%structured-data%|%msg%";

/// Time limit for everything to arrive.
const LATE: Duration = Duration::from_secs(120);

/// A syslog output that runs in this process.
struct Running {
    worker: Worker,
    _state: Scratch,
}

impl Running {
    fn start(to: &str, keys: &str) -> Self {
        let text = format!("[[sink.syslog]]\nname = \"soc\"\nto = \"{to}\"\n{keys}");
        let config = Config::parse(&text, Path::new("test.toml")).expect("a configuration");
        let state = Scratch::new();
        let settings = config.sink.all();
        let settings = settings.last().expect("the output");
        let mut worker = Worker::open(*settings, Path::new(&state.join(""))).expect("it opens");
        worker.start().expect("it starts");
        Self { worker, _state: state }
    }

    fn alert(&self, id: u64, object: &Value) {
        let line = format!("{object}\n").into();
        self.worker
            .spool()
            .expect("a spool")
            .add_alerts(&[SpooledAlert { id, line }])
            .expect("the disk works");
        self.worker.queue().wake();
    }

    fn events(&self, lines: String) {
        self.worker.queue().push(Batch::new(Class::Event, lines));
    }

    /// Waits until everything counts as delivered.
    fn drain(&self) {
        let start = Instant::now();
        let spool = self.worker.spool().expect("a spool");
        while !(spool.is_empty() && self.worker.queue().counters().waiting == 0) {
            assert!(start.elapsed() < LATE, "too slow: {:?}", self.worker.counters());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn alert(number: u64) -> Value {
    json!({
        "@timestamp": "2026-11-28T20:22:55.052517630Z",
        "event": {"id": format!("a-{number}"), "kind": "alert", "action": "incident-opened", "severity": 95},
        "host": {"name": "demo"},
        "message": "größe \u{7f} \"quoted\" ] \\ 雪",
        "minerwatch": {"incident": {"id": "1-2-3"}},
    })
}

fn event(number: u64) -> String {
    format!(
        "{{\"@timestamp\":\"2026-11-28T20:22:55.1Z\",\"event\":{{\"id\":\"e-{number}\",\"kind\":\"event\",\"action\":\"exec\"}},\
         \"host\":{{\"name\":\"demo\"}}}}\n"
    )
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LATE, "too slow: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Writes a certificate authority, the certificate of the server for 127.0.0.1, and one of a client.
fn write_certificates(scratch: &Scratch) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
    let ca =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
    fs::write(scratch.join("ca.pem"), ca.pem()).expect("a file can be written");
    for (name, host) in [("server", "127.0.0.1"), ("client", "agent.example.org")] {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &ca).expect("a certificate");
        fs::write(scratch.join(&format!("{name}.pem")), certificate.pem()).expect("a file can be written");
        fs::write(scratch.join(&format!("{name}.key")), key.serialize_pem()).expect("a file can be written");
    }
}

/// The address of the server, and the keys to reach it.
fn address(rsyslog: &Rsyslog, listener: Listener) -> (String, String) {
    let port = rsyslog.port;
    let at = |name: &str| rsyslog.scratch.join(name);
    match listener {
        Listener::Udp => (format!("udp://127.0.0.1:{port}"), String::new()),
        Listener::Tcp => (format!("tcp://127.0.0.1:{port}"), String::new()),
        Listener::Unix => (format!("unix://{}", at("log.sock")), String::new()),
        Listener::Tls(_) => {
            write_certificates(&rsyslog.scratch);
            let keys = format!(
                "ca_file = \"{}\"\nclient_certificate_file = \"{}\"\nclient_key_file = \"{}\"\n",
                at("ca.pem"),
                at("client.pem"),
                at("client.key")
            );
            (format!("tls://127.0.0.1:{port}"), keys)
        }
    }
}

fn arrives_whole(test: &str, listener: Listener) {
    let Some(mut rsyslog) = Rsyslog::new(test, listener, FIELDS) else { return };
    let (to, keys) = address(&rsyslog, listener);
    rsyslog.start();
    let running = Running::start(&to, &keys);
    running.alert(1, &alert(1));
    running.events(event(1));
    running.drain();
    until("both messages", || rsyslog.lines().len() == 2);
    let lines = rsyslog.lines();
    let find = |id: &str| lines.iter().find(|line| line.contains(id)).expect("it is there");
    let (header, message) = find("a-1").split_once('{').expect("JSON");
    assert_eq!(serde_json::from_str::<Value>(&format!("{{{message}")).expect("JSON"), alert(1));
    if listener != Listener::Unix {
        assert_eq!(
            header,
            "130|2026-11-28T20:22:55.052517Z|demo|minerwatch|incident-opened|\
             [minerwatch@32473 id=\"a-1\" incident=\"1-2-3\"]|"
        );
    }
    assert!(find("e-1").contains("{\"@timestamp\":\"2026-11-28T20:22:55.1Z\""));

    // These are about as long as rsyslog allows, and some are longer. Ten fit into the buffer of a UDP socket; what does
    // not fit is lost.
    for number in 0..80_u64 {
        let mut long = alert(number);
        long["message"] = "x".repeat(7_500 + 5 * usize::try_from(number).expect("a small number")).into();
        running.alert(2 + number, &long);
        if number % 10 == 9 {
            running.drain();
            until("ten long messages", || rsyslog.lines().len() as u64 == 3 + number);
        }
    }
    let mut large = alert(80);
    let step = json!({"kind": "exec", "object": "/usr/bin/program"});
    large["minerwatch"]["chain"] = vec![step; 400].into();
    running.alert(82, &large);
    running.drain();
    until("the long messages", || rsyslog.lines().len() == 83);
    let objects: Vec<Value> = rsyslog
        .lines()
        .iter()
        .map(|line| serde_json::from_str(&line[line.find('{').expect("an object")..]).expect("whole JSON"))
        .collect();
    let is_cut = |object: &&Value| object["minerwatch"]["cut"].is_object();
    let cut = objects.iter().filter(is_cut).count();
    assert!((1..80).contains(&cut), "{cut}");
    let last = objects.iter().find(|object| object["event"]["id"] == "a-80").expect("it is there");
    assert_eq!(last["minerwatch"]["cut"]["chain"], 384);

    let counters = running.worker.counters();
    assert_eq!((counters.alerts, counters.events, counters.failures), (82, 1, 0), "{counters:?}");
}

#[test]
fn messages_arrive_whole_over_udp() {
    arrives_whole("messages_arrive_whole_over_udp", Listener::Udp);
}

#[test]
fn messages_arrive_whole_over_tcp() {
    arrives_whole("messages_arrive_whole_over_tcp", Listener::Tcp);
}

#[test]
fn messages_arrive_whole_over_a_unix_socket() {
    arrives_whole("messages_arrive_whole_over_a_unix_socket", Listener::Unix);
}

#[test]
fn messages_arrive_whole_over_tls_with_gnutls() {
    arrives_whole("messages_arrive_whole_over_tls_with_gnutls", Listener::Tls("gtls"));
}

#[test]
fn messages_arrive_whole_over_tls_with_openssl() {
    arrives_whole("messages_arrive_whole_over_tls_with_openssl", Listener::Tls("ossl"));
}

/// Sends 500 alerts and 100,000 events while rsyslog is killed, stopped and frozen.
fn survives(test: &str, listener: Listener) {
    let Some(mut rsyslog) = Rsyslog::new(test, listener, "%msg%") else { return };
    let (to, keys) = address(&rsyslog, listener);
    rsyslog.start();
    let running = Running::start(&to, &format!("{keys}timeout_s = 3\n"));
    for round in 0..50_u64 {
        for number in 0..10 {
            running.alert(round * 10 + number, &alert(round * 10 + number));
        }
        running.events((round * 2_000..(round + 1) * 2_000).map(event).collect());
        match round % 10 {
            2 => rsyslog.kill(),
            4 => rsyslog.start(),
            6 => rsyslog.freeze(Duration::from_secs(4)),
            8 => {
                rsyslog.stop();
                rsyslog.start();
            }
            _ => thread::sleep(Duration::from_millis(200)),
        }
    }
    running.drain();
    let ids = |lines: &[String], kind: &str| -> BTreeMap<String, usize> {
        let mut ids = BTreeMap::new();
        for line in lines {
            // A message that a kill cut in the middle is no JSON, and counts as not arrived.
            let Ok(object) = serde_json::from_str::<Value>(line) else { continue };
            let id = object["event"]["id"].as_str().expect("an id").to_owned();
            if id.starts_with(kind) {
                *ids.entry(id).or_default() += 1;
            }
        }
        ids
    };
    let lines = rsyslog.lines();
    let (alerts, events) = (ids(&lines, "a-"), ids(&lines, "e-"));
    let counters = running.worker.counters();
    let repeats = alerts.values().sum::<usize>() - alerts.len();
    note(&format!(
        "{test}: {} of 500 alerts and {} of 100,000 events arrived; repeated alerts: {repeats}, events: {}; failures: {}",
        alerts.len(),
        events.len(),
        events.values().sum::<usize>() - events.len(),
        counters.failures,
    ));
    assert_eq!(alerts.len(), 500);
    assert_eq!((counters.alerts_dropped, counters.events_dropped, counters.refused), (0, 0, 0));
    assert!(counters.failures > 0, "rsyslog was away");
    assert!(events.len() > 90_000, "only what a killed server had in its buffers is lost");
}

#[test]
fn every_alert_arrives_over_tcp_although_rsyslog_is_killed() {
    survives("every_alert_arrives_over_tcp_although_rsyslog_is_killed", Listener::Tcp);
}

#[test]
fn every_alert_arrives_over_tls_although_rsyslog_is_killed() {
    survives("every_alert_arrives_over_tls_although_rsyslog_is_killed", Listener::Tls("gtls"));
}
