//! The messages of `runtime.v1`, as far as they are used. Numbers and names are those of `api.proto` in the repository
//! <https://github.com/kubernetes/cri-api>. Other fields are skipped.

use std::collections::BTreeMap;

use prost::Message;

/// Asks for containers.
#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ListContainersRequest {
    #[prost(message, optional, tag = "1")]
    pub(in crate::containers) filter: Option<Filter>,
}

/// Asks for pods.
#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ListPodSandboxRequest {
    #[prost(message, optional, tag = "1")]
    pub(in crate::containers) filter: Option<Filter>,
}

/// Restricts a list to one id. `ContainerFilter` and `PodSandboxFilter` are alike in this.
#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct Filter {
    #[prost(string, tag = "1")]
    pub(in crate::containers) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ListContainersResponse {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::containers) containers: Vec<Container>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct Container {
    #[prost(string, tag = "1")]
    pub(in crate::containers) id: String,
    #[prost(string, tag = "2")]
    pub(in crate::containers) pod_sandbox_id: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::containers) metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::containers) image: Option<ImageSpec>,
    #[prost(string, tag = "5")]
    pub(in crate::containers) image_ref: String,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(in crate::containers) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ContainerMetadata {
    #[prost(string, tag = "1")]
    pub(in crate::containers) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ImageSpec {
    #[prost(string, tag = "1")]
    pub(in crate::containers) image: String,
    /// The image as the user wrote it. Older runtimes leave the field out.
    #[prost(string, tag = "18")]
    pub(in crate::containers) user_specified_image: String,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ListPodSandboxResponse {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::containers) items: Vec<PodSandbox>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct PodSandbox {
    #[prost(string, tag = "1")]
    pub(in crate::containers) id: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::containers) metadata: Option<PodSandboxMetadata>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(in crate::containers) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct PodSandboxMetadata {
    #[prost(string, tag = "1")]
    pub(in crate::containers) name: String,
    #[prost(string, tag = "3")]
    pub(in crate::containers) namespace: String,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ContainerStatusRequest {
    #[prost(string, tag = "1")]
    pub(in crate::containers) container_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ContainerStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::containers) status: Option<ContainerStatus>,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::containers) struct ContainerStatus {
    #[prost(message, optional, tag = "8")]
    pub(in crate::containers) image: Option<ImageSpec>,
    #[prost(string, tag = "9")]
    pub(in crate::containers) image_ref: String,
    #[prost(string, tag = "17")]
    pub(in crate::containers) image_id: String,
}
