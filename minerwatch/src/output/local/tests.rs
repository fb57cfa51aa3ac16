use std::{
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use super::*;
use crate::output::{Class, line_writer::tests::Disk};

const LATE: Duration = Duration::from_secs(20);

/// A disk that the test can change while the output writes to it.
#[derive(Clone, Debug)]
struct SharedDisk(Arc<Mutex<Disk>>);

impl SharedDisk {
    fn with_room(room: usize) -> Self {
        Self(Arc::new(Mutex::new(Disk::with_room(room))))
    }

    fn set_room(&self, room: usize) {
        self.0.lock().unwrap().room = room;
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().text()
    }
}

impl Target for SharedDisk {
    fn name(&self) -> &'static str {
        "the test disk"
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn take_back(&mut self, length: usize) -> bool {
        self.0.lock().unwrap().take_back(length)
    }

    fn ends_with_its_reader(&self) -> bool {
        true
    }
}

struct Running {
    queue: Arc<Queue>,
    thread: thread::JoinHandle<End>,
}

fn run(disk: &SharedDisk, capacity: usize) -> Running {
    let queue = Arc::new(Queue::new(capacity));
    let output = Box::new(Local::new(disk.clone()));
    let served = Arc::clone(&queue);
    Running { queue, thread: thread::spawn(move || output.run(&served)) }
}

fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LATE, "too slow");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn lines_wait_for_a_full_disk_and_what_is_lost_is_counted() {
    let disk = SharedDisk::with_room(7);
    let Running { queue, thread } = run(&disk, 2_000);
    queue.push(Batch::new(Class::Event, "one\ntwo\nthree\n"));
    until(|| queue.counters().failing);
    assert_eq!((queue.counters().events, queue.counters().waiting), (1, 2));
    for _ in 0..100 {
        queue.push(Batch::new(Class::Event, "event\n"));
    }
    queue.push(Batch::new(Class::Alert, "alert\n"));
    let counters = queue.counters();
    assert!(counters.events_dropped > 50 && counters.alerts_dropped == 0, "{counters:?}");
    assert!(counters.last_error.is_some());
    disk.set_room(100_000);
    until(|| !queue.counters().failing && queue.counters().waiting == 0);
    let text = disk.text();
    assert!(text.starts_with("one\ntwo\nthree\nevent\n") && text.ends_with("alert\n"), "{text}");
    let counters = queue.counters();
    assert_eq!(counters.events + counters.events_dropped, 103);
    assert_eq!(counters.alerts, 1);
    queue.close();
    assert_eq!(thread.join().unwrap(), End::Closed);
}

#[test]
fn a_failing_target_does_not_delay_the_end() {
    let disk = SharedDisk::with_room(0);
    let Running { queue, thread } = run(&disk, 1_000);
    queue.push(Batch::new(Class::Alert, "alert\n"));
    until(|| queue.counters().failures >= 3);
    let start = Instant::now();
    queue.close();
    assert_eq!(thread.join().unwrap(), End::Closed);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(queue.counters().waiting, 1, "it is not counted as written");
}

#[test]
fn the_end_comes_after_the_waiting_lines() {
    let disk = SharedDisk::with_room(1_000);
    let queue = Queue::new(10_000);
    for _ in 0..10 {
        queue.push(Batch::new(Class::Event, "event\n"));
    }
    queue.close();
    assert_eq!(Box::new(Local::new(disk.clone())).run(&queue), End::Closed);
    assert_eq!(disk.text().lines().count(), 10);
}

#[test]
fn a_reader_that_left_is_the_end() {
    let disk = SharedDisk::with_room(0);
    disk.0.lock().unwrap().error = io::ErrorKind::BrokenPipe;
    let Running { queue, thread } = run(&disk, 1_000);
    queue.push(Batch::new(Class::Event, "line\n"));
    assert_eq!(thread.join().unwrap(), End::ReaderGone);
}
