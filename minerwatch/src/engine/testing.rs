//! A host made of calls, for tests: what happens on it becomes events in order.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use super::{Engine, EngineSettings};
use crate::detect::{Declaration, DetectionContext, DetectorSettings, Detectors, Findings, Knowledge};
use crate::dissect::Dissector;
use crate::model::{
    Alert, AppData, BootTime, Bytes, Close, Connect, Container, ContainerRuntime, CpuQuota, CpuUsage,
    Credentials, Direction, Effect, Event, EventBody, Evidence, Exec, Executable, ExecutableFlags, Exit,
    FileAction, FileChange, FileId, Flow, Fork, GeoLocation, Namespaces, Payload, ProcessKey, Protocol,
    Request, Rounding, RunningProcess, SchedulingPolicy, Subject, Verdict,
};
use crate::process::{ProcessTable, TableLimits};

/// So many seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[derive(Clone, Debug)]
struct Person {
    uid: u32,
    container: Option<Arc<Container>>,
    executable: Executable,
}

/// What a CPU report says.
#[derive(Clone, Copy, Debug)]
pub struct Burn {
    /// Seconds it speaks of.
    pub window: u64,
    /// Processors used.
    pub processors: f64,
    /// Yields so far.
    pub yields: u64,
    /// Stops so far.
    pub stops: u64,
}

impl Default for Burn {
    fn default() -> Self {
        Self { window: 1, processors: 1.0, yields: 0, stops: 0 }
    }
}

/// A payload for [`Host::payload`].
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The peer's end.
    pub peer: &'a str,
    /// Which way it goes.
    pub direction: Direction,
    /// Whether the peer opened the connection.
    pub accepted: bool,
    /// What is said.
    pub bytes: &'a [u8],
}

/// The host. Each event comes a millisecond after the one before.
#[derive(Debug)]
pub struct Host {
    now: BootTime,
    next_pid: u32,
    next_inode: u64,
    people: BTreeMap<ProcessKey, Person>,
    files: BTreeMap<String, FileId>,
    dissector: Dissector,
    events: Vec<Event>,
}

/// The network namespace that everybody is in, unless told otherwise.
const NETWORK: u32 = 1;

impl Host {
    /// A host that has been up for an hour.
    pub fn new() -> Self {
        Self {
            now: BootTime(3_600_000_000_000),
            next_pid: 1,
            next_inode: 1_000,
            people: BTreeMap::new(),
            files: BTreeMap::new(),
            dissector: Dissector::default(),
            events: Vec::new(),
        }
    }

    /// What happened so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The time.
    pub fn now(&self) -> BootTime {
        self.now
    }

    /// Lets time pass.
    pub fn wait(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }

    /// A process that was there at the start; the first one is pid 1.
    pub fn boot(&mut self, path: &str, arguments: &[&str]) -> ProcessKey {
        let key = ProcessKey::new(self.next_pid, 1_000_000_000 * u64::from(self.next_pid));
        self.next_pid += 1;
        let executable = self.executable(path);
        self.people.insert(key, Person { uid: 0, container: None, executable: executable.clone() });
        let parent = (key.pid > 1).then(|| ProcessKey::new(1, 1_000_000_000));
        self.happen(
            key,
            EventBody::RunningProcess(Box::new(RunningProcess {
                parent,
                executable,
                name: name_of(path),
                arguments: words(arguments),
                directory: Arc::from("/"),
                credentials: Credentials::default(),
                namespaces: Namespaces { network: NETWORK, ..Namespaces::default() },
                session: 0,
                kernel_thread: false,
            })),
        );
        key
    }

    /// Forks, without an exec.
    pub fn fork(&mut self, parent: ProcessKey) -> ProcessKey {
        self.now = self.now.plus(Duration::from_millis(10));
        let key = ProcessKey::new(self.next_pid, self.now.0);
        self.next_pid += 1;
        let person = self.people.get(&parent).cloned().expect("the parent exists");
        let name = name_of(&person.executable.path);
        self.people.insert(key, person);
        self.happen(key, EventBody::Fork(Fork { parent, name }));
        key
    }

