//! Lists of indicators that are added, updated or damaged while the agent runs, and the alerts from their entries.

use std::{fs, process::Command, thread::sleep, time::Duration};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command, executable,
    namespace::Pair,
};
use serde_json::Value;

use crate::{SOON, configuration, machine};

/// Accepts connections on port 9001 and closes each after a second.
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
fn a_list_put_into_a_directory_takes_effect_at_once() {
    let Some(_machine) = machine("a_list_put_into_a_directory_takes_effect_at_once") else { return };
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
    assert!(agent.says("lists read: 2", SOON), "{:?}", agent.messages());
    connect();
    let alert = agent.wait_for("alert", SOON, |object| listed(object).is_some());
    let found = listed(&alert).expect("just seen");
    assert_eq!(found["evidence"]["list_entry"], address.as_str(), "{found:#}");
    assert_eq!(found["evidence"]["list_source"], format!("{lists}/feed.json"));
    assert!(found["detail"].as_str().is_some_and(|text| text.contains("Proxy of a botnet")), "{found:#}");

    let program = executable("minerwatch");
    let program = program.to_str().expect("the tree has plain names");
    let doctor = command::run(program, &["doctor", "--json", "--socket", &scratch.join("control.sock")]);
    let report: Value = serde_json::from_slice(&doctor.stdout).expect("JSON");
    let counts = at(&report, "daemon.lists");
    assert_eq!((&counts["lists"], &counts["troubled"]), (&2.into(), &0.into()), "{counts}");

    // The file is truncated: the earlier entries stay in use.
    fs::write(format!("{lists}/feed.json"), &bundle[..bundle.len() / 2]).expect("a file can be written");
    assert!(agent.says("its earlier entries stay in use: 1", SOON), "{:?}", agent.messages());
    agent.stop();
}

/// Serves the files of a directory on loopback and writes its port to the file `.port`.
const FILES: &str = "
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.HTTPServer(('127.0.0.1', 0), handler)
open(sys.argv[1] + '/.port', 'w').write(str(server.server_port))
server.serve_forever()
";

#[test]
fn a_list_from_a_url_is_cached_and_used() {
    let Some(_machine) = machine("a_list_from_a_url_is_cached_and_used") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(44);
    let address = pair.server.address.clone();
    let _server = pair.server.serve(9001, "python3", &["-c", SERVER]);
    let web = scratch.join("web");
    fs::create_dir(&web).expect("a directory can be made");
    let feed = format!("ioc_value,ioc_type,comment\n{address}:9001,ip:port,from afar\n");
    fs::write(format!("{web}/feed.csv"), feed).expect("a file can be written");
    let mut server = Command::new("python3").args(["-c", FILES, &web]).spawn().expect("it starts");
    let port = (0..200).find_map(|_| {
        sleep(Duration::from_millis(50));
        fs::read_to_string(format!("{web}/.port")).ok().filter(|port| !port.is_empty())
    });
    let port = port.expect("the server tells its port");
    let path = configuration(
        &scratch,
        &format!(
            "[detection]\nmin_verdict = \"noted\"\n[[intel.sync]]\nname = \"afar\"\nlist = \"threats\"\n\
             from = \"http://127.0.0.1:{port}/feed.csv\"\n"
        ),
    );
    let agent = Agent::start(["run", "--config", &path]);
    assert!(agent.says("list afar: fetched", SOON), "{:?}", agent.messages());
    assert!(agent.says("lists read: 2", SOON), "{:?}", agent.messages());
    let status = pair.victim.command("python3", &["-c", CLIENT, &address]).status().expect("it starts");
    assert!(status.success());
    let alert = agent.wait_for("alert", SOON, |object| listed(object).is_some());
    let found = listed(&alert).expect("just seen");
    assert_eq!(found["evidence"]["list"], "afar", "{found:#}");
    let threads = fs::read_dir(format!("/proc/{}/task", agent.pid())).expect("the agent runs").flatten();
    let status = threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok())
        .find(|status| status.starts_with("Name:\tlist-sync\n"));
    let status = status.expect("the thread that fetches");
    assert!(
        status.contains("CapEff:\t0000000000000000") && status.contains("CapPrm:\t0000000000000000"),
        "{status}"
    );
    agent.stop();
    server.kill().and_then(|()| server.wait()).expect("it can be ended");

    // The next daemon reads the list from the cache, without the server.
    let agent = Agent::start(["run", "--config", &path]);
    assert!(agent.says("lists read: 2", SOON), "{:?}", agent.messages());
    agent.stop();
}

