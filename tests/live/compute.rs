//! Load patterns: periodic yields (C6), and load that follows a connection (C7), has a history (C8), is limited by a
//! quota (C9Q), hides from monitors (C11) or never waits (C14). None of these signals is noted by itself, so the tests
//! ask the daemon for the signals so far.

use std::{
    fs,
    io::BufReader,
    net::TcpListener,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime},
};

use minerwatch::{
    engine::{Engine, EngineSettings},
    model::{Event, Wanted},
    recording::Reader,
};
use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command, day, executable,
    limited::Limited,
    native::Worker,
    notes::note,
};
use serde_json::Value;

use crate::{EVERYTHING, SOON, configuration, daemon, machine, machine_for_long, simulator, start_agent};

/// Asks the daemon for all signals of a process so far. Returns the id and the description of each signal.
fn found(scratch: &Scratch, pid: u32) -> Vec<(String, String)> {
    let output = Command::new(executable("minerwatch"))
        .args(["explain", "--all", "--json", "--socket", &scratch.join("control.sock")])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let incidents = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let signals = incidents.flat_map(|incident| incident["signals"].as_array().cloned().unwrap_or_default());
    let word = |signal: &Value, name: &str| signal[name].as_str().unwrap_or_default().to_owned();
    signals
        .filter(|signal| signal["pid"] == pid)
        .map(|signal| (word(&signal, "id"), word(&signal, "detail")))
        .collect()
}

/// Waits for a signal of a process, and returns its description.
fn wait_for(scratch: &Scratch, pid: u32, id: &str, limit: Duration) -> String {
    let until = Instant::now() + limit;
    loop {
        let all = found(scratch, pid);
        if let Some((_, detail)) = all.iter().find(|(found, _)| found == id) {
            return detail.clone();
        }
        assert!(Instant::now() < until, "no {id} within {limit:?}: {all:?}");
        thread::sleep(Duration::from_millis(500));
    }
}

fn has(scratch: &Scratch, pid: u32, id: &str) -> bool {
    found(scratch, pid).iter().any(|(found, _)| found == id)
}

fn start(arguments: &str) -> Worker {
    Worker::start(simulator().as_ref(), arguments)
}

/// Starts a server that closes each connection after `span`, or never. Returns its address.
fn pool(span: Option<Duration>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for client in listener.incoming().flatten() {
            match span {
                Some(span) => {
                    thread::spawn(move || {
                        thread::sleep(span);
                        drop(client);
                    });
                }
                None => kept.push(client),
            }
        }
    });
    address
}

/// Runs both checks at the same time, because each takes long. Together they keep both processors of a small machine
/// busy.
#[test]
fn connection_gated_load_and_yield_periodicity_are_found() {
    let Some(_machine) = machine("connection_gated_load_and_yield_periodicity_are_found") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, "");
    thread::scope(|scope| {
        scope.spawn(|| connection_gated_load(&scratch));
        scope.spawn(|| yield_periodicity(&scratch));
    });
    agent.stop();
}

/// Checks C7, load that follows a connection.
fn connection_gated_load(scratch: &Scratch) {
    const STAY: Duration = Duration::from_secs(22);
    let gated = start(&format!("gated {} 3", pool(Some(STAY))));
    let pooled = start(&format!("gated {} 3 {}", pool(Some(STAY)), pool(None)));
    thread::sleep(2 * STAY);
    assert!(!has(scratch, gated.pid(), "C7"), "once is chance");
    let said = wait_for(scratch, gated.pid(), "C7", Duration::from_secs(25));
    assert!(said.contains("2 times"), "{said}");
    // The load of `pooled` has the same phases. Wait for the report of its last phase.
    thread::sleep(Duration::from_secs(3));
    assert!(!has(scratch, pooled.pid(), "C7"), "another connection stood all the time");
}

