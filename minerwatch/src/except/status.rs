//! The exceptions in the status of the daemon.

use serde::{Deserialize, Serialize};

use super::exception::Exception;

/// An exception, with what the daemon knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedException {
    /// The exception.
    #[serde(flatten)]
    pub exception: Exception,
    /// Whether it does not apply any more.
    pub expired: bool,
    /// Alerts that it hid since the daemon started. `None` if no daemon was asked.
    pub hidden: Option<u64>,
}

/// All exceptions of the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExceptionStatus {
    /// The file that `minerwatch except` edits.
    pub file: Option<String>,
    /// Why the file is not used. Until it is corrected, the exceptions stay as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Alerts that were hidden since the start.
    pub hidden: u64,
    /// Number of exceptions that apply.
    pub active: u64,
    /// Number of exceptions that expired.
    pub expired: u64,
    /// The exceptions.
    pub list: Vec<ListedException>,
}
