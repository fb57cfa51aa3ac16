//! What is counted about lists.

use serde::Serialize;

/// Lists of indicators now, and how often they were fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListMetrics {
    /// Lists.
    pub lists: u64,
    /// Entries that are watched for.
    pub watched: u64,
    /// Entries that are never reported.
    pub allowed: u64,
    /// Entries that were left out, for any reason.
    pub left_out: u64,
    /// Files that cannot be used.
    pub troubled: u64,
    /// Memory of the table, bytes.
    pub bytes: u64,
    /// Successful fetches.
    pub fetched: u64,
    /// Failed fetches.
    pub fetches_failed: u64,
}