/// Checks C6, periodic yields. The second process yields all the time, like a process that waits for a lock.
fn yield_periodicity(scratch: &Scratch) {
    let (regular, waiting) = (start("give-way 60 5"), start("give-way 60 0"));
    note(&wait_for(scratch, regular.pid(), "C6", Duration::from_secs(50)));
    assert!(!has(scratch, waiting.pid(), "C6"), "it only waits");
}

/// Checks C14: two processes that one program forked keep all processors busy, and the first has an old connection. C14 is
/// a hint, which no alert shows alone, so the test reads the counter.
#[test]
fn steady_workers_of_one_program_are_found_together() {
    const WORKERS: &str = "use IO::Socket::INET; my $pool = IO::Socket::INET->new($ARGV[0]) or die; \
                           for (2..$ARGV[1]) { last unless fork } 1 while time < $^T + 200";
    let Some(_machine) = machine_for_long("steady_workers_of_one_program_are_found_together") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, "");
    let processors = thread::available_parallelism().expect("a number").to_string();
    let mut perl = Command::new("perl");
    // In a group of their own, so that the end of the test ends all of them.
    perl.args(["-e", WORKERS, &pool(None), &processors]).process_group(0);
    let workers = Worker::start_command(perl);
    let count = || daemon(&scratch)["engine"]["findings"]["C14"].as_u64();
    let until = Instant::now() + Duration::from_secs(190);
    while count().is_none() {
        assert!(Instant::now() < until, "no C14");
        thread::sleep(Duration::from_secs(5));
    }
    command::run("kill", &["-KILL", "--", &format!("-{}", workers.pid())]);
    agent.stop();
}

/// Runs both checks at the same time, because each takes long.
#[test]
fn monitor_evasion_and_quotas_are_found() {
    let Some(_machine) = machine("monitor_evasion_and_quotas_are_found") else {
        return;
    };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVERYTHING);
    thread::scope(|scope| {
        scope.spawn(|| monitor_evasion(&scratch));
        scope.spawn(|| quota_throttled(&agent));
    });
    agent.stop();
}

/// Checks C11, hiding from monitors.
fn monitor_evasion(scratch: &Scratch) {
    const WORK: Duration = Duration::from_secs(13);
    let (shy, open) = (start("shy 90"), start("spin 90"));
    // Another user of this machine may run top, too, so the test looks once more than necessary.
    let found = (1..=4).find(|look| {
        thread::sleep(WORK);
        command::run("top", &["-b", "-n", "2", "-d", "0.5"]);
        // The process sleeps for five seconds. The pause is reported after one more second of work.
        thread::sleep(Duration::from_secs(7));
        assert!(*look > 2 || !has(scratch, shy.pid(), "C11"), "twice is chance");
        has(scratch, shy.pid(), "C11")
    });
    note(&format!("hides from top: found after {found:?} looks"));
    assert!(found.is_some(), "{:?}", self::found(scratch, shy.pid()));
    assert!(!has(scratch, open.pid(), "C11"), "it does not care");
}

/// Checks the quota events that C9Q needs. The signal itself takes five minutes, and the unit tests check it.
fn quota_throttled(agent: &Agent) {
    let limited = Limited::new(40);
    let worker = Worker::start_command(limited.command(&simulator(), &["spin", "60"]));
    let free = start("spin 60");
    let is_quota = |object: &Value| at(object, "event.action") == "cpu-quota";
    let told = agent.wait_for("quota event", Duration::from_secs(40), |object| {
        is_quota(object) && at(object, "process.pid") == worker.pid()
    });
    assert_eq!(at(&told, "event.kind"), "metric");
    let quota = at(&told, "minerwatch.quota");
    assert_eq!((&quota["cgroup"], &quota["processors"]), (&limited.path().into(), &0.4.into()), "{told:#}");
    let count = |name: &str| quota[name].as_u64().expect("a count");
    // Ten seconds contain about 100 periods of 100 ms. On a busy machine, the number varies.
    assert!((60..=200).contains(&count("periods")), "{told:#}");
    assert!(count("throttled_periods") * 10 >= count("periods") * 8, "{told:#}");
    assert!(count("throttled_ns") > 0, "{told:#}");
    let used = count("on_cpu_ns") as f64 / at(&told, "event.duration").as_f64().expect("a time");
    assert!((0.2..=0.6).contains(&used), "{told:#}");
    let objects = agent.objects();
    let others = objects.iter().filter(|object| is_quota(object) && at(object, "process.pid") == free.pid());
    assert_eq!(others.count(), 0, "it has no quota");
}

