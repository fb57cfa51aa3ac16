//! Who may never be touched, whatever the incident says.

use std::{
    collections::HashSet,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    refusal::{Guard, Refusal},
    tree::Running,
};
use crate::{
    enrich::proc::{Proc, Status},
    host,
    model::{Never, Traits},
};

/// Directories of programs that an administrator installed. A program of a protected name elsewhere is not protected.
const INSTALLED: [&str; 9] = [
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/opt/",
    "/snap/",
    "/var/lib/rancher/",
    "/var/lib/k0s/",
    "/nix/store/",
];

/// Programs by the guard that protects them. A `*` at the end stands for any rest.
const PROTECTED: &[(Guard, &str, &[&str])] = &[
    (
        Guard::ContainerRuntime,
        "a container runtime; respond to the container's own processes",
        &[
            "dockerd",
            "containerd",
            "containerd-shim*",
            "docker-init",
            "docker-proxy",
            "runc",
            "crun",
            "youki",
            "crio",
            "conmon",
            "conmonrs",
            "podman",
            "buildkitd",
            "lxd",
            "lxc-start",
            "lxcfs",
            "systemd-nspawn",
            "systemd-machined",
            "catatonit",
            "tini",
        ],
    ),
    (
        Guard::Kubelet,
        "the kubelet or a part of the cluster on this node; without it the node is lost",
        &["kubelet", "kube-proxy", "k3s*", "k0s", "rke2", "microk8s*", "kube-apiserver", "etcd"],
    ),
    (
        Guard::LoginService,
        "a service through which people log in; without it nobody can reach this host",
        &[
            "sshd",
            "sshd-session",
            "sshd-auth",
            "dropbear",
            "login",
            "agetty",
            "getty",
            "systemd-logind",
            "systemd-userdbd",
            "sssd",
            "sssd_*",
            "tailscaled",
            "cockpit-ws",
            "amazon-ssm-agent",
            "ssm-agent-worker",
        ],
    ),
    (
        Guard::HostService,
        "a daemon that keeps this host running or on the network",
        &[
            "systemd",
            "init",
            "systemd-journald",
            "systemd-udevd",
            "systemd-networkd",
            "systemd-resolved",
            "systemd-timesyncd",
            "NetworkManager",
            "dhclient",
            "dhcpcd",
            "udhcpc",
            "wpa_supplicant",
            "ifupdown*",
            "dbus-daemon",
            "dbus-broker*",
            "polkitd",
            "chronyd",
            "ntpd",
            "dnsmasq",
            "unbound",
            "named",
            "bird",
            "bird6",
            "frr",
            "zebra",
            "bgpd",
            "ospfd",
            "keepalived",
            "conntrackd",
            "cilium-agent",
            "calico-node",
            "flanneld",
            "openvpn",
            "charon*",
            "wg-quick",
            "multipathd",
            "iscsid",
            "rpcbind",
            "lvmetad",
            "dmeventd",
            "mdadm",
            "udevd",
            "auditd",
            "waagent",
            "google_guest_agent",
            "qemu-ga",
        ],
    ),
];

/// The guards of one order.
#[derive(Clone, Debug)]
pub struct Guards<'a> {
    /// The configuration's list.
    pub never: &'a [Never],
    /// The processes of minerwatch.
    pub agent: HashSet<u32>,
    /// The process that asked, and its ancestors.
    pub session: HashSet<u32>,
    /// Where `/proc` is.
    pub proc: &'a Proc,
}

impl Guards<'_> {
    /// Checks a process that the incident names.
    pub fn check_suspect(&self, process: &Running) -> Result<(), Refusal> {
        self.check_child(process)?;
        // An update of a package deletes the file that its daemons still run.
        let Some(path) = self.executable(process.key.pid) else { return Ok(()) };
        let path = path
            .to_str()
            .and_then(|path| path.strip_suffix(" (deleted)"))
            .map_or(path.clone(), PathBuf::from);
        let Some((guard, what)) = protected(&path) else { return Ok(()) };
        if !self.is_installed(process.key.pid, &path) {
            return Ok(());
        }
        Err(refuse(guard, process, &format!("it runs {}, {what}", path.display())))
    }

    /// Checks a process that a suspect started. Which program it runs protects it from nothing: else a miner could start
    /// sshd to be left alone.
    pub fn check_child(&self, process: &Running) -> Result<(), Refusal> {
        let pid = process.key.pid;
        if pid == 1 {
            return Err(refuse(Guard::Init, process, "it is the first process of this host"));
        }
        if process.kernel_thread || pid == 2 {
            return Err(refuse(Guard::KernelThread, process, "it is a thread of the kernel"));
        }
        if self.agent.contains(&pid) {
            return Err(refuse(Guard::Agent, process, "it is minerwatch itself"));
        }
        if self.session.contains(&pid) {
            let why = "the command that you run now, its shell or its session is below it; run the command from \
                       another session";
            return Err(refuse(Guard::ResponderSession, process, why));
        }
        self.check_never(process)
    }

    fn check_never(&self, process: &Running) -> Result<(), Refusal> {
        match self.find(self.never, process.key.pid) {
            Some(never) => {
                Err(refuse(Guard::Never, process, &format!("response.never has `{never}`, which it is")))
            }
            None => Ok(()),
        }
    }

    /// Returns the first entry of a list that is about a process.
    pub fn find<'a>(&self, list: &'a [Never], pid: u32) -> Option<&'a Never> {
        if list.is_empty() {
            return None;
        }
        let path = self.executable(pid).unwrap_or_default();
        let uid = self.proc.read(pid, "status", 4096).ok().and_then(|text| Status::parse(&text));
        let uid = uid.map_or(u32::MAX, |status| status.uid);
        let user = user_name(uid);
        let cgroups = self.proc.cgroups(pid).unwrap_or_default();
        let path = path.to_string_lossy();
        let traits = Traits { path: &path, cgroups: &cgroups, uid, user: user.as_deref() };
        list.iter().find(|never| never.concerns(&traits))
    }

    fn executable(&self, pid: u32) -> Option<PathBuf> {
        std::fs::read_link(self.proc.path(pid, "exe")).ok()
    }

    /// Whether the program is one that an administrator installed: a file of root in a system directory of the host,
    /// which nobody else may write. A name alone protects nobody.
    fn is_installed(&self, pid: u32, path: &Path) -> bool {
        let in_place = INSTALLED.iter().any(|directory| path.starts_with(directory));
        let is_roots = std::fs::metadata(self.proc.path(pid, "exe"))
            .is_ok_and(|file| file.uid() == 0 && file.mode() & 0o022 == 0);
        let namespace = |pid: &str| std::fs::read_link(self.proc.path_of(pid, "ns/mnt")).ok();
        // A container brings its own files. Those of minerwatch and of the first process are the host's.
        let own = namespace(&pid.to_string());
        let is_hosts = own.is_some() && (own == namespace("1") || own == namespace("self"));
        in_place && is_roots && is_hosts
    }
}

