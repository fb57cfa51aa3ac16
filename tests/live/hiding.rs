//! Processes and files that are hidden under other names: a mount over `/proc/PID`, and the host's files seen from
//! another mount namespace.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use minerwatch_tests::{Scratch, agent::at, unique};
use serde_json::Value;

use crate::{EVERYTHING, SOON, machine, simulator, start_agent, stream::Recorder};

/// Two looks for hidden processes, and some time for a busy machine.
const TWO_LOOKS: Duration = Duration::from_secs(75);

/// A mount over another directory, for example that of a process. It is removed when dropped.
struct Cover(String);

impl Cover {
    fn over(pid: u32, source: &Path) -> Self {
        Self::at(format!("/proc/{pid}"), source)
    }

    fn at(point: String, source: &Path) -> Self {
        let status =
            Command::new("mount").arg("--bind").arg(source).arg(&point).status().expect("mount starts");
        assert!(status.success(), "the mount over {point}");
        Self(point)
    }
}

impl Drop for Cover {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_process_below_a_mount_is_found() {
    let Some(_machine) = machine("a_process_below_a_mount_is_found") else { return };
    // The mounts that count are those of the first process.
    let is_first = |path: &str| fs::read_link(path).ok() == fs::read_link("/proc/1/ns/mnt").ok();
    if !is_first("/proc/self/ns/mnt") {
        println!("skipped: the test is in a mount namespace of its own");
        return;
    }
    let scratch = Scratch::new();
    let empty = scratch.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    let agent = start_agent(&scratch, "[sink.stdout]\n[detection]\nmin_verdict = \"noted\"\n");
    let mut hidden = Command::new("sleep").arg("300").spawn().expect("sleep starts");
    let cover = Cover::over(hidden.id(), &empty);
    let alert = agent.wait_for("alert about the hidden process", TWO_LOOKS, |object| {
        at(object, "event.kind") == "alert" && at(object, "process.pid") == hidden.id()
    });
    drop(cover);
    let _ = hidden.kill();
    let _ = hidden.wait();
    assert_eq!(at(&alert, "minerwatch.verdict"), "suspected", "{alert:#}");
    let signals = alert["minerwatch"]["signals"].as_array().expect("signals");
    assert!(signals.iter().any(|signal: &Value| at(signal, "id") == "B5"), "{alert:#}");
    assert_eq!(at(&alert, "process.name"), "sleep");
    agent.stop();
}

#[test]
fn a_file_of_the_host_is_known_by_every_path() {
    let Some(_machine) = machine("a_file_of_the_host_is_known_by_every_path") else { return };
    let scratch = Scratch::new();
    let user = unique("mw-user");
    let home = format!("/home/{user}");
    fs::create_dir_all(format!("{home}/.ssh")).expect("a home directory");
    let (mounted, own) = (scratch.join("host"), scratch.join("own"));
    for directory in [format!("{mounted}/home/{user}"), format!("{own}/home/{user}/.ssh")] {
        fs::create_dir_all(directory).expect("a directory");
    }
    let recorder = Recorder::start(scratch.join("recording.jsonl"));
    let script = format!(
        "mount --bind {home} {mounted}{home}\n\
         echo key >{mounted}{home}/.ssh/authorized_keys\n\
         echo key >{own}{home}/.ssh/authorized_keys\n"
    );
    let status = Command::new("unshare").args(["--mount", "sh", "-ec", &script]).status().expect("it starts");
    assert!(status.success());
    thread::sleep(Duration::from_secs(2));
    let recording = recorder.stop();
    let text = fs::read_to_string(&recording).expect("a recording");
    let _ = fs::remove_dir_all(&home);
    let event = |path: String| {
        let line = text.lines().find(|line| line.contains(&format!("\"path\":\"{path}\"")));
        let line = line.unwrap_or_else(|| panic!("no event of {path}"));
        serde_json::from_str::<Value>(line).expect("JSON")
    };
    let of_host = event(format!("{mounted}{home}/.ssh/authorized_keys"));
    assert_eq!(of_host["body"]["host_path"], format!("{home}/.ssh/authorized_keys").as_str(), "{of_host:#}");
    let of_jail = event(format!("{own}{home}/.ssh/authorized_keys"));
    assert_eq!(of_jail["body"]["host_path"], Value::Null, "{of_jail:#}");
}

/// The list of preloaded libraries is exchanged with another file, in a mount namespace with an `/etc` of its own.
#[test]
fn an_exchange_is_judged_at_both_names() {
    let Some(_machine) = machine("an_exchange_is_judged_at_both_names") else { return };
    for (one, other) in [("/etc/x", "/etc/ld.so.preload"), ("/etc/ld.so.preload", "/etc/x")] {
        let scratch = Scratch::new();
        let etc = scratch.join("etc");
        fs::create_dir(&etc).expect("a directory");
        for file in ["x", "ld.so.preload"] {
            fs::write(format!("{etc}/{file}"), "").expect("a file");
        }
        let agent = start_agent(&scratch, EVERYTHING);
        let script = format!("mount --bind {etc} /etc\nexec {} swap {one} {other}\n", simulator());
        let status =
            Command::new("unshare").args(["--mount", "sh", "-ec", &script]).status().expect("it starts");
        assert!(status.success());
        for (path, old_path) in [(one, other), (other, one)] {
            let event = agent.wait_for("an event of each file", SOON, |object| {
                at(object, "file.path") == path && at(object, "minerwatch.file.exchange") == true
            });
            assert_eq!(at(&event, "event.action"), "file-rename");
            assert_eq!(at(&event, "minerwatch.file.old_path"), old_path, "{event:#}");
        }
        let is_preload = |object: &Value| {
            let signals = object["minerwatch"]["signals"].as_array();
            signals.is_some_and(|signals| signals.iter().any(|signal| at(signal, "id") == "B6"))
        };
        agent.wait_for("an alert about the list", SOON, is_preload);
        agent.stop();
    }
}

/// A mount over a key list, in the mount namespace of the host. A mount in another namespace, and one that was there before,
/// are no events.
#[test]
fn a_mount_over_a_place_of_the_host_is_seen() {
    let Some(_machine) = machine("a_mount_over_a_place_of_the_host_is_seen") else { return };
    // The numbers of mounts differ between namespaces.
    let table = |process: &str| fs::read(format!("/proc/{process}/mountinfo")).ok();
    if table("self") != table("1") {
        println!("skipped: the test is in a mount namespace of its own");
        return;
    }
    let scratch = Scratch::new();
    let [old, new, other] = ["old", "new", "other"].map(|name| format!("/home/{}-{name}", unique("mw-user")));
    let keys = scratch.path().join("keys");
    for directory in [format!("{old}/.ssh"), format!("{new}/.ssh"), format!("{other}/.ssh")] {
        fs::create_dir_all(directory).expect("a home directory");
    }
    fs::create_dir(&keys).expect("a directory");
    let cover_old = Cover::at(format!("{old}/.ssh"), &keys);
    let recorder = Recorder::start(scratch.join("recording.jsonl"));
    let cover_new = Cover::at(format!("{new}/.ssh"), &keys);
    let script = format!("mount --bind {} {other}/.ssh; sleep 40", keys.display());
    let status = Command::new("unshare").args(["--mount", "sh", "-ec", &script]).status().expect("it starts");
    drop((cover_old, cover_new));
    let recording = recorder.stop();
    for home in [&old, &new, &other] {
        let _ = fs::remove_dir_all(home);
    }
    assert!(status.success());
    let text = fs::read_to_string(&recording).expect("a recording");
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mounts: Vec<Value> = events.filter(|event| event["body"]["action"] == "mount").collect();
    let at_homes = |home: &str| {
        let place = format!("{home}/.ssh");
        mounts.iter().filter(|event| event["body"]["path"] == place.as_str()).count()
    };
    assert_eq!([&old, &new, &other].map(|home| at_homes(home)), [0, 1, 0], "{mounts:#?}");
}
