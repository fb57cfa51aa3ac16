//! Keeps the evidence about the suspects of an incident: a directory, or a tar archive of it, with a manifest of hashes.
//!
//! Reads only, and changes nothing of the suspects. The size, the time and the free space of the disk are limited, and
//! the manifest says what was left out.

mod collect;
mod core_file;
mod keep;
mod pack;
mod process;
mod store;

pub use collect::{Custody, Evidence, EvidenceLimits, Subject, collect};
pub use keep::clean;
pub use pack::pack;
