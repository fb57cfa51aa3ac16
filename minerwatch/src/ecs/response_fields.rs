//! The fields of `minerwatch.response.*`.

use serde::Serialize;

use super::{timestamp::Timestamp, values::Shown};
use crate::model::ProcessKey;

/// `minerwatch.response.*`.
#[derive(Debug, Serialize)]
pub(super) struct ResponseFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<&'static str>,
    pub outcome: &'static str,
    pub by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'a str>,
    pub took_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entity_id: Vec<Shown<ProcessKey>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pid: Vec<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub cgroup: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedFields>,
}

/// `minerwatch.response.blocked.*`.
#[derive(Debug, Serialize)]
pub(super) struct BlockedFields {
    pub connects: u64,
    pub sends: u64,
    pub packets: u64,
}
