use std::{collections::BTreeMap, sync::Mutex, thread, time::Instant};

use super::*;
use crate::output::Delivery;

const LATE: Duration = Duration::from_secs(30);

/// What a server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Fine,
    Gone,
    /// Takes everything, and then does not answer.
    Mute,
    Busy,
    Denies,
    /// Takes requests of at most this many documents.
    Small(usize),
    /// Takes every other document, and the rest later.
    Half,
    /// Refuses every request.
    Refuses,
    /// Stays in a request.
    Stuck,
}

#[derive(Debug)]
struct Server {
    mood: Mood,
    /// How often each document arrived.
    arrived: BTreeMap<String, usize>,
    order: Vec<String>,
}

#[derive(Clone, Debug)]
struct SharedServer(Arc<Mutex<Server>>);

impl SharedServer {
    fn new(mood: Mood) -> Self {
        Self(Arc::new(Mutex::new(Server { mood, arrived: BTreeMap::new(), order: Vec::new() })))
    }

    fn set(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    fn mood(&self) -> Mood {
        self.0.lock().unwrap().mood
    }

    fn order(&self) -> Vec<String> {
        self.0.lock().unwrap().order.clone()
    }

    fn take(&self, document: &Document) {
        let text = String::from_utf8(document.json.to_vec()).unwrap();
        let mut server = self.0.lock().unwrap();
        *server.arrived.entry(text.clone()).or_default() += 1;
        server.order.push(text);
    }
}

impl Destination for SharedServer {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        while self.mood() == Mood::Stuck {
            thread::sleep(Duration::from_millis(5));
        }
        let bad = documents.iter().position(|document| document.json.windows(3).any(|part| part == b"bad"));
        match self.mood() {
            Mood::Gone => return Err(SendError::Unreachable("connection refused".to_owned())),
            Mood::Busy => {
                return Err(SendError::Busy {
                    after: Some(Duration::from_millis(20)),
                    words: "429".to_owned(),
                });
            }
            Mood::Denies => return Err(SendError::Denied("401".to_owned())),
            Mood::Refuses => return Err(SendError::Refused("400".to_owned())),
            Mood::Small(most) if documents.len() > most => return Err(SendError::TooLarge("413".to_owned())),
            Mood::Half => {
                for document in documents.iter().step_by(2) {
                    self.take(document);
                }
                let later = (0..documents.len()).skip(1).step_by(2).collect();
                return Ok(Delivery { later, words: "429".to_owned(), ..Delivery::default() });
            }
            Mood::Fine | Mood::Mute | Mood::Small(_) | Mood::Stuck => {}
        }
        if bad.is_some() {
            return Err(SendError::Refused("400 mapping".to_owned()));
        }
        for document in documents {
            self.take(document);
        }
        if self.mood() == Mood::Mute {
            return Err(SendError::Unreachable("no answer".to_owned()));
        }
        Ok(Delivery::complete("ok"))
    }
}

struct Running {
    queue: Arc<Queue>,
    spool: Arc<Spool>,
    thread: thread::JoinHandle<End>,
}

fn open(state: &Path, server: &SharedServer) -> Shipper {
    Shipper::open("soc".to_owned(), &ShippingKeys::default(), Box::new(server.clone()), state)
}

fn run(state: &Path, server: &SharedServer) -> Running {
    let shipper = Box::new(open(state, server));
    let queue = Arc::new(Queue::new(crate::output::queue::CAPACITY));
    let (spool, filled) = (Arc::clone(&shipper.spool), Arc::clone(&queue));
    Running { queue, spool, thread: thread::spawn(move || shipper.run(&filled)) }
}

impl Running {
    fn alert(&self, id: u64) {
        let line = format!("alert {id:06}\n");
        self.spool.add_alerts(&[crate::output::SpooledAlert { id, line: line.into() }]).unwrap();
        self.queue.wake();
    }

    fn events(&self, numbers: std::ops::Range<u64>) {
        let lines: Vec<String> = numbers.map(|number| format!("event {number:06}\n")).collect();
        self.queue.push(Batch::new(Class::Event, lines.concat()));
    }

