//! What is asked, and where.

use std::{path::PathBuf, sync::Arc};

use crate::{model::ContainerRuntime, redact::Redactor};

/// The protocol of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The HTTP interface of Docker, which Podman has, too.
    Docker,
    /// The Container Runtime Interface of Kubernetes, version 1, over gRPC.
    Cri,
}

/// A socket of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeSocket {
    /// The name in counters and messages: the path as it was configured.
    pub name: Arc<str>,
    /// The path of the socket as this process sees it.
    pub path: PathBuf,
    /// The protocol that the runtime speaks.
    pub protocol: Protocol,
}

impl RuntimeSocket {
    /// Guesses the runtime from the usual paths.
    pub(super) fn runtime(&self) -> ContainerRuntime {
        let is = |word: &str| self.name.contains(word);
        match self.protocol {
            Protocol::Docker if is("podman") => ContainerRuntime::Podman,
            Protocol::Docker => ContainerRuntime::Docker,
            Protocol::Cri if is("crio") => ContainerRuntime::CriO,
            Protocol::Cri if is("containerd") || is("k3s") => ContainerRuntime::Containerd,
            Protocol::Cri => ContainerRuntime::Unknown,
        }
    }

    /// Returns how unlikely it is that this socket knows a container of a runtime; the lowest is asked first.
    pub(super) fn distance(&self, runtime: ContainerRuntime, is_in_pod: bool) -> u8 {
        let of_protocol = match runtime {
            ContainerRuntime::Docker | ContainerRuntime::Podman => Protocol::Docker,
            ContainerRuntime::Containerd | ContainerRuntime::CriO => Protocol::Cri,
            _ if is_in_pod => Protocol::Cri,
            _ => Protocol::Docker,
        };
        u8::from(self.runtime() != runtime) + 2 * u8::from(self.protocol != of_protocol)
    }
}

/// Settings of [`super::ContainerNames`].
#[derive(Clone, Debug, Default)]
pub struct ContainerSettings {
    /// The sockets.
    pub sockets: Vec<RuntimeSocket>,
    /// Removes secrets from labels.
    pub redactor: Option<Arc<Redactor>>,
}
