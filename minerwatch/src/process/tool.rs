//! The small tools of the system that scripts call.

use super::{Command, Process};

/// The tools that change files, processes and settings. Shells, downloaders and viewers have roles of their own.
#[rustfmt::skip]
const TOOLS: [&str; 62] = [
    "cp", "mv", "rm", "ln", "ls", "mkdir", "rmdir", "touch", "install", "dd", "truncate", "shred", "chmod", "chown", "chattr",
    "lsattr", "mount", "umount", "tar", "gzip", "gunzip", "unzip", "base64", "xargs", "kill", "killall", "fuser", "timeout",
    "nohup", "setsid", "nice", "sleep", "sync", "sysctl", "systemctl", "service", "chkconfig", "rc-service", "rc-update",
    "initctl", "iptables", "ip6tables", "nft", "ufw", "firewall-cmd", "setenforce", "auditctl", "modprobe", "insmod", "rmmod",
    "crontab", "at", "ssh", "scp", "ssh-keygen", "nsenter", "chroot", "unshare", "useradd", "usermod", "passwd", "chpasswd",
];

/// The directories in which the tools lie.
const DIRECTORIES: [&str; 4] = ["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"];

/// Whether a process runs a tool of the system that unrelated people use. Who called it decides what it means.
pub fn is_tool(process: &Process) -> bool {
    // A program that does not lie where tools do has only the name of one.
    let file = process.program_path();
    let lies_there = DIRECTORIES
        .iter()
        .any(|directory| file.strip_prefix(directory).is_some_and(|name| !name.contains('/')));
    lies_there && process.is_of_system() && Command::of(process).is(&TOOLS) && process.taint.is_none()
}
