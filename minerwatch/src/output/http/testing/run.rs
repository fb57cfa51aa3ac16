//! Runs an output with its spool, retries and back-off against a server.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Answer, Fault, Server};
use crate::output::{
    Batch, Class, Document, End, OutputSettings, Queue, Spool, SpooledAlert, queue::CAPACITY,
};

/// Time after which a test has failed.
const LATE: Duration = Duration::from_secs(60);

/// Number of events that are passed on at once.
const PART: u64 = 500;

/// Parses the settings of an output.
pub(in crate::output) fn settings<S: DeserializeOwned>(toml: &str) -> S {
    toml::from_str(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"))
}

/// Returns the document of an event with a number.
pub(in crate::output) fn event(number: u64) -> String {
    format!(
        r#"{{"@timestamp":"2026-11-29T10:{:02}:{:02}.{:09}Z","event":{{"kind":"event","action":"exec","sequence":{number}}},"process":{{"pid":{},"executable":"/usr/bin/true","command_line":"true --number {number}"}},"host":{{"name":"node-1","id":"h1"}},"agent":{{"version":"0.1.0"}}}}"#,
        number / 60_000 % 60,
        number / 1_000 % 60,
        number % 1_000 * 1_000_000,
        number % 4_000_000 + 1,
    )
}

/// Returns the document of an alert with a number. Five alerts in a row are of one incident; the last one closes it.
pub(in crate::output) fn alert(number: u64) -> String {
    let action = match number % 5 {
        0 => "incident-opened",
        4 => "incident-closed",
        _ => "incident-updated",
    };
    format!(
        r#"{{"@timestamp":"2026-11-29T11:{:02}:{:02}.000000000Z","event":{{"id":"alert-{number}","kind":"alert","action":"{action}","severity":95}},"message":"'/tmp/.x' mines","process":{{"pid":{},"executable":"/tmp/.x"}},"minerwatch":{{"incident":{{"id":"incident-{}"}},"verdict":"mining","score":120}},"host":{{"name":"node-1","id":"h1"}},"agent":{{"version":"0.1.0"}}}}"#,
        number / 60 % 60,
        number % 60,
        number + 1,
        number / 5,
    )
}

/// Opens the destination of an output, without spool and retries.
pub(in crate::output) fn open(settings: &impl OutputSettings) -> Box<dyn crate::output::Destination> {
    settings.destination().unwrap()
}

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct Load {
    pub alerts: u64,
    pub events: u64,
}

/// A running output.
pub(in crate::output) struct Run {
    pub queue: Arc<Queue>,
    pub spool: Arc<Spool>,
    thread: thread::JoinHandle<End>,
}

impl Run {
    /// Starts an output with its state in a directory.
    pub fn start(settings: &impl OutputSettings, state: &Path) -> Self {
        settings.check().unwrap();
        let output = settings.open(state).unwrap();
        let queue = Arc::new(Queue::new(CAPACITY));
        let (spool, served) = (output.spool().unwrap(), Arc::clone(&queue));
        Self { queue, spool, thread: thread::spawn(move || output.run(&served)) }
    }

    /// Passes everything on, as fast as the output takes it.
    pub fn send(&self, load: Load) {
        let parts = load.events.div_ceil(PART).max(1);
        for part in 0..parts {
            for number in part * load.alerts / parts..(part + 1) * load.alerts / parts {
                let line = alert(number) + "\n";
                self.spool.add_alerts(&[SpooledAlert { id: number, line: line.into() }]).unwrap();
            }
            self.queue.wake();
            let events = part * PART..((part + 1) * PART).min(load.events);
            let lines: String = events.map(|number| event(number) + "\n").collect();
            if !lines.is_empty() {
                self.queue.push(Batch::new(Class::Event, lines));
            }
            until("room in the queue", || self.queue.counters().waiting_bytes < 2 << 20);
        }
    }

    /// Waits until everything is delivered and nothing was lost.
    pub fn delivered(&self, load: Load) {
        until("everything is delivered", || {
            let counters = self.queue.counters();
            counters.alerts + counters.events + counters.refused >= load.alerts + load.events
                && self.spool.is_empty()
                && counters.waiting == 0
        });
        let counters = self.queue.counters();
        assert_eq!((counters.alerts_dropped, counters.events_dropped), (0, 0), "{counters:?}");
        assert_eq!((counters.alerts, counters.events, counters.refused), (load.alerts, load.events, 0));
    }

    /// Ends the output.
    pub fn end(self) {
        self.queue.close();
        assert_eq!(self.thread.join().unwrap(), End::Closed);
    }
}

/// Sends everything through an output to a server with all faults, and waits until it is delivered.
pub(in crate::output) fn deliver_through_faults(server: &Server, settings: &impl OutputSettings, load: Load) {
    server.add_faults(usual_faults());
    let directory = tempfile::tempdir().unwrap();
    let run = Run::start(settings, directory.path());
    run.send(load);
    run.delivered(load);
    run.end();
}

/// Waits until something holds.
pub(in crate::output) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LATE, "too slow: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns documents of one class.
pub(in crate::output) fn documents(class: Class, texts: impl IntoIterator<Item = String>) -> Vec<Document> {
    texts.into_iter().map(|text| Document { class, json: text.into() }).collect()
}

/// Checks that everything arrived at least once, and returns how often something arrived again.
pub(in crate::output) fn repeats(arrived: &BTreeMap<String, u64>, load: Load) -> u64 {
    let of = |prefix: &str| arrived.keys().filter(|id| id.starts_with(prefix)).count() as u64;
    assert_eq!((of("alert-"), of("event-")), (load.alerts, load.events), "what arrived");
    arrived.values().map(|count| count - 1).sum()
}

/// Returns the id of a document that [`alert`] or [`event`] made.
pub(in crate::output) fn id(document: &Value) -> String {
    match &document["event"]["id"] {
        Value::String(id) => id.clone(),
        _ => format!("event-{}", document["event"]["sequence"]),
    }
}

/// Faults that every output meets in its test.
fn usual_faults() -> [Fault; 8] {
    [
        Fault::Answers(Answer::new(429, "slow down").with("Retry-After", "1")),
        Fault::Closes,
        Fault::Forgets,
        Fault::IsSlow(Duration::from_millis(200)),
        Fault::Answers(Answer::new(503, "")),
        Fault::BreaksOff,
        Fault::Answers(Answer::new(401, "who are you?")),
        Fault::IsSmall(10_000),
    ]
}
