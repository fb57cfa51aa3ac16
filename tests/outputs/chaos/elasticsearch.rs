//! A double of the bulk API.

use std::{collections::BTreeMap, fs, time::Duration};

use minerwatch_tests::{
    Scratch,
    receiver::{Bulk, Fault, Server},
};

use super::{Plan, Receiver, check_alerts, process::Load, run};

/// The double, with a password that changes.
struct Elasticsearch {
    server: Server<Bulk>,
    passwords: u32,
}

impl Elasticsearch {
    fn start() -> Self {
        Self { server: Server::start(Bulk::default()), passwords: 0 }
    }

    /// Requires the next password.
    fn change_password(&mut self) {
        // The base64 of "agent:0" and so on.
        let known = ["YWdlbnQ6MA==", "YWdlbnQ6MQ=="];
        self.passwords += 1;
        let password = known[self.passwords as usize % known.len()];
        self.server.look(|bulk| bulk.require(format!("Basic {password}")));
    }

    /// Writes the present password into the file.
    fn write_password(&self, scratch: &Scratch) {
        let (file, new) = (scratch.join("password"), scratch.join("password.new"));
        fs::write(&new, format!("{}\n", self.passwords % 2)).expect("a file can be written");
        fs::rename(new, file).expect("a file can be replaced");
    }
}

impl Receiver for Elasticsearch {
    fn section(&self, scratch: &Scratch) -> String {
        self.write_password(scratch);
        format!(
            "[[sink.elasticsearch]]\nname = \"double\"\nurl = \"{}\"\nuser = \"agent\"\npassword_file = \"{}\"\n\
             timeout_s = 5\n",
            self.server.url(),
            scratch.join("password"),
        )
    }

    fn faults(&self) -> Vec<Fault> {
        use Fault::{Away, BreaksOff, Busy, Denied, Forgets, Killed, Partly, Slow, TooLarge};
        vec![Killed, Slow, Busy, Denied, Partly, BreaksOff, Away, Forgets, TooLarge]
    }

    fn set_fault(&mut self, fault: Option<Fault>, scratch: &Scratch) {
        match fault {
            // The server answers 401 by itself while the file has the earlier password.
            Some(Fault::Denied) => self.change_password(),
            None => self.write_password(scratch),
            Some(_) => {}
        }
        self.server.set_fault(fault);
    }

    fn taken(&self) -> u64 {
        self.server.answered()
    }

    fn failed(&self) -> Option<u64> {
        Some(self.server.failed())
    }

    fn alerts(&self) -> BTreeMap<String, u64> {
        self.server.look(|bulk| bulk.alerts().into_iter().map(|id| (id, 1)).collect())
    }

    fn summary(&self) -> String {
        self.server.look(|bulk| {
            format!(
                "{} alerts and {} events created, {} repeats (409), {} refused (400)",
                bulk.alerts().len(),
                bulk.events(),
                bulk.repeats(),
                bulk.refused()
            )
        })
    }
}

impl Elasticsearch {
    fn check(&self) {
        self.server.look(|bulk| assert!(bulk.errors().is_empty(), "{:?}", bulk.errors()));
    }
}

#[test]
fn every_alert_arrives_in_elasticsearch() {
    let mut server = Elasticsearch::start();
    let plan = Plan::of_this_run();
    let seen = run("every_alert_arrives_in_elasticsearch", &mut server, plan);
    server.check();
    check_alerts(&server, plan);
    assert_eq!(seen.events_dropped, 0);
    // Some of the poisonous events may have died with a process, in memory.
    assert!(seen.dead_letters > 0, "{seen:?}");
    let events = server.server.look(|bulk| bulk.events());
    assert!(events > plan.load.events / 2, "only what a killed process had in memory is lost: {events}");
}

/// As long as the process lives, events are not lost either.
#[test]
fn every_event_arrives_in_elasticsearch_without_kills() {
    let mut server = Elasticsearch::start();
    let plan = Plan { kills: 0, ..Plan::of_this_run() };
    let seen = run("every_event_arrives_in_elasticsearch_without_kills", &mut server, plan);
    server.check();
    check_alerts(&server, plan);
    let poisonous = plan.load.events / 5_000;
    assert_eq!((seen.events_dropped, seen.dead_letters), (0, poisonous));
    assert_eq!(server.server.look(|bulk| bulk.events()), plan.load.events - poisonous);
}

/// The server is away while events come that do not fit into the spool.
#[test]
fn a_small_spool_drops_events_and_no_alert() {
    let mut server = Elasticsearch::start();
    let plan = Plan {
        load: Load { batches: 200, alerts: 500, events: 40_000 },
        spool_mib: 4,
        fault: Duration::from_millis(100),
        away: Duration::from_secs(3),
        kills: 5,
    };
    let seen = run("a_small_spool_drops_events_and_no_alert", &mut Small(&mut server), plan);
    server.check();
    check_alerts(&server, plan);
    assert!(seen.events_dropped > 0, "{seen:?}");
}

/// The same server, which is only away.
struct Small<'a>(&'a mut Elasticsearch);

impl Receiver for Small<'_> {
    fn section(&self, scratch: &Scratch) -> String {
        self.0.section(scratch)
    }

    fn faults(&self) -> Vec<Fault> {
        vec![Fault::Away]
    }

    fn set_fault(&mut self, fault: Option<Fault>, scratch: &Scratch) {
        self.0.set_fault(fault, scratch);
    }

    fn taken(&self) -> u64 {
        self.0.taken()
    }

    fn failed(&self) -> Option<u64> {
        None
    }

    fn alerts(&self) -> BTreeMap<String, u64> {
        self.0.alerts()
    }

    fn summary(&self) -> String {
        self.0.summary()
    }
}
