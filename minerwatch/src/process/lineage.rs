//! Walking up the family, and where one matter ends and another begins.

use std::time::Duration;

use super::{Process, ProcessTable, Role};
use crate::model::ProcessKey;

/// The most generations any walk goes up.
pub const MAX_DEPTH: usize = 64;

/// A parent that has lived longer than this before it started a child is the child's surroundings (a
/// terminal, an agent, a supervisor of a name nobody knows), not part of what the child is up to.
/// Services are excepted: what a service starts, whenever it does, is one matter.
pub const YOUNG_PARENT: Duration = Duration::from_secs(5 * 60);

impl ProcessTable {
    /// The process itself, then its parent, and so on, as far as they are known.
    pub fn ancestry(&self, key: ProcessKey) -> impl Iterator<Item = &Process> {
        let mut next = Some(key);
        std::iter::from_fn(move || {
            let process = self.get(next?)?;
            next = process.parent;
            Some(process)
        })
        .take(MAX_DEPTH)
    }

    /// The parent of a process, if both are known.
    pub fn parent_of(&self, process: &Process) -> Option<&Process> {
        self.get(process.parent?)
    }

    /// The process itself and its ancestors up to the root of its tree.
    ///
    /// A tree never reaches into what starts unrelated things by design (see [`Role::bounds_tree`]), nor
    /// through a parent that was no longer young at the child's birth. `holds` can say of such an old
    /// parent that it belongs to the tree all the same.
    pub fn tree_path(
        &self,
        key: ProcessKey,
        holds: impl Fn(ProcessKey) -> bool,
    ) -> impl Iterator<Item = &Process> {
        let mut next = Some(key);
        std::iter::from_fn(move || {
            let process = self.get(next?)?;
            next = self.parent_of(process).filter(|parent| joins(parent, process, &holds)).map(Process::key);
            Some(process)
        })
        .take(MAX_DEPTH)
    }

    /// The root of the tree of a process; the process itself where nothing more is known.
    pub fn tree_root(&self, key: ProcessKey) -> ProcessKey {
        self.tree_path(key, |_| false).last().map_or(key, Process::key)
    }

    /// Whether a process works for a package manager that still runs, or is one. What a package left
    /// running is on its own from the moment its installer ended.
    pub fn is_managed(&self, process: &Process) -> bool {
        process.manager.and_then(|manager| self.get(manager)).is_some_and(Process::lives)
    }
}

fn joins(parent: &Process, child: &Process, holds: impl Fn(ProcessKey) -> bool) -> bool {
    if parent.role.bounds_tree() {
        return false;
    }
    parent.role == Role::Service
        || child.key().start().since(parent.key().start()) < YOUNG_PARENT
        || holds(parent.key())
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, seconds},
        model::ProcessKey,
        process::{ProcessTable, TableLimits},
    };

    fn table(host: &Host) -> ProcessTable {
        let mut table = ProcessTable::new(TableLimits::default());
        for event in host.events() {
            table.take_in(event);
        }
        table
    }

    #[test]
    fn a_tree_ends_below_the_daemon_that_starts_everything() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        let login = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
        let script = host.spawn(login, "/usr/bin/dash", &["sh", "x.sh"]);
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        let other = host.spawn(login, "/usr/bin/ls", &["ls"]);
        let table = table(&host);
        assert_eq!(table.tree_root(curl), script);
        assert_eq!(table.tree_root(other), other);
        assert_eq!(table.tree_root(login), login);
    }

    #[test]
    fn an_old_parent_is_surroundings_but_a_service_is_not() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let agent = host.spawn(init, "/opt/agent/agent", &["agent"]);
        let redis = host.spawn(init, "/usr/bin/redis-server", &["redis-server"]);
        let early = host.spawn(agent, "/usr/bin/dash", &["sh", "-c", "x"]);
        host.wait(seconds(600));
        let late = host.spawn(agent, "/usr/bin/dash", &["sh", "-c", "x"]);
        let shell = host.spawn(redis, "/usr/bin/dash", &["sh", "-c", "x"]);
        let table = table(&host);
        assert_eq!(table.tree_root(early), agent);
        assert_eq!(table.tree_root(late), late);
        assert_eq!(table.tree_root(shell), redis);
        assert_eq!(table.tree_path(late, |key| key == agent).last().unwrap().key(), agent);
    }

    #[test]
    fn an_unknown_process_is_its_own_root() {
        let stranger = ProcessKey { pid: 9, start_ticks: 1 };
        assert_eq!(table(&Host::new()).tree_root(stranger), stranger);
    }
}
