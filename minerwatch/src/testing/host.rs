//! A simulated host: tests call its methods, and each call appends events.

mod cpu;
mod files;
mod network;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    dissect::Dissector,
    model::{
        AccessedProcess, BootTime, Container, ContainerRuntime, Credentials, Event, EventBody, Exec,
        Executable, Exit, FileId, Fork, Namespaces, PrivilegedCall, ProcessKey, RunningProcess, SentSignal,
        Subject,
    },
};

pub use cpu::CpuReport;
pub use network::TcpPayload;

/// State of a simulated process.
#[derive(Clone, Debug)]
struct Running {
    uid: u32,
    container: Option<Arc<Container>>,
    executable: Executable,
}

/// A simulated host. Each event comes at least one millisecond after the event before.
#[derive(Debug)]
pub struct Host {
    now: BootTime,
    next_pid: u32,
    next_inode: u64,
    processes: BTreeMap<ProcessKey, Running>,
    files: BTreeMap<String, FileId>,
    dissector: Dissector,
    events: Vec<Event>,
}

/// Network namespace of every process, unless a test names another.
const NETWORK: u32 = 1;

impl Host {
    /// Creates a host that booted one hour ago.
    pub fn new() -> Self {
        Self {
            now: BootTime(3_600_000_000_000),
            next_pid: 1,
            next_inode: 1_000,
            processes: BTreeMap::new(),
            files: BTreeMap::new(),
            dissector: Dissector::default(),
            events: Vec::new(),
        }
    }

    /// Returns all events so far, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Current time of the host's clock.
    pub fn now(&self) -> BootTime {
        self.now
    }

    /// Advances the clock by `span`.
    pub fn wait(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }

    /// Adds a process that started before the sensor. The first process has pid 1 and is the parent of the later ones.
    pub fn boot(&mut self, path: &str, arguments: &[&str]) -> ProcessKey {
        let key = ProcessKey::new(self.next_pid, 1_000_000_000 * u64::from(self.next_pid));
        self.next_pid += 1;
        let executable = self.executable(path);
        self.processes.insert(key, Running { uid: 0, container: None, executable: executable.clone() });
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

    /// Forks a process and returns the child, which executes no program.
    pub fn fork(&mut self, parent: ProcessKey) -> ProcessKey {
        self.now = self.now.plus(Duration::from_millis(10));
        let key = ProcessKey::new(self.next_pid, self.now.0);
        self.next_pid += 1;
        let process = self.processes.get(&parent).cloned().expect("the parent exists");
        let name = name_of(&process.executable.path);
        self.processes.insert(key, process);
        self.happen(key, EventBody::Fork(Fork { parent, name }));
        key
    }

    /// Lets a process ask for the memory of another one.
    pub fn access(&mut self, key: ProcessKey, target: ProcessKey) {
        let target = AccessedProcess { pid: target.pid, key: Some(target), name: "x".into() };
        self.call(key, PrivilegedCall::AccessProcess(target));
    }

    /// Lets a process make a privileged call.
    pub fn call(&mut self, key: ProcessKey, call: PrivilegedCall) {
        self.happen(key, EventBody::Privileged(Box::new(call)));
    }

    /// Lets a process send a signal to another one.
    pub fn signal(&mut self, key: ProcessKey, target: ProcessKey, signal: u8) {
        let name = self.processes.get(&target).map(|process| name_of(&process.executable.path));
        let target_name = name.expect("the target exists");
        self.happen(key, EventBody::SentSignal(SentSignal { signal, target, target_name }));
    }

    /// Forks a process and returns the child, which executes a program.
    pub fn spawn(&mut self, parent: ProcessKey, path: &str, arguments: &[&str]) -> ProcessKey {
        let key = self.fork(parent);
        self.exec(key, parent, path, path, arguments);
        key
    }

    /// Forks a process and returns the child, which executes a script with a `#!` line.
    pub fn spawn_script(&mut self, parent: ProcessKey, interpreter: &str, script: &str) -> ProcessKey {
        let key = self.fork(parent);
        self.exec(key, parent, interpreter, script, &[interpreter, script]);
        key
    }

    /// Executes another program in a process.
    pub fn exec(
        &mut self,
        key: ProcessKey,
        parent: ProcessKey,
        path: &str,
        invoked: &str,
        arguments: &[&str],
    ) {
        let executable = self.executable(path);
        let uid = self.processes.get(&key).map_or(0, |process| process.uid);
        if let Some(process) = self.processes.get_mut(&key) {
            process.executable = executable.clone();
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
                chroots_to_host: false,
            })),
        );
    }

    /// The path of the program that a process runs.
    pub fn program_of(&self, key: ProcessKey) -> Arc<str> {
        Arc::clone(&self.processes.get(&key).expect("the process exists").executable.path)
    }

    /// Changes the user of a process and of its later children.
    pub fn become_user(&mut self, key: ProcessKey, uid: u32) {
        self.processes.get_mut(&key).expect("the process exists").uid = uid;
    }

    /// Moves a process and its later children into a container.
    pub fn enter(&mut self, key: ProcessKey, id: &str) {
        self.processes.get_mut(&key).expect("the process exists").container = Some(Arc::new(Container {
            cgroup: Arc::from(format!("/kubepods/{id}")),
            id: Some(Arc::from(id)),
            runtime: Some(ContainerRuntime::Containerd),
            outer: None,
            pod_uid: None,
            unit: None,
            details: None,
        }));
    }

    /// Ends a process with exit code 0.
    pub fn exit(&mut self, key: ProcessKey) {
        self.happen(key, EventBody::Exit(Exit { code: Some(0), signal: None, on_cpu: 0 }));
    }

    /// Appends an event of any kind.
    pub fn happen(&mut self, key: ProcessKey, body: EventBody) {
        self.now = self.now.plus(Duration::from_millis(1));
        let process = self.processes.get(&key);
        let uid = process.map_or(0, |process| process.uid);
        let container = process.and_then(|process| process.container.clone());
        let subject = Subject { key, tid: key.pid, uid, gid: uid, cgroup: 0, container };
        let mut event = Event { time: self.now, subject, body };
        self.dissector.dissect(&mut event);
        self.events.push(event);
    }
}

fn name_of(path: &str) -> Arc<str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    Arc::from(name.chars().take(15).collect::<String>())
}

fn words(arguments: &[&str]) -> Arc<[Arc<str>]> {
    arguments.iter().map(|argument| Arc::from(*argument)).collect()
}