    /// Forks and runs a program.
    pub fn spawn(&mut self, parent: ProcessKey, path: &str, arguments: &[&str]) -> ProcessKey {
        let key = self.fork(parent);
        self.exec(key, parent, path, path, arguments);
        key
    }

    /// Forks and runs a script through `#!`.
    pub fn spawn_script(&mut self, parent: ProcessKey, interpreter: &str, script: &str) -> ProcessKey {
        let key = self.fork(parent);
        self.exec(key, parent, interpreter, script, &[interpreter, script]);
        key
    }

    /// Runs another program in a process.
    pub fn exec(
        &mut self,
        key: ProcessKey,
        parent: ProcessKey,
        path: &str,
        invoked: &str,
        arguments: &[&str],
    ) {
        let executable = self.executable(path);
        let uid = self.people.get(&key).map_or(0, |person| person.uid);
        if let Some(person) = self.people.get_mut(&key) {
            person.executable = executable.clone();
        }
        let user = match uid {
            0 => "root",
            33 => "www-data",
            _ => "user",
        };
        self.happen(
            key,
            EventBody::Exec(Box::new(Exec {
                parent,
                executable,
                invoked: Arc::from(invoked),
                name: name_of(invoked),
                arguments: words(arguments),
                arguments_cut: false,
                directory: Arc::from("/root"),
                credentials: Credentials { uid, gid: uid, user: Some(Arc::from(user)), capabilities: 0 },
                capabilities_gained: 0,
                namespaces: Namespaces { network: NETWORK, ..Namespaces::default() },
                session: 0,
            })),
        );
    }

    /// Gives a process, and the children it will have, another user.
    pub fn become_user(&mut self, key: ProcessKey, uid: u32) {
        self.people.get_mut(&key).expect("the process exists").uid = uid;
    }

    /// Puts a process, and the children it will have, into a container.
    pub fn enter(&mut self, key: ProcessKey, id: &str) {
        self.people.get_mut(&key).expect("the process exists").container = Some(Arc::new(Container {
            cgroup: Arc::from(format!("/kubepods/{id}")),
            id: Some(Arc::from(id)),
            runtime: Some(ContainerRuntime::Containerd),
            pod_uid: None,
            unit: None,
        }));
    }

    /// Connects by TCP, successfully.
    pub fn connect(&mut self, key: ProcessKey, destination: &str) {
        self.connect_to(key, destination, None);
    }

    /// The same out of another network namespace.
    pub fn connect_in(&mut self, key: ProcessKey, destination: &str, network: u32) {
        self.connected(key, destination, None, network);
    }

    /// The same, to a peer of which a database knows the place.
    pub fn connect_to(&mut self, key: ProcessKey, destination: &str, peer: Option<GeoLocation>) {
        self.connected(key, destination, peer, NETWORK);
    }

    fn connected(&mut self, key: ProcessKey, destination: &str, peer: Option<GeoLocation>, network: u32) {
        let flow = Flow {
            protocol: Protocol::Tcp,
            source: SocketAddr::from(([10, 0, 0, 2], 40_000)),
            destination: destination.parse().expect("an address"),
            opened: self.now,
        };
        let peer = peer.map(Box::new);
        self.happen(key, EventBody::Connect(Connect { flow, result: 0, network_namespace: network, peer }));
    }

    /// One payload of a connection, sent or received, captured as the kernel side does.
    pub fn payload(&mut self, key: ProcessKey, payload: Words<'_>) {
        let Words { peer, direction, accepted, bytes } = payload;
        let flow = Flow {
            protocol: Protocol::Tcp,
            source: SocketAddr::from(([10, 0, 0, 2], 40_000)),
            destination: peer.parse().expect("an address"),
            opened: self.now,
        };
        self.happen(
            key,
            EventBody::Payload(Box::new(Payload {
                flow,
                direction,
                index: 0,
                length: u32::try_from(bytes.len()).expect("a payload is short"),
                accepted,
                bytes: Bytes(bytes[..bytes.len().min(512)].into()),
                app: AppData::default(),
            })),
        );
    }

