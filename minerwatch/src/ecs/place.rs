//! Fields about the container of a process: `container.*` and `orchestrator.*`.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{Container, ContainerDetails, ContainerImage, Labels, Pod};

/// `container.*`.
#[derive(Debug, Serialize)]
pub(super) struct ContainerFields<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImageFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a Labels>,
}

#[derive(Debug, Serialize)]
struct ImageFields<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<All<'a>>,
}

#[derive(Debug, Serialize)]
struct All<'a> {
    all: &'a [Arc<str>],
}

/// `orchestrator.*`.
#[derive(Debug, Serialize)]
pub(super) struct OrchestratorFields<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Cluster<'a>>,
    resource: Resource<'a>,
}

#[derive(Debug, Serialize)]
struct Cluster<'a> {
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct Resource<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    label: Vec<String>,
}

impl<'a> ContainerFields<'a> {
    /// Returns `None` if the place is no container.
    pub(super) fn of(container: &'a Container) -> Option<Self> {
        let id = container.id.as_deref()?;
        let details = container.details.as_deref();
        let by_cgroup = container.runtime.and_then(crate::model::ContainerRuntime::name);
        let runtime = by_cgroup.or_else(|| details?.runtime?.name());
        Some(Self {
            id,
            name: details.and_then(|details| details.name.as_deref()),
            runtime,
            image: details.and_then(|details| details.image.as_ref()).and_then(ImageFields::of),
            labels: details.map(|details| &details.labels).filter(|labels| !labels.is_empty()),
        })
    }
}

impl<'a> ImageFields<'a> {
    fn of(image: &'a ContainerImage) -> Option<Self> {
        let ContainerImage { name, tag, digests } = image;
        if name.is_empty() && digests.is_empty() {
            return None;
        }
        let hash = (!digests.is_empty()).then_some(All { all: digests });
        Some(Self { name, tag: tag.as_deref().map(|tag| [tag]), hash })
    }
}

impl<'a> OrchestratorFields<'a> {
    /// Returns `None` if the place is no pod. `cluster` is the name of the cluster, if the configuration has one.
    pub(super) fn of(container: &'a Container, cluster: Option<&'a str>) -> Option<Self> {
        let details: Option<&'a ContainerDetails> = container.details.as_deref();
        let pod = details.and_then(|details| details.pod.as_ref());
        let id = container.pod_uid.as_deref();
        if id.is_none() && pod.is_none() {
            return None;
        }
        let of_pod = |part: fn(&Pod) -> &str| pod.map(part).filter(|text| !text.is_empty());
        let label = |(name, value): (&Arc<str>, &Arc<str>)| format!("{name}:{value}");
        Some(Self {
            r#type: "kubernetes",
            namespace: of_pod(|pod| &pod.namespace),
            cluster: cluster.map(|name| Cluster { name }),
            resource: Resource {
                r#type: "pod",
                id,
                name: of_pod(|pod| &pod.name),
                label: pod.map(|pod| pod.labels.iter().map(label).collect()).unwrap_or_default(),
            },
        })
    }
}
