//! Programs that an intruder brings: dropped ones, and those in temporary places or in memory.

use crate::{detect::PathKind, process::Process};

/// Whether a process runs a program that was dropped, or one that lies in a temporary place or in memory. A hidden place
/// is not enough, because developers' tools lie in hidden directories of a home.
pub fn is_of_intruder(process: &Process) -> bool {
    process.is_dropped()
        || process.view.executable.flags.memfd
        || PathKind::of(process.program_path()) == PathKind::Temporary
}