    /// One datagram of a flow it opened.
    pub fn datagram(&mut self, key: ProcessKey, peer: &str, direction: Direction, bytes: &[u8]) {
        let flow = Flow {
            protocol: Protocol::Udp,
            source: SocketAddr::from(([10, 0, 0, 2], 50_000)),
            destination: peer.parse().expect("an address"),
            opened: self.now,
        };
        let length = u32::try_from(bytes.len()).expect("a datagram is short");
        let bytes = Bytes(bytes.into());
        let app = AppData::default();
        let payload = Payload { flow, direction, index: 0, length, accepted: false, bytes, app };
        self.happen(key, EventBody::Payload(Box::new(payload)));
    }

    /// Sends on a connection it opened.
    pub fn send(&mut self, key: ProcessKey, peer: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.payload(key, Words { peer, direction: Direction::Sent, accepted: false, bytes });
    }

    /// Receives on a connection it opened.
    pub fn receive(&mut self, key: ProcessKey, peer: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.payload(key, Words { peer, direction: Direction::Received, accepted: false, bytes });
    }

    /// Creates a file with these permission bits.
    pub fn create(&mut self, key: ProcessKey, path: &str, mode: u32) {
        self.change(key, FileAction::Create, path, None, mode);
    }

    /// Opens a file for writing.
    pub fn write(&mut self, key: ProcessKey, path: &str) {
        self.change(key, FileAction::Write, path, None, 0o644);
    }

    /// Changes a file's permission bits.
    pub fn chmod(&mut self, key: ProcessKey, path: &str, mode: u32) {
        self.change(key, FileAction::Chmod, path, None, mode);
    }

    /// Deletes a file.
    pub fn delete(&mut self, key: ProcessKey, path: &str) {
        self.change(key, FileAction::Delete, path, None, 0);
    }

    /// Renames a file.
    pub fn rename(&mut self, key: ProcessKey, from: &str, to: &str) {
        if let Some(file) = self.files.remove(from) {
            self.files.insert(to.to_owned(), file);
        }
        self.change(key, FileAction::Rename, to, Some(from), 0o644);
    }

    /// Uses so many whole processors for so many seconds, told once a second.
    pub fn burn(&mut self, key: ProcessKey, processors: f64, span: u64) {
        for second in 1..=span {
            self.wait(seconds(1));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
            let on_cpu = (processors * 1e9) as u64;
            self.happen(
                key,
                EventBody::Cpu(CpuUsage {
                    window: 1_000_000_000,
                    on_cpu,
                    total_on_cpu: on_cpu * second,
                    voluntary: 0,
                    involuntary: second,
                    threads: 2,
                    nice: 0,
                    yields: 0,
                    stops: 0,
                    policy: SchedulingPolicy::Other,
                    allowed_processors: 1,
                }),
            );
        }
    }

    /// One CPU report, after the time it speaks of has passed.
    pub fn report(&mut self, key: ProcessKey, burn: Burn) {
        let Burn { window, processors, yields, stops } = burn;
        self.wait(seconds(window));
        let window = window * 1_000_000_000;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let on_cpu = (processors * window as f64) as u64;
        self.happen(
            key,
            EventBody::Cpu(CpuUsage {
                window,
                on_cpu,
                total_on_cpu: on_cpu,
                voluntary: 0,
                involuntary: 0,
                yields,
                stops,
                threads: 2,
                nice: 0,
                policy: SchedulingPolicy::Other,
                allowed_processors: 1,
            }),
        );
    }

    /// Ten seconds in which it takes such a share of its quota of half a processor, and is throttled in so many of a
    /// hundred periods.
    pub fn throttled(&mut self, key: ProcessKey, throttled: u64, used: f64) {
        self.wait(seconds(10));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let on_cpu = (used * 5e9) as u64;
        let quota = CpuQuota {
            cgroup: "/kubepods/pod1".into(),
            quota: 50_000,
            period: 100_000,
            window: 10_000_000_000,
            periods: 100,
            throttled,
            throttled_time: 0,
            on_cpu,
        };
        self.happen(key, EventBody::Quota(Box::new(quota)));
    }

