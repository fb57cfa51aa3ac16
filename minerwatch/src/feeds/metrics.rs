//! Metrics of the lists.

use serde::Serialize;

/// Metrics of the loaded lists, and of the fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListMetrics {
    /// Number of loaded lists.
    pub lists: u64,
    /// Number of entries that are watched for.
    pub watched: u64,
    /// Number of entries of allow lists, which are never reported.
    pub allowed: u64,
    /// Number of entries that were left out, for any reason.
    pub left_out: u64,
    /// Number of files that cannot be used.
    pub troubled: u64,
    /// Memory of the table of entries, in bytes.
    pub bytes: u64,
    /// Number of successful fetches.
    pub fetched: u64,
    /// Number of failed fetches.
    pub fetches_failed: u64,
}
