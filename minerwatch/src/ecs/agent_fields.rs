//! The fields of what the daemon says about itself.

use std::sync::Arc;

use serde::Serialize;

/// `minerwatch.agent.*`.
#[derive(Debug, Serialize)]
pub(super) struct AgentReportFields<'a> {
    pub config_hash: &'a str,
    pub uptime_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub unavailable: &'a [Arc<str>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostFields<'a>>,
    pub spool_age_s: u64,
}

/// The losses of one kind. The kind is a value and no name of a field, so that an index needs no field for each kind.
#[derive(Debug, Serialize)]
pub(super) struct LostFields<'a> {
    pub name: &'a str,
    pub value: u64,
}