/// Returns the load history of a throttled program over a day, in the format of the daemon's state file.
fn kept_day(identity: &Value) -> Value {
    let recording = day::recording(25 * 60, |_| 0.4);
    let reader = Reader::new(BufReader::new(recording.as_bytes())).expect("a recording");
    let mut engine = Engine::new(EngineSettings::default());
    let events: Vec<Event> = reader.map(|event| event.expect("a sound line")).collect();
    for event in &events {
        engine.ingest(event, Wanted::No, &mut Vec::new());
    }
    let mut state = serde_json::to_value(engine.load_history()).expect("plain data");
    assert_eq!(state["identities"].as_array().map(Vec::len), Some(1), "{state}");
    state["identities"][0][0] = identity.clone();
    state
}

#[test]
fn load_history_survives_a_restart_of_the_daemon() {
    let Some(_machine) = machine("load_history_survives_a_restart_of_the_daemon") else { return };
    let scratch = Scratch::new();
    let path = configuration(&scratch, "");
    let hash = command::run("sha256sum", &[&simulator()]).stdout;
    let hash = String::from_utf8(hash).expect("text").split(' ').next().map(str::to_owned);
    let kept = scratch.join("state/duty.json");

    // The first run reveals the identity that the daemon gives the program, which includes the container or unit.
    let agent = Agent::start(["run", "--config", &path]);
    let worker = start("spin 4");
    thread::sleep(Duration::from_secs(5));
    assert!(!has(&scratch, worker.pid(), "C8"), "nobody knows its day");
    drop(worker);
    agent.stop();
    let mut duty: Value =
        serde_json::from_str(&fs::read_to_string(&kept).expect("it was kept")).expect("JSON");
    let identities = duty["state"]["identities"].as_array().expect("a list");
    // On a busy machine the hash comes late, and until then the daemon identifies the program by its file.
    let by_file = format!(":{}", fs::metadata(simulator()).expect("it is built").ino());
    let own = identities.iter().map(|pair| &pair[0]).find(|identity| {
        let program = identity["program"].as_str();
        program == hash.as_deref() || program.is_some_and(|program| program.ends_with(&by_file))
    });
    let own = own.unwrap_or_else(|| panic!("{hash:?} is not among {identities:#?}")).clone();
    let mut by_hash = own.clone();
    by_hash["program"] = hash.into();

    // The daemon judges a program every ten minutes, and last judged it nine minutes before the end of the recorded
    // day. So two minutes after the end, the next judgement is due.
    let saved = SystemTime::now() - Duration::from_secs(120);
    let saved = saved.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos();
    duty["saved"] = serde_json::json!(u64::try_from(saved).expect("before 2554"));
    duty["state"] = kept_day(&own);
    if own != by_hash {
        let same_day = serde_json::json!([by_hash, duty["state"]["identities"][0][1]]);
        duty["state"]["identities"].as_array_mut().expect("a list").push(same_day);
    }
    fs::write(&kept, duty.to_string()).expect("it can be written");
    let agent = Agent::start(["run", "--config", &path]);
    assert!(agent.says("programs whose earlier CPU use is known", SOON), "{:?}", agent.messages());
    // Load alone opens no incident. Under the name of a kernel thread, the same program has one.
    let disguised = scratch.join("kworker");
    fs::copy(simulator(), &disguised).expect("it can be copied");
    let worker = Worker::start(disguised.as_ref(), "spin 20");
    let said = wait_for(&scratch, worker.pid(), "C8", Duration::from_secs(20));
    assert!(said.contains("evenly") && said.contains("24 hours"), "{said}");
    drop(worker);
    agent.stop();
}
