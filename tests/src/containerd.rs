//! A containerd of the test's own, with its Container Runtime Interface, and pods in it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Scratch, command, notes, require};

/// Longest time until containerd listens.
const START: Duration = Duration::from_secs(30);

/// Plays the kubelet.
const KUBELET: &str = include_str!("containerd.py");

/// A running containerd. It is stopped when dropped.
#[derive(Debug)]
pub struct Containerd {
    /// The path of the socket.
    pub socket: String,
    daemon: Child,
}

/// A pod with one container. Both are removed when dropped.
#[derive(Debug)]
pub struct Pod {
    /// The id of the container.
    pub container: String,
    kubelet: Child,
    input: Option<ChildStdin>,
}

impl Containerd {
    /// Starts containerd with an image of a static busybox, whose name is `image`. Returns `None`, with a note, if
    /// something is not installed.
    ///
    /// # Panics
    /// When containerd is there and does not start.
    pub fn start(test: &str, scratch: &Scratch, image: &str) -> Option<Self> {
        let programs = ["containerd", "ctr", "runc", "busybox"];
        let has_all = programs.iter().all(|program| require::on_path(program).is_some());
        let has_grpc = Command::new("python3").args(["-c", "import grpc"]).stderr(Stdio::null()).status();
        if !has_all || !has_grpc.is_ok_and(|status| status.success()) {
            let needs = "it needs containerd and gRPC (apt-get install containerd runc busybox-static python3-grpcio)";
            notes::skipped(test, needs);
            return None;
        }
        let socket = scratch.join("containerd.sock");
        let config = scratch.join("containerd.toml");
        let (root, state) = (scratch.join("containerd-root"), scratch.join("containerd-state"));
        let content = format!(
            "version = 2\nroot = \"{root}\"\nstate = \"{state}\"\n[grpc]\naddress = \"{socket}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"{image}\"\nrestrict_oom_score_adj = true\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"native\"\n"
        );
        fs::write(&config, content).expect("a file can be written");
        let log = fs::File::create(scratch.join("containerd.log")).expect("a file can be made");
        let daemon = Command::new("containerd")
            .args(["--config", &config])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("containerd starts");
        let containerd = Self { socket, daemon };
        let end = Instant::now() + START;
        while !Path::new(&containerd.socket).exists() {
            assert!(Instant::now() < end, "containerd does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        let archive = archive(scratch, image);
        let arguments = ["-a", &containerd.socket, "-n", "k8s.io", "images", "import", &archive];
        let imported = Command::new("ctr").args(arguments).output().expect("ctr starts");
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        Some(containerd)
    }

    /// Starts a pod with one container.
    ///
    /// # Panics
    /// When containerd refuses.
    pub fn pod(
        &self,
        parent: &str,
        namespace: &str,
        pod: &str,
        container: &str,
        image: &str,
        command: &[&str],
    ) -> Pod {
        let mut kubelet = Command::new("python3")
            .args(["-c", KUBELET, &self.socket, parent, namespace, pod, container, image])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut line = String::new();
        let output = kubelet.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("readable");
        let container = line.split_whitespace().nth(1).expect("containerd starts the pod").to_owned();
        let input = kubelet.stdin.take();
        Pod { container, kubelet, input }
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.input.take();
        let _ = self.kubelet.wait();
    }
}

/// Makes an archive of an image, as `docker save` writes it. Returns its path.
fn archive(scratch: &Scratch, image: &str) -> String {
    let (root, parts) = (scratch.join("image-root"), scratch.join("image-parts"));
    for directory in [format!("{root}/bin"), format!("{root}/tmp"), parts.clone()] {
        fs::create_dir_all(directory).expect("a directory can be made");
    }
    let busybox = require::on_path("busybox").expect("it was found before");
    fs::copy(busybox, format!("{root}/bin/busybox")).expect("busybox can be copied");
    let tar = |from: &str, to: &str| {
        let status = Command::new("tar").args(["-C", from, "-cf", to, "."]).status();
        assert!(status.expect("tar starts").success());
    };
    tar(&root, &format!("{parts}/layer.tar"));
    let sum = command::run("sha256sum", &[&format!("{parts}/layer.tar")]);
    let sum = String::from_utf8_lossy(&sum.stdout).into_owned();
    let hash = sum.split_whitespace().next().expect("a hash");
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["/bin/busybox", "sleep", "1000"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{hash}")]},
    });
    let manifest =
        serde_json::json!([{"Config": "config.json", "RepoTags": [image], "Layers": ["layer.tar"]}]);
    fs::write(format!("{parts}/config.json"), config.to_string()).expect("a file can be written");
    fs::write(format!("{parts}/manifest.json"), manifest.to_string()).expect("a file can be written");
    let path = scratch.join("image-archive.tar");
    let status = Command::new("tar")
        .args(["-C", &parts, "-cf", &path, "manifest.json", "config.json", "layer.tar"])
        .status();
    assert!(status.expect("tar starts").success());
    path
}
