//! The living processes of the suspects: those that the incident names, and everything that they started.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    enrich::proc::{Proc, Stat, file_id},
    model::{FileId, ProcessKey},
};

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The process.
    pub key: ProcessKey,
    /// Its parent's pid.
    pub parent: u32,
    /// The pid of its session leader.
    pub session: u32,
    /// Its name.
    pub name: String,
    /// Whether it is a thread of the kernel.
    pub kernel_thread: bool,
}

impl Running {
    /// Reads one process. A process that has ended is none, also while its parent has not noticed.
    pub fn read(pid: u32, proc: &Proc) -> Option<Self> {
        let Stat { name, state, parent, session, kernel_thread, start_ticks } = proc.stat(pid)?;
        if matches!(state, 'Z' | 'X') {
            return None;
        }
        Some(Self { key: ProcessKey::from_ticks(pid, start_ticks), parent, session, name, kernel_thread })
    }
}

/// Returns all processes of the host, the oldest pid first.
pub fn all(proc: &Proc) -> Vec<Running> {
    let mut all: Vec<Running> =
        proc.pids().into_iter().flatten().filter_map(|pid| Running::read(pid, proc)).collect();
    all.sort_by_key(|process| process.key.start_ticks);
    all
}

/// The processes of the suspects.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What was ever seen to belong to it. A child keeps belonging to it after its parent has ended.
    known: FxHashSet<ProcessKey>,
    /// Executables that only the suspects run: each process that runs one belongs to the tree.
    programs: FxHashSet<FileId>,
    roots: Vec<ProcessKey>,
    /// What the last look found.
    latest: Vec<Running>,
}

impl Tree {
    /// Creates the tree below these processes. `programs` are the executables of the suspects that are no part of the
    /// system.
    pub fn new(roots: Vec<ProcessKey>, programs: impl IntoIterator<Item = FileId>) -> Self {
        Self {
            known: roots.iter().copied().collect(),
            programs: programs.into_iter().collect(),
            roots,
            latest: Vec::new(),
        }
    }

    /// The processes that the incident names.
    pub fn roots(&self) -> &[ProcessKey] {
        &self.roots
    }

    /// The living processes that the last look found. Nothing was found before the first look.
    pub fn latest(&self) -> &[Running] {
        &self.latest
    }

    /// Finds the living processes of the tree. Call it again while the tree may grow. It reads all processes of the host,
    /// so use [`Self::latest`] where a moment does not matter.
    pub fn living(&mut self, proc: &Proc) -> Vec<Running> {
        self.among(&all(proc), proc)
    }

    /// Finds the living processes of the tree among all processes of the host, as [`all`] has just read them.
    ///
    /// A process belongs to the tree if its parent does or did, if its session was begun by a process of the tree, or
    /// if it runs a program that only the suspects run. A process that was orphaned before it was ever seen is found by
    /// its session or its program.
    pub fn among(&mut self, all: &[Running], proc: &Proc) -> Vec<Running> {
        let by_pid: FxHashMap<u32, ProcessKey> =
            all.iter().map(|process| (process.key.pid, process.key)).collect();
        let may_belong = |process: &&Running| !process.kernel_thread && process.key.pid != 1;
        for process in all.iter().filter(may_belong) {
            if !self.known.contains(&process.key) && self.runs_program(process.key.pid, proc) {
                self.known.insert(process.key);
            }
        }
        loop {
            let before = self.known.len();
            for process in all.iter().filter(may_belong) {
                if self.known.contains(&process.key) {
                    continue;
                }
                let leads = |pid: u32| {
                    // A parent or leader is older, so a reused pid is not taken for it.
                    by_pid.get(&pid).is_some_and(|key| {
                        self.known.contains(key) && key.start_ticks <= process.key.start_ticks
                    })
                };
                if leads(process.parent) || leads(process.session) {
                    self.known.insert(process.key);
                }
            }
            if self.known.len() == before {
                break;
            }
        }
        self.latest = all.iter().filter(|process| self.known.contains(&process.key)).cloned().collect();
        self.latest.clone()
    }

