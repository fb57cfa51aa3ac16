//! The metrics of a running daemon, as a real Prometheus scrapes them, and alerts in a real Alertmanager.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{Scratch, agent::at, command, namespace::Pair, notes::note, require::servers};
use rustix::process::Signal;
use serde_json::Value;

use crate::{SOON, daemon, machine, start_agent};

/// Detaches the program of this process that watches what is sent, as any tool for eBPF can. The numbers are those of
/// the bpf system call on x86-64 and arm64.
const DETACH: &str = r#"
import ctypes, os, platform, struct, sys
pid = sys.argv[1]
number = 321 if platform.machine() == "x86_64" else 280
libc = ctypes.CDLL(None, use_errno=True)
def bpf(command, attribute):
    buffer = ctypes.create_string_buffer(attribute.ljust(128, b"\0"))
    result = libc.syscall(number, command, buffer, 128)
    if result < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    return result
LINK_BY_ID, LINK_DETACH = 30, 34
for fd in os.listdir(f"/proc/{pid}/fd"):
    fields = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/fdinfo/{fd}").read().splitlines() if ":\t" in line)
    if fields.get("link_type") == "cgroup":
        link = bpf(LINK_BY_ID, struct.pack("I", int(fields["link_id"])))
        bpf(LINK_DETACH, struct.pack("I", link))
        sys.exit(0)
sys.exit("no link to a cgroup")
"#;

/// Says that it mines, and stays connected.
const MINER: &str = r#"
import socket, sys, time
s = socket.create_connection((sys.argv[1], 9000))
s.sendall(b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD","pass":"x","agent":"XMRig/6.22.0"}}\n')
s.recv(4096)
time.sleep(60)
"#;

const POOL: &str = r#"
import socket
s = socket.create_server(("0.0.0.0", 9000))
while True:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"1","job":{"blob":"' + b'0e' * 76 + b'","job_id":"1","target":"b88d0600"},"status":"OK"}}\n')
    kept = c
"#;

/// A server in the background, which ends with the test.
struct Server(Child);

