use crate::output::{FilterKeys, Next, Order};

use super::*;

const LATE: Duration = Duration::from_secs(20);

fn target() -> AlertTarget {
    let filter = FilterKeys::default().filter(false);
    AlertTarget { filter, queue: Arc::new(Queue::new(1 << 20)), spool: None }
}

fn alert(line: &'static str) -> OutgoingAlert {
    OutgoingAlert { line: Bytes::from_static(line.as_bytes()), verdict: Some(Verdict::Mining) }
}

fn incidents(state: &Path, number: u64) -> StateFile {
    let bytes = format!("state {number}").into_bytes();
    StateFile { path: state.join("incidents.json"), bytes }
}

fn start(state: &Path) -> Journal {
    Journal::start(state, || {}).unwrap()
}

fn wait(journal: &Journal) {
    let start = Instant::now();
    while journal.is_busy() {
        assert!(start.elapsed() < LATE, "too slow");
        thread::sleep(LOOK);
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LATE, "too slow");
        thread::sleep(LOOK);
    }
}

fn next(queue: &Queue) -> Option<Batch> {
    match queue.next(Order::AsTheyCame, Duration::from_secs(10)) {
        Next::Batch(batch) => Some(batch),
        _ => None,
    }
}

fn texts(alerts: &[OutgoingAlert]) -> Vec<&str> {
    alerts.iter().map(|alert| str::from_utf8(&alert.line).unwrap()).collect()
}

#[test]
fn an_alert_is_in_the_outbox_until_it_is_written() {
    let state = tempfile::tempdir().unwrap();
    let outbox = state.path().join(OUTBOX);
    let journal = start(state.path());
    let target = target();
    let targets: Arc<[AlertTarget]> = Arc::new([target.clone()]);
    journal.hand_over(incidents(state.path(), 7), vec![alert("one\n")], Arc::clone(&targets));
    let batch = next(&target.queue).unwrap();
    wait(&journal);
    assert_eq!(fs::read_to_string(state.path().join("incidents.json")).unwrap(), "state 7");
    assert_eq!(texts(&undelivered(state.path())), ["one\n"], "it may not be written yet");
    target.queue.delivered(Class::Alert, batch.count);
    until(|| !outbox.exists());
    assert!(undelivered(state.path()).is_empty());
}

#[test]
fn a_stalled_output_keeps_its_alerts_in_the_outbox() {
    let state = tempfile::tempdir().unwrap();
    let journal = start(state.path());
    let (stalled, working) = (target(), target());
    let targets: Arc<[AlertTarget]> = Arc::new([stalled.clone(), working.clone()]);
    for (number, line) in (1..).zip(["one\n", "two\n", "three\n"]) {
        journal.hand_over(incidents(state.path(), number), vec![alert(line)], Arc::clone(&targets));
        wait(&journal);
        let batch = next(&working.queue).unwrap();
        assert_eq!(batch.lines, line);
        working.queue.delivered(Class::Alert, batch.count);
    }
    assert_eq!(texts(&undelivered(state.path())), ["one\n", "two\n", "three\n"]);
}

#[test]
fn a_disk_that_fails_holds_up_no_alert() {
    let state = tempfile::tempdir().unwrap();
    let blocked = state.path().join("state");
    fs::write(&blocked, "in the way").unwrap();
    let journal = start(&blocked);
    let target = target();
    let targets: Arc<[AlertTarget]> = Arc::new([target.clone()]);
    journal.hand_over(incidents(&blocked, 1), vec![alert("one\n")], Arc::clone(&targets));
    assert_eq!(next(&target.queue).unwrap().lines, "one\n");
    wait(&journal);
    assert!(journal.written().error.is_some());
    fs::remove_file(&blocked).unwrap();
    journal.hand_over(incidents(&blocked, 2), Vec::new(), targets);
    wait(&journal);
    assert!(journal.written().error.is_none());
    assert!(blocked.join("incidents.json").exists());
}

#[test]
fn an_output_gets_the_verdicts_that_it_wants() {
    let keys = FilterKeys { min_verdict: Some(Verdict::Mining), ..FilterKeys::default() };
    let strict = AlertTarget { filter: keys.filter(false), ..target() };
    let none = AlertTarget { filter: FilterKeys { alerts: false, ..keys }.filter(false), ..target() };
    let alerts = [
        OutgoingAlert { verdict: Some(Verdict::Suspected), ..alert("suspected\n") },
        OutgoingAlert { verdict: None, ..alert("agent\n") },
        alert("mining\n"),
    ];
    strict.take(&alerts);
    none.take(&alerts);
    assert_eq!((strict.queue.alerts(), none.queue.alerts()), (2, 0));
    assert_eq!(next(&strict.queue).unwrap().lines, "agent\n");
}

#[test]
fn a_network_output_has_its_alerts_on_disk() {
    let state = tempfile::tempdir().unwrap();
    let open = || {
        let limits = crate::output::SpoolLimits { bytes: 1 << 24, age: LATE };
        Arc::new(Spool::open("soc".to_owned(), state.path().join("soc.redb"), limits))
    };
    let spooled = AlertTarget { spool: Some(open()), ..target() };
    let journal = start(state.path());
    journal.hand_over(incidents(state.path(), 1), vec![alert("one\n")], Arc::new([spooled.clone()]));
    wait(&journal);
    assert_eq!(spooled.spool.as_ref().unwrap().counters().0.alerts, 1);
    assert_eq!(spooled.queue.alerts(), 0);
    until(|| !state.path().join(OUTBOX).exists());
}

#[test]
fn a_damaged_outbox_is_no_reason_to_stop() {
    let state = tempfile::tempdir().unwrap();
    for content in ["", "{", "[{}]", "[1]", "\u{0}"] {
        fs::write(state.path().join(OUTBOX), content).unwrap();
        assert!(undelivered(state.path()).is_empty(), "{content}");
    }
    fs::remove_file(state.path().join(OUTBOX)).unwrap();
    fs::create_dir(state.path().join(OUTBOX)).unwrap();
    assert!(undelivered(state.path()).is_empty());
}
