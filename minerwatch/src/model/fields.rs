//! The fields that the configuration adds to every object.

use std::collections::BTreeMap;

/// Tags, labels and the place in a cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraFields {
    /// ECS `tags`.
    pub tags: Vec<String>,
    /// ECS `labels`, by name.
    pub labels: BTreeMap<String, String>,
    /// ECS `cloud.*`.
    pub cloud: CloudFields,
}

/// The place of a host in a cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudFields {
    /// `cloud.provider`.
    pub provider: Option<String>,
    /// `cloud.region`.
    pub region: Option<String>,
    /// `cloud.availability_zone`.
    pub availability_zone: Option<String>,
    /// `cloud.account.id`.
    pub account_id: Option<String>,
    /// `cloud.instance.id`.
    pub instance_id: Option<String>,
}
