//! The Container Runtime Interface of Kubernetes, which containerd and CRI-O have.

pub(super) mod wire;

use std::collections::BTreeMap;

use prost::Message as _;
use tokio::net::UnixStream;

use self::wire::{
    Container, ContainerStatus, ContainerStatusRequest, ContainerStatusResponse, Filter,
    ListContainersRequest, ListContainersResponse, ListPodSandboxRequest, ListPodSandboxResponse, PodSandbox,
};
use super::{
    describe::Described,
    error::AskError,
    grpc::{self, Channel},
    settings::RuntimeSocket,
};
use crate::{model::ContainerDetails, redact::Redactor};

/// The methods.
pub(super) const LIST_CONTAINERS: &str = "/runtime.v1.RuntimeService/ListContainers";
pub(super) const LIST_PODS: &str = "/runtime.v1.RuntimeService/ListPodSandbox";
pub(super) const CONTAINER_STATUS: &str = "/runtime.v1.RuntimeService/ContainerStatus";

/// Asks about a container. Returns `None` if there is no such container.
pub(super) async fn ask(
    socket: &RuntimeSocket,
    id: &str,
    redactor: Option<&Redactor>,
) -> Result<Option<ContainerDetails>, AskError> {
    let stream = UnixStream::connect(&socket.path).await?;
    let (mut channel, driver) = Channel::open(stream).await?;
    let found = tokio::select! {
        biased;
        found = find(&mut channel, id) => found?,
        outcome = driver => return Err(grpc::ended(outcome)),
    };
    Ok(found.map(|found| found.details(socket, redactor)))
}

/// What the runtime said.
#[derive(Debug, Default)]
struct Found {
    /// `None` for the container that holds the namespaces of a pod.
    container: Option<Container>,
    /// The state of the container, which names the image better than the list does.
    status: Option<ContainerStatus>,
    pod: Option<PodSandbox>,
}

async fn find(channel: &mut Channel, id: &str) -> Result<Option<Found>, AskError> {
    let question = ListContainersRequest { filter: Some(Filter { id: id.to_owned() }) };
    let listed: ListContainersResponse = channel.call(LIST_CONTAINERS, &question).await?.unwrap_or_default();
    let Some(container) = listed.containers.into_iter().find(|container| container.id == id) else {
        let pod = pod(channel, id).await?;
        return Ok(pod.map(|pod| Found { pod: Some(pod), ..Found::default() }));
    };
    // A container may end between two questions. What is known by then is worth telling.
    let question = ContainerStatusRequest { container_id: id.to_owned() };
    let status: Option<ContainerStatusResponse> =
        channel.call(CONTAINER_STATUS, &question).await.unwrap_or(None);
    let pod = pod(channel, &container.pod_sandbox_id).await.unwrap_or(None);
    Ok(Some(Found { container: Some(container), status: status.and_then(|own| own.status), pod }))
}

async fn pod(channel: &mut Channel, id: &str) -> Result<Option<PodSandbox>, AskError> {
    let question = ListPodSandboxRequest { filter: Some(Filter { id: id.to_owned() }) };
    let listed: ListPodSandboxResponse = channel.call(LIST_PODS, &question).await?.unwrap_or_default();
    Ok(listed.items.into_iter().find(|pod| pod.id == id))
}

impl Found {
    fn details(&self, socket: &RuntimeSocket, redactor: Option<&Redactor>) -> ContainerDetails {
        let Self { container, status, pod } = self;
        let specs = [
            status.as_ref().and_then(|status| status.image.as_ref()),
            container.as_ref().and_then(|container| container.image.as_ref()),
        ];
        let specs = specs.into_iter().flatten();
        let mut images: Vec<&str> = specs.clone().map(|spec| spec.user_specified_image.as_str()).collect();
        images.extend(specs.map(|spec| spec.image.as_str()));
        images.extend(container.as_ref().map(|container| container.image_ref.as_str()));
        images.extend(status.iter().flat_map(|status| [status.image_ref.as_str(), status.image_id.as_str()]));
        let metadata = container.as_ref().and_then(|container| container.metadata.as_ref());
        let described = Described {
            runtime: Some(socket.runtime()),
            name: metadata.map_or("", |metadata| metadata.name.as_str()),
            images,
            labels: container.as_ref().map(|container| pairs(&container.labels)).unwrap_or_default(),
            pod: pod.as_ref().and_then(|pod| {
                let metadata = pod.metadata.as_ref()?;
                Some((metadata.name.as_str(), metadata.namespace.as_str(), pairs(&pod.labels)))
            }),
        };
        described.details(redactor)
    }
}

fn pairs(labels: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Parses any bytes as every kind of answer; for the fuzzer.
pub(super) fn parse_all(bytes: &[u8]) {
    let socket = RuntimeSocket {
        name: "/run/crio.sock".into(),
        path: "/run/crio.sock".into(),
        protocol: super::Protocol::Cri,
    };
    let containers = ListContainersResponse::decode(bytes).unwrap_or_default();
    let status = ContainerStatusResponse::decode(bytes).unwrap_or_default();
    let pods = ListPodSandboxResponse::decode(bytes).unwrap_or_default();
    let found = Found {
        container: containers.containers.into_iter().next(),
        status: status.status,
        pod: pods.items.into_iter().next(),
    };
    let _ = found.details(&socket, None);
}
