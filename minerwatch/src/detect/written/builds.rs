//! Finds the shells and jobs that built a program: the callers of its linker. They are kept with the file, because the linker
//! ends at once, and the program runs minutes later.

use std::sync::Arc;

use crate::{
    model::ProcessKey,
    process::{Command, Process, ProcessTable, Role},
};

/// The programs that write an executable from compiled parts.
const LINKERS: [&str; 12] = [
    "ld", "ld.bfd", "ld.gold", "ld.lld", "ld64.lld", "lld", "gold", "mold", "ld.mold", "collect2", "link",
    "rust-lld",
];
/// Maximum number of callers that are kept.
const MAX_CALLERS: usize = 24;

/// Returns the callers of a process if it is a linker of the system.
pub(super) fn builders(table: &ProcessTable, writer: &Process) -> Option<Arc<[ProcessKey]>> {
    let is_linker = writer.role == Role::Other
        && writer.script.is_none()
        && Command::of(writer).is(&LINKERS)
        && writer.is_of_system();
    is_linker.then(|| callers(table, writer.key()).take(MAX_CALLERS).collect())
}

/// Returns the processes that started a process, itself or through others. The first process of the host and what starts
/// unrelated services and jobs are left out, because they started everything.
pub(super) fn callers(table: &ProcessTable, key: ProcessKey) -> impl Iterator<Item = ProcessKey> {
    let starts_everything = |role| matches!(role, Role::Kernel | Role::Init | Role::Scheduler | Role::Agent);
    table.ancestry(key).skip(1).take_while(move |caller| !starts_everything(caller.role)).map(Process::key)
}