/// Writes a database in the format of `MaxMind` with one network: 203.0.113.0/24.
const DATABASE: &str = "
import sys
text = lambda s: (bytes([0x40 | len(s)]) if len(s) < 29 else bytes([0x5d, len(s) - 29])) + s.encode()
short = lambda n: b'\\xa2' + n.to_bytes(2, 'big')
long = lambda n: b'\\xc4' + n.to_bytes(4, 'big')
table = lambda d: bytes([0xe0 | len(d)]) + b''.join(text(k) + v for k, v in d.items())
bits = f'{203 << 16 | 0 << 8 | 113:024b}'
tree = b''
for depth, bit in enumerate(bits):
    record = [24, 24]
    record[int(bit)] = depth + 1 if depth < 23 else 24 + 16
    tree += b''.join(number.to_bytes(4, 'big') for number in record)
data = table({'country': table({'iso_code': text('NL')}), 'autonomous_system_number': long(64500),
              'autonomous_system_organization': text('Example Networks')})
about = table({'binary_format_major_version': short(2), 'binary_format_minor_version': short(0),
               'ip_version': short(4), 'record_size': short(32), 'node_count': long(24),
               'build_epoch': b'\\x08\\x02' + (1795384800).to_bytes(8, 'big'), 'database_type': text('Test'),
               'languages': b'\\x00\\x04', 'description': table({})})
open(sys.argv[1], 'wb').write(tree + bytes(16) + data + b'\\xab\\xcd\\xefMaxMind.com' + about)
";

#[test]
fn peers_are_reported_with_country_and_network() {
    let Some(_machine) = machine("peers_are_reported_with_country_and_network") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(45);
    for (side, device, address) in
        [(&pair.victim, "mwv45", "203.0.113.1/24"), (&pair.server, "mws45", "203.0.113.9/24")]
    {
        command::run("ip", &["-n", &side.name, "address", "add", address, "dev", device]);
    }
    let _server = pair.server.serve(443, "python3", &["-c", &SERVER.replace("9001", "443")]);
    let database = scratch.join("test.mmdb");
    command::run("python3", &["-c", DATABASE, &database]);
    let list = scratch.join("list.txt");
    fs::write(&list, "203.0.113.9\n").expect("a file can be written");
    let path = configuration(
        &scratch,
        &format!(
            "[sink.stdout]\nevents = [\"connect\", \"close\"]\n[detection]\nmin_verdict = \"noted\"\n[intel]\n\
             threats = [\"{list}\"]\ngeo_databases = [\"{database}\"]\nhome_countries = [\"DE\"]\n"
        ),
    );
    let agent = Agent::start(["run", "--config", &path]);
    let client = CLIENT.replace("9001", "443");
    let status = pair.victim.command("python3", &["-c", &client, "203.0.113.9"]).status().expect("it starts");
    assert!(status.success());
    for action in ["connect", "close", "incident-opened"] {
        let object = agent.wait_for(action, SOON, |object| {
            at(object, "event.action") == action && at(object, "destination.ip") == "203.0.113.9"
        });
        assert_eq!(at(&object, "destination.geo.country_iso_code"), "NL", "{object:#}");
        assert_eq!(at(&object, "destination.as.number"), 64_500, "{object:#}");
        assert_eq!(at(&object, "destination.as.organization.name"), "Example Networks", "{object:#}");
        if action == "incident-opened" {
            let signals = object["minerwatch"]["signals"].as_array().expect("signals");
            assert!(signals.iter().any(|signal| signal["id"] == "N4F"), "{object:#}");
        }
    }
    agent.stop();
}
