//! Tests with a snapshot of this machine, and with processes that end while they are read.

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::*;
use crate::model::RunningProcess;
use crate::model::{Credentials, Executable, ExecutableFlags, Protocol};

const NOW: BootTime = BootTime(77);

fn running(event: &Event) -> Option<&RunningProcess> {
    match &event.body {
        EventBody::RunningProcess(running) => Some(running),
        _ => None,
    }
}

fn snapshot() -> Snapshot {
    take(NOW, 100_000).expect("procfs is mounted")
}

#[test]
fn this_test_and_its_child_are_found_in_order() {
    let mut child = Command::new("/bin/sleep")
        .arg("1000")
        .current_dir("/tmp")
        .stdin(Stdio::null())
        .spawn()
        .expect("sleep runs");
    // `spawn` returns once the old image is gone. The arguments of the new image are in place a moment later.
    let command_line = format!("/proc/{}/cmdline", child.id());
    let until = Instant::now() + Duration::from_secs(10);
    while std::fs::read(&command_line).is_ok_and(|bytes| bytes.is_empty()) && Instant::now() < until {
        std::thread::yield_now();
    }
    let snapshot = snapshot();
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");

    let position =
        |pid: u32| snapshot.events.iter().position(|event| event.subject.key.pid == pid).expect("it runs");
    let own = position(std::process::id());
    let sleeping = position(child.id());
    assert!(own < sleeping, "parents come first");
    let (own, sleeping) = (&snapshot.events[own], &snapshot.events[sleeping]);
    let found = running(sleeping).expect("a process");
    assert_eq!(found.parent, Some(own.subject.key));
    assert_eq!(found.arguments.iter().map(|text| &**text).collect::<Vec<_>>(), ["/bin/sleep", "1000"]);
    assert_eq!((&*found.name, &*found.directory), ("sleep", "/tmp"));
    assert!(found.executable.path.ends_with("/sleep") && found.executable.file.is_some());
    assert_eq!(found.executable.flags, ExecutableFlags::default());
    assert!(found.namespaces.network != 0 && found.namespaces.mount != 0);
    assert!(!found.kernel_thread);
    assert_eq!(sleeping.time, NOW);
    assert_eq!(sleeping.subject.uid, rustix::process::getuid().as_raw());
    assert!(snapshot.events.iter().all(|event| event.subject.key.pid != 0));
}

#[test]
fn every_parent_comes_before_its_children() {
    let snapshot = snapshot();
    let mut seen = std::collections::HashSet::new();
    for event in &snapshot.events {
        if let Some(parent) = running(event).and_then(|running| running.parent) {
            assert!(seen.contains(&parent), "{parent} comes after {}", event.subject.key);
        }
        seen.insert(event.subject.key);
    }
}

#[test]
fn outbound_connections_have_their_owner() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    let (accepted, _) = listener.accept().expect("connected above");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    datagrams.connect("127.0.0.1:9").expect("loopback");

    let snapshot = snapshot();
    let flows: Vec<_> = snapshot
        .events
        .iter()
        .filter(|event| event.subject.key.pid == std::process::id())
        .filter_map(|event| match &event.body {
            EventBody::RunningFlow(flow) => Some((flow.protocol, flow.source, flow.destination)),
            _ => None,
        })
        .collect();
    let descriptor = client.as_raw_fd();
    let client =
        (Protocol::Tcp, client.local_addr().expect("connected"), client.peer_addr().expect("connected"));
    let server = (Protocol::Tcp, client.2, client.1);
    let udp =
        (Protocol::Udp, datagrams.local_addr().expect("bound"), datagrams.peer_addr().expect("connected"));
    assert!(flows.contains(&client), "{flows:?}");
    assert!(flows.contains(&udp), "{flows:?}");
    assert!(!flows.contains(&server), "accepted, not opened");
    let owner = snapshot
        .events
        .iter()
        .map(|event| &event.subject)
        .find(|subject| subject.key.pid == std::process::id())
        .expect("this process runs");
    let descriptors = |sockets: &[HeldSocket], side| -> Vec<i32> {
        let of_side = sockets.iter().filter(|held| held.owner == *owner && held.side == side);
        of_side.map(|held| held.descriptor).collect()
    };
    let opened = |(protocol, source, destination)| {
        SocketSide::Opened(Flow { protocol, source, destination, opened: NOW })
    };
    assert_eq!(descriptors(&snapshot.sockets, opened(client)), [descriptor]);
    assert_eq!(descriptors(&snapshot.sockets, opened(udp)), [datagrams.as_raw_fd()]);
    assert!(
        !snapshot.sockets.iter().any(|held| held.descriptor == accepted.as_raw_fd() && held.owner == *owner)
    );
    let serving = served_by(owner).expect("this process runs");
    assert!(descriptors(&serving, SocketSide::Listening).contains(&listener.as_raw_fd()), "{serving:?}");
    assert!(descriptors(&serving, SocketSide::Accepted).contains(&accepted.as_raw_fd()), "{serving:?}");
    let younger = ProcessKey { start_ticks: owner.key.start_ticks + 1, ..owner.key };
    assert_eq!(served_by(&Subject { key: younger, ..owner.clone() }), None, "another process of that id");
}

#[test]
fn the_limit_holds_and_is_counted() {
    let snapshot = take(NOW, 1).expect("procfs is mounted");
    let processes = snapshot.events.iter().filter(|event| running(event).is_some()).count();
    assert_eq!((processes, snapshot.counters.processes), (1, 1));
    assert!(snapshot.counters.beyond_limit > 0);
}

#[test]
fn a_circle_of_parents_has_an_end() {
    let process = |pid, parent, start| Found {
        key: ProcessKey::from_ticks(pid, start),
        parent,
        cgroup: 0,
        memory: Vec::new(),
        running: RunningProcess {
            parent: None,
            executable: Executable { path: "".into(), file: None, flags: ExecutableFlags::default() },
            name: "x".into(),
            arguments: std::sync::Arc::new([]),
            directory: "".into(),
            credentials: Credentials::default(),
            namespaces: crate::model::Namespaces::default(),
            session: 0,
            kernel_thread: false,
        },
    };
    // Processes 1 and 2 claim each other, and 3 claims itself. The parent of 4 is younger than 4. The parent of 5 is
    // gone.
    let mut found = vec![
        process(1, 2, 10),
        process(2, 1, 10),
        process(3, 3, 10),
        process(4, 6, 10),
        process(5, 99, 10),
        process(6, 0, 20),
        process(7, 5, 10),
    ];
    link(&mut found);
    let parent = |pid: u32| {
        found.iter().find(|process| process.key.pid == pid).and_then(|process| process.running.parent)
    };
    assert_eq!((parent(3), parent(4), parent(5)), (None, None, None));
    assert_eq!(parent(7), Some(ProcessKey::from_ticks(5, 10)));
    assert_eq!(found.len(), 7);
}
