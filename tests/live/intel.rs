//! Lists of indicators that come, change and break while the agent runs, and what they are held against.

use std::fs;

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    namespace::Pair,
};
use serde_json::Value;

use crate::{SOON, alone, configuration};

/// Answers any connection to port 9001 and ends it in a second.
const SERVER: &str = "
import socket, threading
server = socket.create_server(('0.0.0.0', 9001))
while True:
    connection, _ = server.accept()
    threading.Timer(1, connection.close).start()
";
const CLIENT: &str = "import socket, sys; socket.create_connection((sys.argv[1], 9001)).recv(1)";

fn listed(alert: &Value) -> Option<&Value> {
    let signals = alert["minerwatch"]["signals"].as_array()?;
    signals.iter().find(|signal| signal["id"] == "I1")
}

#[test]
fn a_list_dropped_into_a_directory_is_in_force_at_once() {
    let Some(_machine) = alone("a_list_dropped_into_a_directory_is_in_force_at_once") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(43);
    let address = pair.server.address.clone();
    let _server = pair.server.serve(9001, "python3", &["-c", SERVER]);
    let lists = scratch.join("lists");
    fs::create_dir(&lists).expect("a directory can be made");
    let path = configuration(
        &scratch,
        &format!(
            "[sink.stdout]\nevents = [\"connect\"]\n[detection]\nmin_verdict = \"noted\"\n[intel]\nthreats = [\"{lists}\"]\n"
        ),
    );
    let agent = Agent::start(["run", "--config", &path]);
    let connect = || {
        let status = pair.victim.command("python3", &["-c", CLIENT, &address]).status().expect("it starts");
        assert!(status.success());
    };
    connect();
    agent.wait_for("connection", SOON, |object| at(object, "event.action") == "connect");

    let bundle = format!(
        r#"{{"type": "bundle", "id": "bundle--1", "objects": [{{"type": "indicator", "id": "indicator--1",
            "name": "Proxy of a botnet", "pattern_type": "stix", "pattern": "[ipv4-addr:value = '{address}']"}}]}}"#
    );
    fs::write(format!("{lists}/.feed.json"), &bundle).expect("a file can be written");
    fs::rename(format!("{lists}/.feed.json"), format!("{lists}/feed.json")).expect("and renamed");
    assert!(agent.says("feed.json is new or has changed", SOON), "{:?}", agent.messages());
    assert!(agent.says("from lists: 2", SOON), "{:?}", agent.messages());
    connect();
    let alert = agent.wait_for("alert", SOON, |object| listed(object).is_some());
    let found = listed(&alert).expect("just seen");
    assert_eq!(found["evidence"]["list_entry"], address.as_str(), "{found:#}");
    assert_eq!(found["evidence"]["list_source"], format!("{lists}/feed.json"));
    assert!(found["detail"].as_str().is_some_and(|text| text.contains("Proxy of a botnet")), "{found:#}");

    // Cut off in the middle: what was known stays.
    fs::write(format!("{lists}/feed.json"), &bundle[..bundle.len() / 2]).expect("a file can be written");
    assert!(agent.says("1 entries that were read before stay", SOON), "{:?}", agent.messages());
    agent.stop();
}
