//! Adds up the looks of related processes. Some miners replace each worker by a new process before it has enough looks of
//! its own.
//!
//! Processes are related if they run the same file in the same container. A worker that copies itself to a new path runs
//! a new file. Therefore processes of one process tree are related too, but only if their files were written recently or
//! lie in odd places. The children of a test runner are one tree as well, and they are unrelated programs.

use std::{sync::Arc, time::Duration};

use super::{Judgement, Watched};
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, PathKind},
    model::{BootTime, ControlRegister, FileId, ProcessKey, Rounding, RoundingCounts},
    process::Process,
};

/// Maximum number of tracked programs, and of tracked process trees.
const CAPACITY: usize = 256;

/// A program: its file, and the container that it runs in.
type Program = (FileId, Option<Arc<str>>);

/// The root of a process tree, and the container of a process below it.
type Lineage = (ProcessKey, Option<Arc<str>>);

/// The looks of all tracked programs and process trees.
#[derive(Debug)]
pub(super) struct Gatherings {
    programs: BoundedMap<Program, Gathered>,
    lineages: BoundedMap<Lineage, Gathered>,
}

/// The sum of the looks of related processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Together {
    pub(super) counts: RoundingCounts,
    pub(super) lasted: Duration,
    pub(super) processes: u32,
}

impl Gatherings {
    pub(super) fn new() -> Self {
        Self { programs: BoundedMap::new(CAPACITY), lineages: BoundedMap::new(CAPACITY) }
    }

    /// Adds the new looks of a process to those of its program and of its lineage. Returns what they show if that
    /// decides.
    pub(super) fn add(
        &mut self,
        context: &DetectionContext<'_>,
        before: &Rounding,
        rounding: &Rounding,
    ) -> Option<Together> {
        let (key, now) = (context.key(), context.at());
        let new = || Gathered::new(rounding.register, key, now);
        let container = context.process.container_id().cloned();
        let file = context.process.view.executable.file;
        let of_program = file.and_then(|file| {
            let program = (file, container.clone());
            self.programs.entry(&program, new).add(key, now, before, rounding)
        });
        // Without the flushing, the tests of a mathematical library, which were just built, look the same.
        if rounding.register != ControlRegister::Mxcsr || !is_odd(context, context.process) {
            return of_program;
        }
        let is_member = |parent| context.table.get(parent).is_some_and(|parent| is_odd(context, parent));
        let root = context.table.tree_path(key, is_member).last().map_or(key, Process::key);
        let of_lineage = self.lineages.entry(&(root, container), new).add(key, now, before, rounding);
        of_program.or(of_lineage)
    }

    /// Number of evicted programs and lineages.
    pub(super) fn evicted(&self) -> u64 {
        self.programs.evicted() + self.lineages.evicted()
    }
}

/// The looks of several processes.
#[derive(Clone, Copy, Debug)]
struct Gathered {
    watched: Watched,
    /// The process of the last look, and the number of processes.
    last: ProcessKey,
    processes: u32,
}

impl Gathered {
    fn new(register: ControlRegister, process: ProcessKey, now: BootTime) -> Self {
        Self { watched: Watched::new(register, now), last: process, processes: 1 }
    }

    fn add(
        &mut self,
        process: ProcessKey,
        now: BootTime,
        before: &Rounding,
        rounding: &Rounding,
    ) -> Option<Together> {
        if self.last != process {
            self.last = process;
            self.processes = self.processes.saturating_add(1);
        }
        let watched = &mut self.watched;
        let mut latest = watched.latest;
        latest.flushing = latest.flushing.plus(&rounding.flushing.since(&before.flushing));
        latest.plain = latest.plain.plus(&rounding.plain.since(&before.plain));
        watched.look(latest, now);
        // The weak form stays with single processes: all modes without the flushing are no sign of one program.
        let Judgement::Hashing(counts) = watched.judgement(now) else {
            watched.move_window(now);
            return None;
        };
        if self.processes < 2 || watched.is_reported(now) {
            return None;
        }
        let lasted = now.since(watched.since);
        watched.decided(now);
        let processes = std::mem::replace(&mut self.processes, 1);
        Some(Together { counts, lasted, processes })
    }
}

/// Whether the file of a process was written lately, lies in an odd place, or is no file at all.
fn is_odd(context: &DetectionContext<'_>, process: &Process) -> bool {
    let executable = &process.view.executable;
    let container = process.container_id().map(AsRef::as_ref);
    executable.flags.has_no_file()
        || PathKind::of(&executable.path).is_odd()
        || context.known.written.find(&executable.path, executable.file, container).is_some()
}
