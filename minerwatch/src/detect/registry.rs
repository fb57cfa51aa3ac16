//! The list of detectors. A new one is its file and a row here.

use super::Declaration;

/// Every detector, in the order in which they look at an event.
pub static DETECTORS: &[&Declaration] = &[];
