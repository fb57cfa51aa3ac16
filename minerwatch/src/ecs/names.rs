//! Names of the kernel's numbers: errnos, signals and capabilities.

use std::fmt;

/// Returns the name and meaning of an errno with which a connection can fail (asm-generic/errno-base.h, errno.h).
pub(super) fn errno(number: i32) -> Option<(&'static str, &'static str)> {
    Some(match number {
        1 => ("EPERM", "operation not permitted"),
        4 => ("EINTR", "interrupted by a signal"),
        11 => ("EAGAIN", "no local port or memory free"),
        12 => ("ENOMEM", "out of memory"),
        13 => ("EACCES", "permission denied"),
        22 => ("EINVAL", "invalid argument"),
        32 => ("EPIPE", "broken pipe"),
        71 => ("EPROTO", "protocol error"),
        92 => ("ENOPROTOOPT", "protocol not available"),
        97 => ("EAFNOSUPPORT", "address family not supported"),
        98 => ("EADDRINUSE", "address in use"),
        99 => ("EADDRNOTAVAIL", "address not available"),
        100 => ("ENETDOWN", "network is down"),
        101 => ("ENETUNREACH", "network unreachable"),
        103 => ("ECONNABORTED", "connection aborted"),
        104 => ("ECONNRESET", "connection reset by the peer"),
        105 => ("ENOBUFS", "no buffer space"),
        106 => ("EISCONN", "already connected"),
        107 => ("ENOTCONN", "not connected"),
        110 => ("ETIMEDOUT", "connection timed out"),
        111 => ("ECONNREFUSED", "connection refused"),
        112 => ("EHOSTDOWN", "host is down"),
        113 => ("EHOSTUNREACH", "no route to the host"),
        114 => ("EALREADY", "connection already in progress"),
        115 => ("EINPROGRESS", "no answer yet"),
        125 => ("ECANCELED", "operation canceled"),
        _ => return None,
    })
}

/// Writes the name at `index`, or `number` if the list has no such name.
fn write_name(
    formatter: &mut fmt::Formatter<'_>,
    names: &[&str],
    index: Option<u32>,
    number: fmt::Arguments<'_>,
) -> fmt::Result {
    let index = index.and_then(|index| usize::try_from(index).ok());
    match index.and_then(|index| names.get(index)) {
        Some(name) => formatter.write_str(name),
        None => formatter.write_fmt(number),
    }
}

/// A signal, written as its name (asm/signal.h of x86 and arm64). A real-time signal is written as its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignalName(pub u8);

const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

impl fmt::Display for SignalName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(formatter, &SIGNALS, u32::from(self.0).checked_sub(1), format_args!("SIG{}", self.0))
    }
}

/// A type of BPF program, written as in `bpftool prog`. A type newer than this list is written as its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct BpfProgramType(pub u32);

/// The types from 0 on (`enum bpf_prog_type`, include/uapi/linux/bpf.h).
const BPF_PROGRAM_TYPES: [&str; 33] = [
    "unspec",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
];

impl fmt::Display for BpfProgramType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(formatter, &BPF_PROGRAM_TYPES, Some(self.0), format_args!("{}", self.0))
    }
}

/// A capability, written as its name (linux/capability.h). A capability newer than this list is written as its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct CapabilityName(pub u32);

const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

impl fmt::Display for CapabilityName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(formatter, &CAPABILITIES, Some(self.0), format_args!("CAP_{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_right_names() {
        assert_eq!(SignalName(9).to_string(), "SIGKILL");
        assert_eq!(SignalName(31).to_string(), "SIGSYS");
        assert_eq!(SignalName(34).to_string(), "SIG34");
        assert_eq!(SignalName(0).to_string(), "SIG0");
        assert_eq!(CapabilityName(12).to_string(), "CAP_NET_ADMIN");
        assert_eq!(CapabilityName(21).to_string(), "CAP_SYS_ADMIN");
        assert_eq!(CapabilityName(40).to_string(), "CAP_CHECKPOINT_RESTORE");
        assert_eq!(CapabilityName(63).to_string(), "CAP_63");
        assert_eq!(BpfProgramType(26).to_string(), "tracing");
        assert_eq!(BpfProgramType(32).to_string(), "netfilter");
        assert_eq!(BpfProgramType(33).to_string(), "33");
    }
}
