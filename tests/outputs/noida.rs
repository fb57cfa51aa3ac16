//! A real server with the bulk API of Elasticsearch: noida-db. It runs without privileges in a network namespace of its
//! own, which reaches nothing.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    namespace::Namespace,
    require::{optional_server, root},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Port of the bulk API.
pub const PORT: u16 = 9200;

/// User and group of the server.
const NOBODY: u32 = 65_534;

/// Time limit for a start or an end.
const SOON: Duration = Duration::from_secs(20);

/// Time in which the server answers the requests that it has received.
const ONE_REQUEST: Duration = Duration::from_millis(500);

/// The server. It is killed when dropped.
#[derive(Debug)]
pub struct Noida {
    pub namespace: Namespace,
    scratch: Scratch,
    child: Option<Child>,
}

impl Noida {
    /// Starts it. Returns `None` without root or without the program.
    pub fn start(test: &str) -> Option<Self> {
        if !root(test) {
            return None;
        }
        let program = optional_server(test, "noida-db")?;
        let scratch = Scratch::new();
        // Its user may not reach the target directory.
        fs::copy(program, scratch.join("noida-db")).expect("the program can be copied");
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("our directory");
        fs::create_dir(scratch.join("data")).expect("a directory can be made");
        chown(scratch.join("data"), Some(NOBODY), Some(NOBODY)).expect("root may");
        let mut server = Self { namespace: Namespace::alone(), scratch, child: None };
        server.resume();
        Some(server)
    }

    /// Words in front of a command that runs in the server's namespace.
    pub fn wrapper(&self) -> [String; 2] {
        ["nsenter".to_owned(), format!("--net=/run/netns/{}", self.namespace.name)]
    }

    /// Starts it again with its data, and waits until it listens.
    pub fn resume(&mut self) {
        let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()];
        let log = fs::OpenOptions::new().append(true).create(true).open(self.scratch.join("log"));
        let mut command = self.inside("setpriv");
        command.args(user).arg(self.scratch.join("noida-db"));
        command.args(["start", "--only", "elasticsearch", "--elasticsearch-port", &PORT.to_string()]);
        command.args(["--data-dir", &self.scratch.join("data")]);
        command.stdout(Stdio::null()).stderr(log.expect("a file can be opened"));
        self.child = Some(command.spawn().expect("nsenter can be started"));
        let start = Instant::now();
        while !self.namespace.listens(PORT) {
            let log = fs::read_to_string(self.scratch.join("log")).unwrap_or_default();
            assert!(start.elapsed() < SOON, "noida-db does not listen: {log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it was started and not ended.
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Ends it, after nobody can reach it any more. It writes its documents to the disk only when it ends. A kill would lose
    /// documents that it has confirmed. It also loses confirmed documents that arrive while it writes (in 8 of 12 ends under
    /// load).
    pub fn stop(&mut self) {
        self.namespace.set_loopback(false);
        thread::sleep(ONE_REQUEST);
        self.signal(Signal::TERM);
        if let Some(mut child) = self.child.take() {
            child.wait().expect("our child");
        }
        self.namespace.set_loopback(true);
    }

    /// Stops it for a while, and lets it go on.
    pub fn freeze(&self, time: Duration) {
        self.signal(Signal::STOP);
        thread::sleep(time);
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?));
        kill_process(pid.expect("it runs"), signal).expect("it runs");
    }

    /// Asks the server. Returns `null` if it does not answer.
    pub fn get(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{PORT}/{path}");
        let Output { stdout, .. } =
            self.inside("curl").args(["--silent", "--max-time", "10", &url]).output().expect("curl starts");
        serde_json::from_slice(&stdout).unwrap_or_default()
    }

    /// Path of a file of the server.
    pub fn program(&self) -> PathBuf {
        self.scratch.join("noida-db").into()
    }

    fn inside(&self, program: &str) -> Command {
        let [nsenter, namespace] = self.wrapper();
        let mut command = Command::new(nsenter);
        command.args([&namespace, program]).stdin(Stdio::null());
        command
    }
}

impl Drop for Noida {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
