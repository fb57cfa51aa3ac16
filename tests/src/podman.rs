//! A Podman of the test's own: storage, state and socket are in a scratch directory, and images are made here.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Scratch, notes, require};

/// Longest time until the service listens.
const START: Duration = Duration::from_secs(30);

/// Podman with its service. The service is stopped when dropped.
#[derive(Debug)]
pub struct Podman {
    directory: String,
    /// The path of the service's socket.
    pub socket: String,
    service: Option<Child>,
}

impl Podman {
    /// Starts the service, and makes the image `name` of a static busybox. Returns `None`, with a note, if this host has
    /// no Podman or cannot run it.
    ///
    /// # Panics
    /// When Podman is there and its service does not start.
    pub fn start(test: &str, scratch: &Scratch, name: &str) -> Option<Self> {
        for program in ["podman", "runc", "conmon", "busybox"] {
            if require::on_path(program).is_none() {
                let needs = format!("it needs {program} (apt-get install podman runc conmon busybox-static)");
                notes::skipped(test, &needs);
                return None;
            }
        }
        let directory = scratch.join("podman");
        let root = scratch.join("image");
        fs::create_dir_all(format!("{root}/bin")).expect("a directory can be made");
        fs::create_dir_all(format!("{root}/tmp")).expect("a directory can be made");
        let busybox = require::on_path("busybox").expect("just found");
        fs::copy(busybox, format!("{root}/bin/busybox")).expect("busybox can be copied");
        let archive = scratch.join("image.tar");
        let tar = Command::new("tar").args(["-C", &root, "-cf", &archive, "."]).status();
        assert!(tar.expect("tar starts").success());
        let mut podman = Self { directory, socket: scratch.join("podman.sock"), service: None };
        let imported = podman.run(&["import", &archive, name]);
        if !imported.status.success() {
            let error = String::from_utf8_lossy(&imported.stderr);
            notes::skipped(test, &format!("podman makes no image here: {}", error.trim()));
            return None;
        }
        let address = format!("unix://{}", podman.socket);
        let mut service = podman.command(&["system", "service", "--time", "0", &address]);
        let service = service.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        podman.service = Some(service.spawn().expect("podman starts"));
        let end = Instant::now() + START;
        while !Path::new(&podman.socket).exists() {
            assert!(Instant::now() < end, "the service of podman does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Some(podman)
    }

    /// Runs a container without a network, in the foreground, with these options, image and arguments.
    pub fn container(&self, rest: &[&str]) -> Output {
        let fixed = [
            "run",
            "--network",
            "none",
            "--ulimit",
            "nofile=1024:1024",
            "--ulimit",
            "nproc=4096:4096",
            "--log-driver",
            "none",
        ];
        self.run(&[fixed.as_slice(), rest].concat())
    }

    /// Runs podman with these arguments.
    ///
    /// # Panics
    /// When podman cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().expect("podman starts")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command.args([
            "--root",
            &format!("{}/root", self.directory),
            "--runroot",
            &format!("{}/run", self.directory),
        ]);
        command.args(["--tmpdir", &format!("{}/tmp", self.directory), "--storage-driver", "vfs"]);
        command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]);
        command.args(arguments);
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.run(&["rm", "--all", "--force", "--time", "0"]);
        if let Some(service) = &mut self.service {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}