impl Server {
    fn start(program: &Path, arguments: &[String], log: &str) -> Self {
        let log = fs::File::create(log).expect("a log");
        let child = command_of(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        Self(child)
    }
}

/// Returns the command of a server. An unpacked server finds its files where its package would install them, in a mount
/// namespace of its own.
fn command_of(program: &Path) -> Command {
    let root = program.ancestors().nth(3).expect("a program is in usr/bin");
    if root == Path::new("/") {
        return Command::new(program);
    }
    let share = root.join("usr/share");
    let script = format!(
        "mount -t overlay none -o 'lowerdir={}:/usr/share' /usr/share && exec \"$0\" \"$@\"",
        share.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).arg(program);
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns a free port of the loopback address.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn get(url: &str) -> Option<String> {
    let output = command::try_run("curl", &["--silent", "--fail", "--max-time", "5", url]);
    output.status.success().then(|| String::from_utf8(output.stdout).expect("text"))
}

/// Tries until there is a result.
fn until<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(begin.elapsed() < limit, "no {what} within {limit:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Returns the value of a sample. `name` includes the labels.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}

fn settings(port: u16) -> String {
    format!("[metrics]\nlisten = \"127.0.0.1:{port}\"\n[sink.stdout]\n[detection]\nmin_verdict = \"noted\"\n")
}

#[test]
fn the_endpoint_counts_what_the_daemon_does() {
    let Some(_machine) = machine("the_endpoint_counts_what_the_daemon_does") else { return };
    let scratch = Scratch::new();
    let socket = scratch.join("metrics.sock");
    let agent = start_agent(&scratch, &format!("[metrics]\nlisten = \"unix:{socket}\"\nbpf_stats = true\n"));
    let scrape = || {
        let output =
            command::run("curl", &["--silent", "--fail", "--unix-socket", &socket, "http://x/metrics"]);
        String::from_utf8(output.stdout).expect("text")
    };
    let before = scrape();
    for _ in 0..50 {
        command::run("true", &[]);
    }
    let exec = "minerwatch_events_total{kind=\"exec\"}";
    let after = until("events", SOON, || {
        Some(scrape()).filter(|now| sample(now, exec) >= sample(&before, exec) + 50.0)
    });
    assert!(
        sample(&after, "minerwatch_event_latency_seconds_count")
            > sample(&before, "minerwatch_event_latency_seconds_count")
    );
    assert!(sample(&after, "process_cpu_seconds_total") > 0.0);
    assert!(after.contains("\nminerwatch_bpf_stats_enabled 1\n"), "{after}");
    assert!(sample(&after, "minerwatch_bpf_program_runs_total{program=\"process_exec\"}") >= 50.0);
    assert!(after.contains("\nminerwatch_degraded{reason=\"hook-gone\"} 0\n"), "{after}");
    let status = daemon(&scratch);
    let hash = status["config_hash"].as_str().expect("a hash");
    assert!(after.contains(&format!("\nminerwatch_config_info{{hash=\"{hash}\"}} 1\n")), "{after}");
    agent.stop();
    assert!(!Path::new(&socket).exists(), "the socket is removed");
}

#[test]
fn a_hook_that_somebody_detaches_is_told() {
    let Some(_machine) = machine("a_hook_that_somebody_detaches_is_told") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, "[sink.stdout]\n");
    thread::sleep(Duration::from_millis(1_500));
    command::run("python3", &["-c", DETACH, &agent.pid().to_string()]);
    let alert =
        agent.wait_for("sensor-degraded", SOON, |object| at(object, "event.action") == "sensor-degraded");
    assert_eq!(at(&alert, "minerwatch.agent.reason"), "hook-gone", "{alert:#}");
    assert!(alert["message"].as_str().is_some_and(|message| message.contains("were detached")), "{alert:#}");
    assert_eq!(daemon(&scratch)["degraded"][0], "hook-gone");
    agent.stop();
}

/// Writes the configurations of both servers. The rules are those that are shipped, except that they wait for less
/// time, so that the test is short.
fn configure(scratch: &Scratch, endpoint: u16, alertmanager: u16) -> [String; 2] {
    let root = xtask::workspace::root();
    let shipped =
        fs::read_to_string(root.join("deploy/prometheus/minerwatch.rules.yaml")).expect("the rules");
    let rules = shipped.replace("[1d]) > 180", "[1d]) > 4").replace("for: 1m", "for: 1s");
    assert_ne!(rules, shipped);
    fs::write(scratch.join("rules.yaml"), rules).expect("a file can be written");
    let prometheus = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [rules.yaml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}\n\
         scrape_configs: [{{job_name: hosts, static_configs: [{{targets: ['127.0.0.1:{endpoint}']}}]}}]\n"
    );
    let files = [
        ("prometheus.yaml", prometheus),
        (
            "alertmanager.yaml",
            "route: {receiver: nobody, group_wait: 1s}\nreceivers: [{name: nobody}]\n".to_owned(),
        ),
    ];
    files.map(|(name, content)| {
        let path = scratch.join(name);
        fs::write(&path, content).expect("a file can be written");
        path
    })
}

/// Returns the queries of the dashboard, for all hosts.
fn dashboard() -> Vec<String> {
    let path = xtask::workspace::root().join("deploy/grafana/minerwatch.json");
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("the dashboard")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().expect("a query").replace("$instance", ".*")).collect()
}

fn query(prometheus: u16, expression: &str) -> Vec<Value> {
    let output = command::run(
        "curl",
        &[
            "--silent",
            "--max-time",
            "10",
            "--data-urlencode",
            &format!("query={expression}"),
            &format!("http://127.0.0.1:{prometheus}/api/v1/query"),
        ],
    );
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    answer["data"]["result"].as_array().expect("a result").clone()
}

/// Waits until the Alertmanager has an alert.
fn wait_for_alert(alertmanager: u16, name: &str) -> Value {
    until(name, Duration::from_secs(40), || {
        let alerts: Value =
            serde_json::from_str(&get(&format!("http://127.0.0.1:{alertmanager}/api/v2/alerts"))?)
                .expect("JSON");
        alerts.as_array()?.iter().find(|alert| at(alert, "labels.alertname") == name).cloned()
    })
}