    /// Ends a connection.
    pub fn disconnect(&mut self, key: ProcessKey, destination: &str) {
        let flow = Flow {
            protocol: Protocol::Tcp,
            source: SocketAddr::from(([10, 0, 0, 2], 40_000)),
            destination: destination.parse().expect("an address"),
            opened: self.now,
        };
        self.happen(
            key,
            EventBody::Close(Close {
                flow,
                bytes: None,
                segments: None,
                first_payload: None,
                last_payload: None,
                network_namespace: NETWORK,
                peer: None,
            }),
        );
    }

    /// Looks at a process's arithmetic find this, counted from its start.
    pub fn looks(&mut self, key: ProcessKey, rounding: Rounding) {
        self.happen(key, EventBody::Rounding(rounding));
    }

    /// Ends a process.
    pub fn exit(&mut self, key: ProcessKey) {
        self.happen(key, EventBody::Exit(Exit { code: Some(0), signal: None, on_cpu: 0 }));
    }

    /// Anything else.
    pub fn happen(&mut self, key: ProcessKey, body: EventBody) {
        self.now = self.now.plus(Duration::from_millis(1));
        let person = self.people.get(&key);
        let uid = person.map_or(0, |person| person.uid);
        let container = person.and_then(|person| person.container.clone());
        let subject = Subject { key, tid: key.pid, uid, gid: uid, cgroup: 0, container };
        let mut event = Event { time: self.now, subject, body };
        self.dissector.dissect(&mut event);
        self.events.push(event);
    }

    /// Gives the inode of a deleted file to another.
    pub fn reuse_inode(&mut self, deleted: &str, new: &str) {
        let file = self.file(deleted);
        self.files.remove(deleted);
        self.files.insert(new.to_owned(), file);
    }

    fn change(&mut self, key: ProcessKey, action: FileAction, path: &str, old_path: Option<&str>, mode: u32) {
        let file = Some(self.file(path));
        self.happen(
            key,
            EventBody::File(Box::new(FileChange {
                action,
                path: Arc::from(path),
                old_path: old_path.map(Arc::from),
                file,
                mode: if mode == 0 { 0 } else { 0o100_000 | mode },
                device: None,
            })),
        );
    }

    fn executable(&mut self, path: &str) -> Executable {
        let flags =
            ExecutableFlags { memfd: path.starts_with("/memfd:"), deleted: path.ends_with(" (deleted)") };
        Executable { path: Arc::from(path), file: Some(self.file(path)), flags }
    }

    fn file(&mut self, path: &str) -> FileId {
        let next_inode = &mut self.next_inode;
        *self.files.entry(path.to_owned()).or_insert_with(|| {
            *next_inode += 1;
            FileId { device: 8 << 20 | 1, inode: *next_inode }
        })
    }
}

fn name_of(path: &str) -> Arc<str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    Arc::from(name.chars().take(15).collect::<String>())
}

fn words(arguments: &[&str]) -> Arc<[Arc<str>]> {
    arguments.iter().map(|argument| Arc::from(*argument)).collect()
}

/// Id and weight of every finding, in order, that detectors alone make of what happened on a host.
pub fn findings(host: &Host) -> Vec<(&'static str, u8)> {
    findings_on(host, 1)
}

/// The same on a host of so many processors.
pub fn findings_on(host: &Host, processors: u32) -> Vec<(&'static str, u8)> {
    let mut found = Vec::new();
    Bench::new(processors).run(host.events(), |finding, _| {
        found.extend(finding.found().iter().map(|finding| (finding.info.id, finding.signal.weight)));
    });
    found
}

