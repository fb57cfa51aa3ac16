//! Why a stage was not applied.

use std::fmt;

/// A guard refused the stage. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The guard.
    pub guard: Guard,
    /// What it protects and what to do, as a sentence.
    pub message: String,
}

impl Refusal {
    /// Creates a refusal.
    pub fn new(guard: Guard, message: impl Into<String>) -> Self {
        Self { guard, message: message.into() }
    }
}

/// The guards. Each protects one kind of process or file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The first process of the host.
    Init,
    /// A thread of the kernel.
    KernelThread,
    /// minerwatch itself.
    Agent,
    /// The process that asked for the response, and its ancestors, for example its shell and its SSH session.
    ResponderSession,
    /// A container runtime or one of its shims.
    ContainerRuntime,
    /// The kubelet, or a distribution of Kubernetes that contains it.
    Kubelet,
    /// A service through which people log in, such as sshd.
    LoginService,
    /// A daemon that keeps the host running or on the network.
    HostService,
    /// A process that is in the incident, but is no suspect.
    Bystander,
    /// The suspect's own verdict is not `mining`.
    Verdict,
    /// The configuration's list `never`.
    Never,
    /// The configuration limits the policy to other suspects.
    Only,
    /// No process of the suspect is left.
    NoProcess,
    /// There is no cgroup that could hold the suspect alone.
    NoCgroup,
    /// There is no controller for processor time.
    NoCpuController,
    /// The kernel or this build cannot do it.
    Unavailable,
    /// The executable belongs to a package.
    Package,
    /// The file system of the executable is read-only.
    ReadOnly,
    /// The disk of the state directory is nearly full.
    DiskFull,
    /// The file is not the one that the incident names.
    Hash,
    /// There is no file to move.
    NoFile,
    /// A person released the suspect, so the policy leaves it alone.
    Released,
}

impl Guard {
    /// The name in messages and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::KernelThread => "kernel-thread",
            Self::Agent => "agent",
            Self::ResponderSession => "responder-session",
            Self::ContainerRuntime => "container-runtime",
            Self::Kubelet => "kubelet",
            Self::LoginService => "login-service",
            Self::HostService => "host-service",
            Self::Bystander => "bystander",
            Self::Verdict => "verdict",
            Self::Never => "never",
            Self::Only => "only",
            Self::NoProcess => "no-process",
            Self::NoCgroup => "no-cgroup",
            Self::NoCpuController => "no-cpu-controller",
            Self::Unavailable => "unavailable",
            Self::Package => "package",
            Self::ReadOnly => "read-only",
            Self::DiskFull => "disk-full",
            Self::Hash => "hash",
            Self::NoFile => "no-file",
            Self::Released => "released",
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
