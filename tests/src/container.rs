//! Runs containers with runc. A container can use the programs of the host.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{Scratch, command, namespace::Namespace, unique};

/// Directories of the host that are mounted read-only in the container.
const HOST: [&str; 4] = ["/usr", "/bin", "/lib", "/lib64"];

/// A running container. It is killed and deleted when dropped.
#[derive(Debug)]
pub struct Container {
    name: String,
    child: Child,
}

impl Container {
    /// Runs the command `arguments` in a container with the cgroup path `cgroup` and the network namespace `network`.
    /// The container sees the host's directory `shown` at `/shown`.
    ///
    /// # Panics
    /// When runc cannot be started.
    pub fn start(
        scratch: &Scratch,
        cgroup: &str,
        network: &Namespace,
        shown: &str,
        arguments: &[&str],
    ) -> Self {
        let bundle = scratch.join("bundle");
        for directory in ["tmp", "etc/cron.d", "shown"] {
            fs::create_dir_all(format!("{bundle}/rootfs/{directory}")).expect("a directory can be made");
        }
        command::run("runc", &["spec", "--bundle", &bundle]);
        let path = format!("{bundle}/config.json");
        let text = fs::read_to_string(&path).expect("runc wrote it");
        let mut spec: Value = serde_json::from_str(&text).expect("JSON");
        spec["process"]["args"] = json!(arguments);
        spec["process"]["terminal"] = json!(false);
        spec["root"]["readonly"] = json!(false);
        spec["linux"]["cgroupsPath"] = json!(cgroup);
        for namespace in spec["linux"]["namespaces"].as_array_mut().expect("a list") {
            if namespace["type"] == "network" {
                namespace["path"] = json!(format!("/var/run/netns/{}", network.name));
            }
        }
        let mounts = spec["mounts"].as_array_mut().expect("a list");
        let bind = |from: &str, to: &str| json!({"destination": to, "source": from, "type": "bind", "options": ["rbind", "ro"]});
        mounts.extend(HOST.iter().map(|path| bind(path, path)));
        mounts.push(bind(shown, "/shown"));
        fs::write(&path, spec.to_string()).expect("a file can be written");
        let name = unique("mw");
        let child = Command::new("runc")
            .args(["run", "--bundle", &bundle, &name])
            .stdin(Stdio::null())
            .spawn()
            .expect("runc can be started");
        Self { name, child }
    }

    /// Waits for the command in the container. Returns whether it succeeded.
    ///
    /// # Panics
    /// When the exit status cannot be read.
    pub fn wait(&mut self) -> bool {
        self.child.wait().expect("our child").success()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = command::try_run("runc", &["delete", "--force", &self.name]);
        let _ = self.child.wait();
    }
}
