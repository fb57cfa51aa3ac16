//! Files that get their content from a downloader, although another process opened them: a shell opens the file of
//! `curl … > x` before it becomes curl, and `tar` writes what it reads from curl in `curl … | tar x`.

use std::{collections::VecDeque, time::Duration};

use super::Origin;
use crate::{
    bounded::BoundedMap,
    model::{BootTime, FileAction, FileChange, ProcessKey},
    process::{Process, ProcessTable, Role},
};

/// Maximum number of shells whose latest downloader is remembered.
const SHELLS: usize = 1_024;
/// Maximum number of latest writes that are remembered.
const WRITES: usize = 256;
/// Maximum time from opening a file to becoming the downloader that fills it.
const REDIRECTED: Duration = Duration::from_secs(5);
/// Maximum time between the starts of two processes of one pipeline.
const PIPELINE: Duration = Duration::from_secs(1);

/// A write that may turn out to be that of a downloader.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) at: BootTime,
    pub(super) writer: ProcessKey,
    pub(super) change: FileChange,
    /// The shell that started the writer, if one did.
    shell: Option<ProcessKey>,
}

/// The latest downloader of each shell, and the latest writes of others.
#[derive(Debug)]
pub(super) struct Fetches {
    downloaders: BoundedMap<ProcessKey, (ProcessKey, BootTime)>,
    writes: VecDeque<Write>,
}

impl Fetches {
    pub(super) fn new() -> Self {
        Self { downloaders: BoundedMap::new(SHELLS), writes: VecDeque::new() }
    }

    /// Whether a downloader in the same pipeline feeds the process: both began at the same time below one shell, and
    /// the downloader was still running then. Of commands that run one after the other, the first has ended.
    pub(super) fn feed(&self, origin: &Origin<'_>) -> bool {
        let Some(shell) = shell_of(origin.process, origin.table) else { return false };
        let Some((downloader, started)) = self.downloaders.get(&shell) else { return false };
        let since = origin.process.since;
        let ran_then =
            || origin.table.get(*downloader).is_some_and(|known| known.died.is_none_or(|died| died > since));
        *downloader != origin.process.key() && is_near(since, *started) && ran_then()
    }

    /// Remembers a write of a process that has just begun.
    pub(super) fn note(&mut self, origin: &Origin<'_>, change: &FileChange) {
        let shell = shell_of(origin.process, origin.table);
        let is_new = shell.is_some() && is_near(origin.at, origin.process.since);
        if !is_new && origin.process.role != Role::Shell {
            return;
        }
        if self.writes.len() >= WRITES {
            self.writes.pop_front();
        }
        // If the write turns out to be fetched, it is processed again as a write of content.
        let change = FileChange { action: FileAction::Write, ..change.clone() };
        self.writes.push_back(Write { at: origin.at, writer: origin.process.key(), change, shell });
    }

    /// Remembers a downloader that starts. Returns the writes that were for it.
    pub(super) fn start(&mut self, origin: &Origin<'_>) -> Vec<Write> {
        let key = origin.process.key();
        let shell = shell_of(origin.process, origin.table);
        if let Some(shell) = shell {
            self.downloaders.insert(shell, (key, origin.at));
        }
        let is_own = |write: &Write| write.writer == key && origin.at.since(write.at) <= REDIRECTED;
        let is_beside = |write: &Write| {
            let lives = || origin.table.get(write.writer).is_some_and(Process::is_alive);
            write.writer != key
                && shell.is_some()
                && write.shell == shell
                && is_near(origin.at, write.at)
                && lives()
        };
        let is_for_it = |write: &Write| is_own(write) || is_beside(write);
        let found = self.writes.iter().filter(|write| is_for_it(write)).cloned().collect();
        self.writes.retain(|write| !is_for_it(write));
        found
    }
}

/// Returns the shell that started a process, if one did.
fn shell_of(process: &Process, table: &ProcessTable) -> Option<ProcessKey> {
    table
        .parent_of(process)
        .filter(|parent| matches!(parent.role, Role::Shell | Role::LoginShell))
        .map(Process::key)
}

fn is_near(one: BootTime, other: BootTime) -> bool {
    one.since(other).max(other.since(one)) <= PIPELINE
}