fn protected(path: &Path) -> Option<(Guard, &'static str)> {
    let name = path.file_name()?.to_str()?;
    let is_named = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *pattern,
    };
    let row = PROTECTED.iter().find(|(_, _, names)| names.iter().any(is_named))?;
    Some((row.0, row.1))
}

fn refuse(guard: Guard, process: &Running, why: &str) -> Refusal {
    Refusal::new(guard, format!("{} (pid {}) may not be touched: {why}", process.name, process.key.pid))
}

fn user_name(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string(host::root().join("etc/passwd")).ok()?;
    let id = uid.to_string();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    })
}

/// Returns a process and its ancestors, without the first process of the host.
pub fn with_ancestors(pid: u32, proc: &Proc) -> HashSet<u32> {
    let mut found = HashSet::new();
    let mut next = Some(pid);
    while let Some(pid) = next.filter(|pid| *pid > 1 && found.len() < 256) {
        if !found.insert(pid) {
            break;
        }
        next = proc.stat(pid).map(|stat| stat.parent);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProcessKey;

    fn running(pid: u32, name: &str) -> Running {
        Running {
            key: ProcessKey::from_ticks(pid, 1),
            parent: 1,
            session: pid,
            name: name.to_owned(),
            kernel_thread: false,
        }
    }

    #[test]
    fn each_guard_names_itself_and_the_process() {
        let proc = Proc::default();
        let own = std::process::id();
        let guards = Guards {
            never: &[],
            agent: HashSet::from([7]),
            session: with_ancestors(own, &proc),
            proc: &proc,
        };
        assert!(!guards.session.contains(&1), "a session ends below the first process");
        let of = |process: &Running| guards.check_suspect(process).map_err(|refusal| refusal.guard);
        assert_eq!(of(&running(1, "systemd")), Err(Guard::Init));
        assert_eq!(
            of(&Running { kernel_thread: true, ..running(99, "kworker/0:1") }),
            Err(Guard::KernelThread)
        );
        assert_eq!(of(&running(7, "minerwatch")), Err(Guard::Agent));
        assert_eq!(of(&running(own, "test")), Err(Guard::ResponderSession));
        let message =
            guards.check_suspect(&running(7, "minerwatch")).expect_err("it is the agent").to_string();
        assert!(message.starts_with("minerwatch (pid 7) may not be touched"), "{message}");
        assert_eq!(of(&running(u32::MAX - 7, "gone")), Ok(()));
    }

    #[test]
    fn a_name_is_protected_by_its_guard() {
        let of = |path: &str| protected(Path::new(path)).map(|(guard, _)| guard);
        assert_eq!(of("/usr/bin/containerd-shim-runc-v2"), Some(Guard::ContainerRuntime));
        assert_eq!(of("/usr/local/bin/kubelet"), Some(Guard::Kubelet));
        assert_eq!(of("/usr/sbin/sshd"), Some(Guard::LoginService));
        assert_eq!(of("/usr/lib/systemd/systemd-resolved"), Some(Guard::HostService));
        assert_eq!(of("/usr/bin/xmrig"), None);
        assert_eq!(of("/tmp/sshd-miner"), None);
    }

    #[test]
    fn a_protected_name_in_another_place_protects_nobody() {
        let scratch = tempfile::tempdir().expect("a directory");
        let copy = scratch.path().join("sshd");
        std::fs::copy("/bin/sleep", &copy).expect("there is a sleep");
        let mut child = std::process::Command::new(&copy).arg("30").spawn().expect("it starts");
        let proc = Proc::default();
        let guards = Guards { never: &[], agent: HashSet::new(), session: HashSet::new(), proc: &proc };
        // The exec may not have happened yet.
        for _ in 0..1000 {
            if guards.executable(child.id()).as_deref() == Some(&copy) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let verdict = guards.check_suspect(&running(child.id(), "sshd"));
        let never = [Never::try_from(format!("{}*", scratch.path().display())).expect("a path")];
        let listed = Guards { never: &never, ..guards }.check_suspect(&running(child.id(), "sshd"));
        child.kill().expect("our child");
        child.wait().expect("our child");
        assert_eq!(verdict, Ok(()));
        assert_eq!(listed.map_err(|refusal| refusal.guard), Err(Guard::Never));
    }
}
