//! Disks that fail while the server is away.

use std::{fs, thread, time::Instant};

use minerwatch_tests::{
    Scratch,
    notes::note,
    receiver::{Bulk, Fault, Server},
    require::machine,
};

use super::{
    LATE, LOOK, Seen,
    process::{Load, Shipping},
};

const LOAD: Load = Load { batches: 100, alerts: 200, events: 20_000 };

/// A shipper with a server.
struct Case {
    scratch: Scratch,
    server: Server<Bulk>,
    shipping: Shipping,
}

impl Case {
    /// Starts the shipper. `wrapper` is a script of the shell in which `$STATE` is the state directory. It runs in a mount
    /// namespace of its own.
    fn start(wrapper: Option<&str>) -> Self {
        let scratch = Scratch::new();
        let server = Server::start(Bulk::default());
        let section = format!("[[sink.elasticsearch]]\nname = \"double\"\nurl = \"{}\"\n", server.url());
        let script = wrapper.map(|script| {
            format!("STATE={}; mkdir -p $STATE && {script} && exec \"$0\" \"$@\"", scratch.join("state"))
        });
        let wrapper = script.iter().flat_map(|script| ["unshare", "--mount", "sh", "-c", script]);
        let shipping = Shipping::start(wrapper, &scratch, &section, LOAD);
        Self { scratch, server, shipping }
    }

    /// Allows the batches up to a number, and waits until they are handed over.
    fn hand_over(&mut self, batches: u64) {
        self.shipping.allow(batches);
        self.until("handed over", |case| case.shipping.batch() >= batches);
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < LATE, "not {what}: {}", self.shipping);
            thread::sleep(LOOK);
        }
    }

    /// Lets everything arrive, and checks that every alert did.
    fn end(&mut self, test: &str) {
        self.server.set_fault(None);
        self.hand_over(LOAD.batches);
        self.until("delivered", |case| case.shipping.has_delivered());
        let mut seen = Seen::default();
        self.shipping.end(&mut seen);
        let (alerts, errors, repeats) =
            self.server.look(|bulk| (bulk.alerts().len() as u64, bulk.errors().to_vec(), bulk.repeats()));
        note(&format!(
            "{test}: {alerts} alerts, {repeats} repeats (409), events dropped {}",
            seen.events_dropped
        ));
        assert_eq!(
            (alerts, seen.alerts_dropped, errors),
            (LOAD.alerts, 0, Vec::new()),
            "{}",
            self.shipping.log()
        );
    }

    fn file(&self) -> String {
        self.scratch.join("state/spool/elasticsearch-double.redb")
    }
}

/// The disk is full before the spool is. What does not fit stays in memory.
#[test]
fn every_alert_arrives_although_the_disk_is_full() {
    let test = "every_alert_arrives_although_the_disk_is_full";
    let Some(_machine) = machine(test) else { return };
    let mut case = Case::start(Some("mount -t tmpfs -o size=1m none $STATE"));
    case.server.set_fault(Some(Fault::Away));
    case.hand_over(60);
    case.until("full", |case| case.shipping.number("spool_failures") > 0);
    case.hand_over(80);
    case.end(test);
}

#[test]
fn every_alert_arrives_although_the_disk_is_read_only() {
    let test = "every_alert_arrives_although_the_disk_is_read_only";
    let Some(_machine) = machine(test) else { return };
    let mut case = Case::start(Some("mount -t tmpfs -o ro none $STATE"));
    case.server.set_fault(Some(Fault::Away));
    case.hand_over(20);
    case.until("noticed", |case| case.shipping.number("spool_failures") > 0);
    case.end(test);
}

/// Another program removes the file, and then the process is killed.
#[test]
fn every_alert_arrives_although_the_spool_is_removed() {
    let mut case = Case::start(None);
    case.server.set_fault(Some(Fault::Away));
    case.hand_over(20);
    fs::remove_file(case.file()).expect("it is there");
    case.hand_over(40);
    case.until("written again", |case| fs::exists(case.file()).is_ok_and(|exists| exists));
    case.shipping.kill_and_restart(&mut Seen::default());
    case.end("every_alert_arrives_although_the_spool_is_removed");
}

/// The file makes no sense after a kill. The alerts come again from the outbox, which the shipper imitates.
#[test]
fn every_alert_arrives_although_the_spool_is_garbage() {
    let mut case = Case::start(None);
    case.server.set_fault(Some(Fault::Away));
    case.hand_over(20);
    case.shipping.kill();
    fs::write(case.file(), "garbage".repeat(10_000)).expect("a file can be written");
    case.shipping.restart();
    case.until("set aside", |case| case.shipping.number("spool_damaged") == 1);
    let kept = fs::read(case.file() + ".unusable").expect("it is kept");
    assert!(kept.starts_with(b"garbage"));
    case.end("every_alert_arrives_although_the_spool_is_garbage");
}
