//! A control group with a limit of CPU time, as a container runtime makes it.

use std::{fs, path::PathBuf, process::Command};

use crate::unique;

const ROOT: &str = "/sys/fs/cgroup";

/// A control group with a CPU quota. With cgroup version 1, one group of the same name in each hierarchy that is
/// needed. The group is removed when dropped, so all its processes must have ended before.
#[derive(Debug)]
pub struct Limited {
    name: String,
    directories: Vec<PathBuf>,
}

impl Limited {
    /// Creates a control group with a quota of `hundredths` hundredths of a processor.
    ///
    /// # Panics
    /// When the control group cannot be created.
    pub fn new(hundredths: u32) -> Self {
        let name = unique("mw-limited");
        let is_unified = PathBuf::from(ROOT).join("cgroup.controllers").exists();
        let hierarchies: &[&str] = if is_unified { &[""] } else { &["cpu", "pids"] };
        let directories: Vec<PathBuf> =
            hierarchies.iter().map(|hierarchy| PathBuf::from(ROOT).join(hierarchy).join(&name)).collect();
        if is_unified {
            fs::write(format!("{ROOT}/cgroup.subtree_control"), "+cpu").expect("the controller is there");
        }
        for directory in &directories {
            fs::create_dir(directory).expect("a control group can be made");
        }
        let quota = (hundredths * 1_000).to_string();
        // With the maximum weight, the quota alone limits the group, even on a busy machine.
        let settings = if is_unified {
            [("cpu.max", format!("{quota} 100000")), ("cpu.weight", "10000".to_owned())]
        } else {
            [("cpu.cfs_quota_us", quota), ("cpu.shares", "262144".to_owned())]
        };
        for (file, text) in settings {
            fs::write(directories[0].join(file), text).expect("a limit can be set");
        }
        Self { name, directories }
    }

    /// Returns the path of the group below the root of the hierarchy.
    pub fn path(&self) -> String {
        format!("/{}", self.name)
    }

    /// Returns a command that enters the group and then executes `program`.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let enter = |directory: &PathBuf| format!("echo $$ > {}/cgroup.procs", directory.display());
        let enter: Vec<String> = self.directories.iter().map(enter).collect();
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{} && exec \"$0\" \"$@\"", enter.join(" && ")), program])
            .args(arguments);
        command
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        for directory in &self.directories {
            let _ = fs::remove_dir(directory);
        }
    }
}