#[test]
fn prometheus_fires_the_shipped_rules_into_an_alertmanager() {
    let test = "prometheus_fires_the_shipped_rules_into_an_alertmanager";
    let Some(_machine) = machine(test) else { return };
    let names = ["prometheus", "prometheus-alertmanager"];
    let Some([prometheus, alertmanager]): Option<[PathBuf; 2]> = servers(test, names) else { return };
    let scratch = Scratch::new();
    let [endpoint, prometheus_port, alertmanager_port] = [(); 3].map(|()| port());
    let [prometheus_file, alertmanager_file] = configure(&scratch, endpoint, alertmanager_port);
    let mut agent = start_agent(&scratch, &settings(endpoint));
    let _alertmanager = Server::start(
        &alertmanager,
        &[
            format!("--config.file={alertmanager_file}"),
            format!("--storage.path={}", scratch.join("alertmanager")),
            format!("--web.listen-address=127.0.0.1:{alertmanager_port}"),
            "--cluster.listen-address=".to_owned(),
        ],
        &scratch.join("alertmanager.log"),
    );
    let _prometheus = Server::start(
        &prometheus,
        &[
            format!("--config.file={prometheus_file}"),
            format!("--storage.tsdb.path={}", scratch.join("prometheus")),
            format!("--web.listen-address=127.0.0.1:{prometheus_port}"),
        ],
        &scratch.join("prometheus.log"),
    );
    let ready = |port: u16| move || get(&format!("http://127.0.0.1:{port}/-/ready"));
    until("Alertmanager", Duration::from_secs(30), ready(alertmanager_port));
    until("Prometheus", Duration::from_secs(30), ready(prometheus_port));
    // Two samples, so that the counters of alerts have a value to rise from.
    until("samples", Duration::from_secs(30), || {
        let seen =
            query(prometheus_port, "count_over_time(minerwatch_alerts_total{verdict=\"mining\"}[1m]) > 2");
        (!seen.is_empty()).then_some(())
    });
    let firing = query(prometheus_port, "ALERTS{alertstate=\"firing\", alertname!=\"MinerwatchCpuHigh\"}");
    assert_eq!(firing, Vec::<Value>::new(), "a healthy host");

    let pair = Pair::new(64);
    let _pool = pair.server.serve(9000, "python3", &["-c", POOL]);
    let miner = Server(
        pair.victim
            .command("python3", &["-c", MINER, &pair.server.address])
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts"),
    );
    let begin = Instant::now();
    agent.wait_for("alert", SOON, |object| at(object, "minerwatch.verdict") == "mining");
    let mining = wait_for_alert(alertmanager_port, "MinerwatchMining");
    note(&format!("from the miner to the Alertmanager: {:?}", begin.elapsed()));
    assert_eq!(at(&mining, "labels.severity"), "critical", "{mining:#}");
    assert_eq!(at(&mining, "labels.instance"), &Value::from(format!("127.0.0.1:{endpoint}")), "{mining:#}");
    drop(miner);

    command::run("python3", &["-c", DETACH, &agent.pid().to_string()]);
    wait_for_alert(alertmanager_port, "MinerwatchHookGone");

    let queries = dashboard();
    assert!(queries.len() >= 30, "{}", queries.len());
    let empty: Vec<&String> =
        queries.iter().filter(|expression| query(prometheus_port, expression).is_empty()).collect();
    // What this host does not have: losses, evictions, failures, a spool, and counted runs of programs.
    for expression in empty {
        let may_be_empty =
            expression.ends_with("> 0") || expression.contains("spool") || expression.contains("bpf_program");
        assert!(may_be_empty, "no result: {expression}");
    }

    agent.signal(Signal::KILL);
    agent.wait(SOON).expect("SIGKILL ends it");
    let silent = wait_for_alert(alertmanager_port, "MinerwatchSilent");
    assert_eq!(at(&silent, "labels.job"), "hosts", "{silent:#}");
}

#[test]
fn an_address_that_is_in_use_stops_the_start() {
    let Some(_machine) = machine("an_address_that_is_in_use_stops_the_start") else { return };
    let scratch = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let path = crate::configuration(&scratch, &settings(port));
    let output = command::try_run(
        &minerwatch_tests::executable("minerwatch").to_string_lossy(),
        &["run", "--config", &path],
    );
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("metrics.listen"), "{message}");
}
