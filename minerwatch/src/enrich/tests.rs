//! Tests of the whole stage with the processes of this machine.

use std::{os::unix::fs::MetadataExt, sync::mpsc::channel, time::Duration};

use super::*;
use crate::model::{ExecutableFlags, Fork, RunningProcess};

const NOW: BootTime = BootTime(9);

fn own_event() -> Event {
    let snapshot = snapshot::take(NOW, 100_000).expect("procfs is mounted");
    let own = |event: &Event| {
        event.subject.key.pid == std::process::id() && matches!(event.body, EventBody::RunningProcess(_))
    };
    snapshot.events.into_iter().find(own).expect("this test runs")
}

fn running(event: &Event) -> &RunningProcess {
    match &event.body {
        EventBody::RunningProcess(running) => running,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_running_process_gets_its_user_and_its_hash() {
    let (wake, woken) = channel();
    // The executable of this test contains debug information, so it may be larger than the default limit.
    let hash = HashSettings { max_size: u64::MAX, rate: u64::MAX };
    let settings = EnrichSettings { hash: Some(hash), ..EnrichSettings::default() };
    let mut enricher = Enricher::new(settings, move || {
        let _ = wake.send(());
    });
    let mut event = own_event();
    enricher.enrich(&mut event);
    if event.subject.uid == 0 {
        assert_eq!(running(&event).credentials.user.as_deref(), Some("root"));
    }
    let mut events = Vec::new();
    enricher.take_findings(NOW, &mut events);
    if events.is_empty() {
        woken.recv_timeout(Duration::from_secs(60)).expect("an answer");
        enricher.take_findings(NOW, &mut events);
    }
    let [Event { subject, body: EventBody::HashedFile(hashed), .. }] = events.as_slice() else {
        panic!("{events:?}: {:?}", enricher.counters());
    };
    assert_eq!(subject.key, event.subject.key);
    let own = std::fs::metadata("/proc/self/exe").expect("this test runs");
    assert_eq!(hashed.file.inode, own.ino());
    assert_eq!(hashed.sha256.len(), 64);
    // For the next process that runs the file, the hash comes with the batch.
    enricher.enrich(&mut event);
    events.clear();
    enricher.take_findings(NOW, &mut events);
    assert_eq!(events.len(), 1);
}

#[test]
fn without_hashing_nothing_is_read() {
    let settings = EnrichSettings { hash: None, ..EnrichSettings::default() };
    let mut enricher = Enricher::new(settings, || {});
    let mut event = own_event();
    enricher.enrich(&mut event);
    assert_eq!(enricher.counters().hashes, HashCounters::default());
    assert_eq!(running(&event).executable.flags, ExecutableFlags::default());
}

#[test]
fn a_container_that_is_known_stays() {
    let settings = EnrichSettings { hash: None, ..EnrichSettings::default() };
    let mut enricher = Enricher::new(settings, || {});
    let container = container::parse("/system.slice/web.service").map(std::sync::Arc::new);
    let mut event = own_event();
    event.subject.container.clone_from(&container);
    event.body = EventBody::Fork(Fork { parent: event.subject.key, name: "x".into() });
    enricher.enrich(&mut event);
    assert_eq!(event.subject.container, container);
}