    fn runs_program(&self, pid: u32, proc: &Proc) -> bool {
        !self.programs.is_empty() && program(pid, proc).is_some_and(|file| self.programs.contains(&file))
    }
}

/// Returns the executable of a process.
pub fn program(pid: u32, proc: &Proc) -> Option<FileId> {
    let file = rustix::fs::stat(proc.path(pid, "exe")).ok()?;
    Some(file_id(file.st_dev, file.st_ino))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn process(proc: &Path, pid: u32, parent: u32, session: u32, start: u64) {
        let directory = proc.join(pid.to_string());
        fs::create_dir_all(&directory).expect("a directory");
        let line = format!(
            "{pid} (p{pid}) S {parent} {pid} {session} 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 1 0 {start} 1000 10 1\n"
        );
        fs::write(directory.join("stat"), line).expect("a file");
    }

    fn pids(tree: &mut Tree, proc: &Proc) -> Vec<u32> {
        tree.living(proc).iter().map(|process| process.key.pid).collect()
    }

    #[test]
    fn children_belong_to_it_also_when_their_parent_has_ended() {
        let scratch = tempfile::tempdir().expect("a directory");
        let proc = Proc::at(scratch.path());
        let new = |pid, parent, session, start| process(scratch.path(), pid, parent, session, start);
        new(1, 0, 1, 1);
        new(50, 1, 50, 5);
        new(100, 50, 50, 10);
        new(101, 100, 50, 11);
        new(102, 101, 50, 12);
        new(200, 50, 50, 20);
        let mut tree = Tree::new(vec![ProcessKey::from_ticks(100, 10)], []);
        assert_eq!(pids(&mut tree, &proc), [100, 101, 102]);
        // The parent ends, and its child is orphaned and forks again.
        fs::remove_dir_all(scratch.path().join("101")).expect("it is there");
        new(102, 1, 50, 12);
        new(103, 102, 50, 30);
        assert_eq!(pids(&mut tree, &proc), [100, 102, 103]);
        // A reused pid is another process.
        new(102, 50, 50, 99);
        assert_eq!(pids(&mut tree, &proc), [100, 103]);
    }

    #[test]
    fn a_look_is_about_the_processes_that_were_read() {
        let scratch = tempfile::tempdir().expect("a directory");
        let proc = Proc::at(scratch.path());
        let new = |pid, parent, start| process(scratch.path(), pid, parent, parent, start);
        new(1, 0, 1);
        new(100, 1, 10);
        let mut tree = Tree::new(vec![ProcessKey::from_ticks(100, 10)], []);
        assert_eq!(tree.latest(), []);
        let before = all(&proc);
        new(101, 100, 11);
        assert_eq!(tree.among(&before, &proc).len(), 1);
        assert_eq!(tree.latest().len(), 1);
        assert_eq!(pids(&mut tree, &proc), [100, 101]);
        assert_eq!(tree.latest().len(), 2);
    }

    #[test]
    fn a_session_of_a_suspect_belongs_to_it_but_not_a_session_around_it() {
        let scratch = tempfile::tempdir().expect("a directory");
        let proc = Proc::at(scratch.path());
        let new = |pid, parent, session, start| process(scratch.path(), pid, parent, session, start);
        new(1, 0, 1, 1);
        new(50, 1, 50, 5);
        new(100, 50, 100, 10);
        new(101, 1, 100, 11);
        new(60, 50, 50, 12);
        let mut tree = Tree::new(vec![ProcessKey::from_ticks(100, 10)], []);
        assert_eq!(pids(&mut tree, &proc), [100, 101]);
        // Pid 100 was reused before the response began.
        let mut tree = Tree::new(vec![ProcessKey::from_ticks(100, 9)], []);
        assert_eq!(pids(&mut tree, &proc), [] as [u32; 0]);
    }
}