/// Id and weight of every finding that these detectors make, on a host of one processor.
pub fn findings_of(declarations: &[&'static Declaration], host: &Host) -> Vec<(&'static str, u8)> {
    let mut bench = Bench::new(1);
    bench.detectors = Detectors::of(declarations, &DetectorSettings::default());
    let mut found = Vec::new();
    bench.run(host.events(), |finding, _| {
        found.extend(finding.found().iter().map(|finding| (finding.info.id, finding.signal.weight)));
    });
    found
}

/// Every request, in order, that detectors make for what happened on a host.
pub fn requests(host: &Host) -> Vec<Request> {
    let mut requests = Vec::new();
    Bench::new(2).run(host.events(), |findings, _| requests.append(findings.requests_mut()));
    requests
}

/// Detectors with what they look at, without an engine around them.
#[derive(Debug)]
pub struct Bench {
    processors: u32,
    table: ProcessTable,
    knowledge: Knowledge,
    /// The detectors.
    pub detectors: Detectors,
}

impl Bench {
    /// Detectors that know nothing yet.
    pub fn new(processors: u32) -> Self {
        Self {
            processors,
            table: ProcessTable::new(TableLimits::default()),
            knowledge: Knowledge::new(Arc::new(crate::intel::built_in())),
            detectors: Detectors::default(),
        }
    }

    /// Sends events through; `on_findings` is called after each.
    pub fn run(&mut self, events: &[Event], mut on_findings: impl FnMut(&mut Findings, &Event)) {
        for event in events {
            let key = event.subject.key;
            self.table.take_in(event);
            let process = self.table.get(key).expect("a host's processes are known");
            self.knowledge.observe(event, process, &self.table);
            let mut findings = Findings::default();
            let context = DetectionContext {
                event,
                process,
                table: &self.table,
                processors: self.processors,
                known: &self.knowledge,
            };
            self.detectors.inspect(&context, &mut findings);
            if let Some(taint) = findings.found().iter().find_map(|finding| finding.taint) {
                self.table.get_mut(key).expect("known").taint = Some(taint);
            }
            on_findings(&mut findings, event);
            if let EventBody::Exit(_) = event.body {
                self.table.exit(key, event.time);
            }
        }
    }
}

/// Takes an event in. Requests stay unanswered.
pub fn feed(engine: &mut Engine, event: &Event, alerts: &mut Vec<Alert>) {
    let mut effects = Vec::new();
    engine.ingest(event, false, &mut effects);
    collect(engine, effects, alerts);
}

/// Lets time pass.
pub fn pass_time(engine: &mut Engine, now: BootTime, alerts: &mut Vec<Alert>) {
    let mut effects = Vec::new();
    engine.tick(now, &mut effects);
    collect(engine, effects, alerts);
}

fn collect(engine: &mut Engine, mut effects: Vec<Effect>, alerts: &mut Vec<Alert>) {
    while !effects.is_empty() {
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::Alert(alert) => alerts.push(*alert),
                Effect::Request(request) => engine.unanswered(&request, &mut effects),
                Effect::Observed(_) => {}
            }
        }
    }
}

/// What an engine says of what happened on a host.
pub fn alerts(host: &Host) -> Vec<Alert> {
    let mut engine = Engine::new(EngineSettings { processors: 2, ..EngineSettings::default() });
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
    }
    alerts
}

/// Alerts as a page to read and to compare.
pub fn story(alerts: &[Alert]) -> String {
    let mut page = String::new();
    for alert in alerts {
        let Alert { action, verdict, score, folded, suspect, parent, message, .. } = alert;
        let parent = parent.as_ref().map_or("nobody", |parent| &parent.name);
        let _ = writeln!(page, "{action:?} {verdict:?} score {score} folded {folded}");
        let _ = writeln!(page, "  suspect {} ({}) of {parent}", suspect.name, suspect.key.pid);
        let _ = writeln!(page, "  {message}");
        for signal in &alert.signals {
            let _ = writeln!(
                page,
                "  {:>3} {:<3} {:?} pid {}: {}",
                signal.weight, signal.id.0, signal.class, signal.process.pid, signal.detail
            );
            for Evidence { name, value, threshold, unit: _ } in &signal.evidence {
                let _ = writeln!(page, "          {name} = {value}");
                if let Some(threshold) = threshold {
                    let _ = writeln!(page, "          {name}_threshold = {threshold}");
                }
            }
        }
        for edge in &alert.chain {
            let at = edge.at.since(BootTime(3_600_000_000_000)).as_secs_f64();
            let kind = format!("{:?}", edge.kind).to_lowercase();
            let _ = writeln!(
                page,
                "  {at:>8.3} {kind:<8} {} ({}) → {}",
                edge.name, edge.process.pid, edge.object
            );
        }
        page.push('\n');
    }
    page
}

/// The highest verdict that was ever alerted.
pub fn verdict(host: &Host) -> Option<Verdict> {
    alerts(host).iter().map(|alert| alert.verdict).max()
}
