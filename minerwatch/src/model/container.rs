//! Containers: where the cgroup of a process puts it, and what the runtime says about that place.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

/// Labels of a container or a pod, by name.
pub type Labels = BTreeMap<Arc<str>, Arc<str>>;

/// The runtime of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerRuntime {
    /// Docker.
    Docker,
    /// containerd, with or without its CRI plugin.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// LXC, also as a part of Incus and LXD. The id of a container is its name.
    Lxc,
    /// A runtime that the path of the cgroup does not name.
    Unknown,
}

impl ContainerRuntime {
    /// Returns the name as events have it, if the runtime is known.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Docker => Some("docker"),
            Self::Containerd => Some("containerd"),
            Self::CriO => Some("cri-o"),
            Self::Podman => Some("podman"),
            Self::Lxc => Some("lxc"),
            Self::Unknown => None,
        }
    }
}

/// Container or service of a process, read from the path of its cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Container {
    /// The cgroup's path, relative to the root of the hierarchy.
    pub cgroup: Arc<str>,
    /// The container's full id, if the cgroup is a container's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// The container's runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<ContainerRuntime>,
    /// The full id of the container around this one, as of a node of a cluster that runs in Docker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outer: Option<Arc<str>>,
    /// The uid of the Kubernetes pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<Arc<str>>,
    /// The systemd unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// What the runtime says about the container. `None` as long as it was not asked or has not answered. Empty if it
    /// cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Arc<ContainerDetails>>,
}

impl Container {
    /// Whether both are the same cgroup, no matter what the runtime said about the container.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let Self { cgroup, id, runtime, outer, pod_uid, unit, details: _ } = self;
        *cgroup == other.cgroup
            && *id == other.id
            && *runtime == other.runtime
            && *outer == other.outer
            && *pod_uid == other.pod_uid
            && *unit == other.unit
    }

    /// Returns whether this is the container with an id, and nothing is known about it.
    pub fn awaits(&self, id: &str) -> bool {
        self.details.as_ref().is_none_or(|details| details.is_empty()) && self.id.as_deref() == Some(id)
    }

    /// Sets what is known about the container.
    pub fn described(&self, details: &Arc<ContainerDetails>) -> Arc<Self> {
        Arc::new(Self { details: Some(Arc::clone(details)), ..self.clone() })
    }
}

/// What a runtime says about a container. The user who starts a container chooses these texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerDetails {
    /// The name; in a pod, the name within the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// The image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ContainerImage>,
    /// The labels of the container, without those that repeat other fields.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The Kubernetes pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// The runtime that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<ContainerRuntime>,
}

impl ContainerDetails {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The image of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerImage {
    /// The name, without the tag: `docker.io/library/nginx`. Empty if only the digest is known.
    pub name: Arc<str>,
    /// The tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Arc<str>>,
    /// Digests, each as `ALGORITHM:VALUE`: those of the registries, then the image's own id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<Arc<str>>,
}

impl ContainerImage {
    /// Returns the name with the tag: `nginx:1.27`. `None` if the name is not known.
    pub fn reference(&self) -> Option<String> {
        if self.name.is_empty() {
            return None;
        }
        Some(match &self.tag {
            Some(tag) => format!("{}:{tag}", self.name),
            None => self.name.to_string(),
        })
    }
}

/// A Kubernetes pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// The name.
    pub name: Arc<str>,
    /// The namespace.
    pub namespace: Arc<str>,
    /// The labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// The answer of the runtimes about a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerDescription {
    /// The full id of the container.
    pub id: Arc<str>,
    /// What is known; empty if no runtime knows the container.
    pub details: Arc<ContainerDetails>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_the_tag_if_there_is_one() {
        let image = |name: &str, tag: Option<&str>| {
            ContainerImage { name: name.into(), tag: tag.map(Arc::from), digests: Vec::new() }.reference()
        };
        assert_eq!(image("nginx", Some("1.27")).as_deref(), Some("nginx:1.27"));
        assert_eq!(image("nginx", None).as_deref(), Some("nginx"));
        assert_eq!(image("", Some("1.27")), None);
    }
}