    fn end(self) {
        self.queue.close();
        assert_eq!(self.thread.join().unwrap(), End::Closed);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LATE, "too slow: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_mood_of_a_server_ends_with_everything_delivered_in_order() {
    for mood in [
        Mood::Gone,
        Mood::Mute,
        Mood::Busy,
        Mood::Denies,
        Mood::Small(1),
        Mood::Small(7),
        Mood::Half,
        Mood::Refuses,
    ] {
        let directory = tempfile::tempdir().unwrap();
        let server = SharedServer::new(mood);
        let running = run(directory.path(), &server);
        for number in 0..20 {
            running.events(number * 100..(number + 1) * 100);
            running.alert(number);
        }
        if !matches!(mood, Mood::Small(_) | Mood::Half) {
            until("it fails", || running.queue.counters().failing);
            assert!(running.queue.counters().last_error.is_some());
        }
        server.set(Mood::Fine);
        until(&format!("{mood:?}"), || {
            let counters = running.queue.counters();
            running.spool.is_empty() && counters.waiting == 0 && !counters.failing
        });
        let order = server.order();
        let mut seen = std::collections::BTreeSet::new();
        let first: Vec<&String> = order.iter().filter(|text| seen.insert((*text).clone())).collect();
        let of = |kind: &str| first.iter().filter(|text| text.starts_with(kind)).count();
        assert_eq!((of("alert"), of("event")), (20, 2_000), "{mood:?}");
        if mood != Mood::Half {
            let alerts: Vec<&&String> = first.iter().filter(|text| text.starts_with("alert")).collect();
            assert!(alerts.is_sorted(), "{mood:?}");
        }
        let counters = running.queue.counters();
        assert_eq!((counters.alerts, counters.events, counters.refused), (20, 2_000, 0), "{mood:?}");
        if mood != Mood::Mute {
            assert_eq!(order.len(), 2_020, "{mood:?}: nothing arrived twice");
        }
        running.end();
    }
}

#[test]
fn a_poison_document_goes_to_the_dead_letters_and_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let server = SharedServer::new(Mood::Fine);
    let running = run(directory.path(), &server);
    running.alert(1);
    until("the first", || server.order().len() == 1);
    running.spool.add_alerts(&[crate::output::SpooledAlert { id: 2, line: "{\"bad\":2}\n".into() }]).unwrap();
    running.alert(3);
    running.queue.push(Batch::new(Class::Event, "\"event 1\"\n\"bad event\"\n\"event 2\"\n"));
    until("the others", || running.queue.counters().refused == 2 && running.spool.is_empty());
    until("the events", || server.order().len() == 4);
    let text = std::fs::read_to_string(directory.path().join("spool/soc.dead-letters.jsonl")).unwrap();
    let mut dead: Vec<&str> = text.lines().collect();
    dead.sort_unstable();
    assert_eq!(
        dead,
        [
            "{\"reason\":\"400 mapping\",\"document\":\"bad event\"}",
            "{\"reason\":\"400 mapping\",\"document\":{\"bad\":2}}",
        ]
    );
    let counters = running.queue.counters();
    assert_eq!((counters.alerts, counters.events, counters.waiting), (2, 2, 0));
    running.end();
}

#[test]
fn a_server_that_refuses_everything_is_doubted_first() {
    let directory = tempfile::tempdir().unwrap();
    let server = SharedServer::new(Mood::Refuses);
    let running = run(directory.path(), &server);
    running.alert(1);
    until("it fails", || running.queue.counters().failing);
    assert_eq!(running.queue.counters().refused, 0);
    server.set(Mood::Fine);
    until("it arrives", || server.order().len() == 1);
    running.end();
}

#[test]
fn a_stuck_server_delays_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let server = SharedServer::new(Mood::Stuck);
    let running = run(directory.path(), &server);
    let start = Instant::now();
    for number in 0..500 {
        running.alert(number);
        running.events(number * 200..(number + 1) * 200);
    }
    assert!(start.elapsed() < LATE / 2, "{:?}", start.elapsed());
    let counters = running.queue.counters();
    assert_eq!(running.spool.counters().0.alerts, 500, "on disk while the server is stuck");
    assert!(counters.waiting_bytes < 9 << 20);
    server.set(Mood::Fine);
    until("the alerts", || running.queue.counters().alerts == 500);
    running.end();
}

#[test]
fn events_that_come_faster_than_the_destination_takes_them_wait_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let server = SharedServer::new(Mood::Stuck);
    let running = run(directory.path(), &server);
    running.events(0..10);
    thread::sleep(Duration::from_millis(500));
    // About 4 MiB, half of the queue.
    for number in 1..30 {
        running.events(number * 10_000..(number + 1) * 10_000);
    }
    server.set(Mood::Small(1_000_000));
    until("the events", || running.queue.counters().events == 290_010);
    let counters = running.queue.counters();
    assert_eq!((counters.events_dropped, counters.failures), (0, 0));
    assert!(running.spool.is_empty());
    running.end();
}

#[test]
fn what_is_not_delivered_at_the_end_is_delivered_after_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let server = SharedServer::new(Mood::Gone);
    let running = run(directory.path(), &server);
    running.alert(1);
    until("it fails", || running.queue.counters().failing);
    running.events(0..50);
    let start = Instant::now();
    running.end();
    assert!(start.elapsed() < Duration::from_secs(2), "a pause does not delay the end");
    server.set(Mood::Fine);
    let running = run(directory.path(), &server);
    until("everything", || server.order().len() == 51);
    assert_eq!(server.order().first().map(String::as_str), Some("alert 000001"), "alerts come first");
    until("the spool", || running.spool.is_empty());
    running.end();
}

#[test]
fn alerts_that_the_disk_does_not_take_go_out_from_memory() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("spool"), "in the way").unwrap();
    let server = SharedServer::new(Mood::Gone);
    let running = run(directory.path(), &server);
    running.queue.push(Batch::new(Class::Alert, "alert 1\n"));
    running.events(0..10);
    until("it fails", || running.queue.counters().failing);
    server.set(Mood::Fine);
    until("everything", || server.order().len() == 11);
    assert_eq!(server.order().first().map(String::as_str), Some("alert 1"));
    running.end();
}
