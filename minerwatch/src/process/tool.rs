//! The small tools of the system that scripts call.

use super::{Command, Process, is_in_system_directory};

/// The tools that change files, processes and settings. Shells, downloaders and viewers have roles of their own.
#[rustfmt::skip]
const TOOLS: [&str; 62] = [
    "cp", "mv", "rm", "ln", "ls", "mkdir", "rmdir", "touch", "install", "dd", "truncate", "shred", "chmod", "chown", "chattr",
    "lsattr", "mount", "umount", "tar", "gzip", "gunzip", "unzip", "base64", "xargs", "kill", "killall", "fuser", "timeout",
    "nohup", "setsid", "nice", "sleep", "sync", "sysctl", "systemctl", "service", "chkconfig", "rc-service", "rc-update",
    "initctl", "iptables", "ip6tables", "nft", "ufw", "firewall-cmd", "setenforce", "auditctl", "modprobe", "insmod", "rmmod",
    "crontab", "at", "ssh", "scp", "ssh-keygen", "nsenter", "chroot", "unshare", "useradd", "usermod", "passwd", "chpasswd",
];

/// Whether a process runs a tool of the system that unrelated people use. Who called it decides what it means.
pub fn is_tool(process: &Process) -> bool {
    process.is_of_system()
        && process.script.as_deref().is_none_or(is_in_system_directory)
        && Command::of(process).is(&TOOLS)
}
