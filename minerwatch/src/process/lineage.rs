//! Ancestors of a process, and the boundaries of its process tree.

use std::time::Duration;

use super::{ImageSource, Process, ProcessTable, Role};
use crate::model::ProcessKey;

/// Maximum number of generations that a walk through ancestors visits.
pub const MAX_DEPTH: usize = 64;

/// Age limit of a parent. A parent that is older when it starts a child is not in the child's tree: it is more likely a
/// terminal, an agent or an unknown supervisor.
pub const YOUNG_PARENT: Duration = Duration::from_secs(5 * 60);

impl ProcessTable {
    /// Returns the process, its parent, and so on, until an ancestor is unknown.
    pub fn ancestry(&self, key: ProcessKey) -> impl Iterator<Item = &Process> {
        let mut next = Some(key);
        std::iter::from_fn(move || {
            let process = self.get(next?)?;
            next = process.parent;
            Some(process)
        })
        .take(MAX_DEPTH)
    }

    /// Returns the parent of a process, if the table has it.
    pub fn parent_of(&self, process: &Process) -> Option<&Process> {
        self.get(process.parent?)
    }

    /// Returns the process whose program started a process: its nearest ancestor that is more than a fork, such as the
    /// shell above a subshell. Returns `None` below a program that starts unrelated processes.
    pub fn starter_of(&self, process: &Process) -> Option<&Process> {
        let mut ancestors = self.ancestry(process.parent?);
        let starter = ancestors.find(|ancestor| ancestor.image_source != ImageSource::Inherited)?;
        // What a person types in one shell belongs together.
        (!starter.role.bounds_tree() || starter.role == Role::LoginShell).then_some(starter)
    }

    /// Returns the process and its ancestors up to the root of its tree.
    ///
    /// The walk stops below a process that starts unrelated processes by design (see [`Role::bounds_tree`]), below a
    /// service, which is only the entry of what it starts, and below a parent older than [`YOUNG_PARENT`]. A parent for
    /// which `is_member` is true belongs to the tree whatever its age and role.
    pub fn tree_path(
        &self,
        key: ProcessKey,
        is_member: impl Fn(ProcessKey) -> bool,
    ) -> impl Iterator<Item = &Process> {
        let mut next = Some(key);
        std::iter::from_fn(move || {
            let process = self.get(next?)?;
            next = self
                .parent_of(process)
                .filter(|parent| same_tree(parent, process, &is_member))
                .map(Process::key);
            Some(process)
        })
        .take(MAX_DEPTH)
    }

    /// Returns the root of a process's tree: the process itself if its parent does not belong to the tree.
    pub fn tree_root(&self, key: ProcessKey) -> ProcessKey {
        self.tree_path(key, |_| false).last().map_or(key, Process::key)
    }

    /// Returns the process that is responsible for what a process does: the installer that it works for, else the root of
    /// its tree. Findings below an installer are held, so they are counted apart from those of the process that started it.
    pub fn responsible_for(&self, process: &Process) -> ProcessKey {
        let installer = process.manager.filter(|_| self.is_managed(process));
        installer.unwrap_or_else(|| self.tree_root(process.key()))
    }

    /// Whether a process is a package manager, or works for one that still runs. A process that outlives its installer
    /// is no longer managed.
    pub fn is_managed(&self, process: &Process) -> bool {
        process.manager.and_then(|manager| self.get(manager)).is_some_and(Process::is_alive)
    }
}

fn same_tree(parent: &Process, child: &Process, is_member: impl Fn(ProcessKey) -> bool) -> bool {
    if parent.role.bounds_tree() {
        return false;
    }
    let starts_a_tree =
        parent.role == Role::Service || child.key().start().since(parent.key().start()) >= YOUNG_PARENT;
    !starts_a_tree || is_member(parent.key())
}

#[cfg(test)]
mod tests {
    use crate::{
        model::ProcessKey,
        process::{Process, ProcessTable, TableLimits},
        testing::{Host, seconds},
    };

    fn table(host: &Host) -> ProcessTable {
        let mut table = ProcessTable::new(TableLimits::default());
        for event in host.events() {
            table.apply(event);
        }
        table
    }

    #[test]
    fn a_tree_ends_below_init_and_login_shells() {
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
    fn a_dash_or_a_wrapper_ends_no_tree_outside_of_a_session() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        for (path, name) in [
            ("/usr/bin/dash", "-sh"),
            ("/usr/bin/su", "su"),
            ("/usr/bin/tmux", "tmux"),
            ("/usr/bin/screen", "screen"),
            ("/usr/bin/script", "script"),
            ("/usr/../tmp/sshd", "sshd"),
        ] {
            let between = host.spawn(script, path, &[name]);
            let below = host.spawn(between, "/usr/bin/x", &["x"]);
            assert_eq!(table(&host).tree_root(below), script, "{path}");
        }
        // The image of the same process may have been a login service.
        let session = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        host.exec(session, init, "/usr/bin/bash", "/usr/bin/bash", &["-bash", "-c", "x"]);
        let below = host.spawn(session, "/usr/bin/x", &["x"]);
        assert_eq!(table(&host).tree_root(below), below);
    }

    #[test]
    fn an_old_parent_and_a_service_are_outside_the_tree() {
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
        assert_eq!(table.tree_root(shell), shell, "the service is only the entry");
        assert_eq!(table.tree_path(late, |key| key == agent).last().unwrap().key(), agent);
    }

    #[test]
    fn a_subshell_is_not_the_starter() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let shell = host.spawn(init, "/usr/bin/bash", &["bash", "/srv/x.sh"]);
        let subshell = host.fork(shell);
        let dig = host.spawn(subshell, "/usr/bin/dig", &["dig"]);
        let service = host.spawn(init, "/usr/bin/web", &["web"]);
        let worker = host.fork(service);
        let table = table(&host);
        let starter = |key| table.starter_of(table.get(key).expect("it was seen")).map(Process::key);
        assert_eq!([starter(dig), starter(subshell)], [Some(shell); 2]);
        assert_eq!([starter(shell), starter(service), starter(init)], [None; 3]);
        assert_eq!(starter(worker), Some(service));
    }

    #[test]
    fn an_unknown_process_is_its_own_root() {
        let stranger = ProcessKey { pid: 9, start_ticks: 1 };
        assert_eq!(table(&Host::new()).tree_root(stranger), stranger);
    }
}
