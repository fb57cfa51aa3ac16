//! Gives the suspects a cgroup that has nobody else, so that a measure on the cgroup touches nobody else.
//!
//! A cgroup that has only suspects, such as that of a container or a service that mines, is used as it is. From a shared
//! cgroup the suspects are moved to one below it, so that they keep all limits of the shared one. On release they go
//! back.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustc_hash::FxHashSet;

use super::{
    cgroup::{self, Hierarchies, Hierarchy, Version},
    ledger::{Case, Change, Home, Ledger},
    refusal::{Guard, Refusal},
    tree::{Running, Tree},
};
use crate::enrich::proc::Proc;

/// Maximum time for moving the suspects to their cgroup. Only suspects that fork faster than they are moved take longer.
const MOVING: Duration = Duration::from_secs(2);

/// Limits of a shared cgroup that a cgroup beside it gets, too.
const LIMITS: [&str; 6] =
    ["memory.max", "memory.high", "memory.swap.max", "pids.max", "cpuset.cpus", "cpuset.mems"];

/// What a stage works with.
pub struct Work<'a> {
    /// Where `/proc` is.
    pub proc: &'a Proc,
    /// The cgroup hierarchies.
    pub hierarchies: &'a Hierarchies,
    /// The ledger, which is locked.
    pub ledger: &'a Ledger,
    /// The case of the incident. Its last measure is the one that is being applied.
    pub case: &'a mut Case,
    /// Whether a cgroup that has to be made in the unified hierarchy goes beside the shared one, because a throttle is
    /// going to need it.
    pub beside: bool,
}

/// What a stage did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The processes that were living.
    pub processes: Vec<Running>,
    /// The cgroups that were changed, as paths below the root of their hierarchy.
    pub cgroups: Vec<String>,
    /// How it was done, for the message.
    pub how: String,
    /// Where a file was put.
    pub path: Option<PathBuf>,
}

/// Where the suspects of a shared cgroup go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the shared cgroup. All its limits go on.
    Below,
    /// Beside it, because a cgroup below one that has processes gets no controllers in the unified hierarchy. The limits
    /// are copied.
    Beside,
}

impl Work<'_> {
    /// Writes down a change that is made next.
    pub fn record(&mut self, change: Change) -> anyhow::Result<()> {
        let measure = self.case.measures.last_mut().context("a change needs a measure")?;
        measure.changes.push(change);
        Ok(self.ledger.store(self.case)?)
    }

    /// Writes a control file after it has been written down. A file that has the value already is left alone.
    pub fn control(&mut self, file: &Path, value: &str) -> anyhow::Result<()> {
        let shown = || file.display().to_string();
        let before = cgroup::read(file).with_context(shown)?;
        if before == value {
            return Ok(());
        }
        self.record(Change::Control { file: file.to_owned(), before })?;
        cgroup::write(file, value).with_context(shown)
    }

    /// Moves the suspects to cgroups that have nobody else, and returns these cgroups. `prepare` is called for each before
    /// the suspects move there, so that they arrive in a frozen cgroup, for example.
    pub fn homes(
        &mut self,
        hierarchy: &Hierarchy,
        tree: &mut Tree,
        place: Place,
        mut prepare: impl FnMut(&mut Self, &Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let until = Instant::now() + MOVING;
        let place = if self.beside && hierarchy.version == Version::Two { Place::Beside } else { place };
        let mut homes: Vec<PathBuf> = Vec::new();
        let mut living = tree.latest().to_vec();
        loop {
            let members: FxHashSet<u32> = living.iter().map(|process| process.key.pid).collect();
            let mut is_complete = true;
            for process in &living {
                let Some(current) = hierarchy.cgroup_of(process.key.pid, self.proc) else { continue };
                if homes.iter().any(|home| current.starts_with(home)) {
                    continue;
                }
                is_complete = false;
                let home = self.home_for(hierarchy, &current, &members, place)?;
                if !homes.contains(&home) {
                    prepare(self, &home)?;
                    homes.push(home.clone());
                }
                if !current.starts_with(&home) {
                    move_to(process, &home, self.proc)?;
                }
            }
            if is_complete {
                return Ok(homes);
            }
            anyhow::ensure!(Instant::now() < until, "the suspects fork faster than they can be moved");
            living = tree.living(self.proc);
        }
    }

    /// Returns a cgroup for the suspects of a cgroup, and creates it if that cgroup is shared.
    fn home_for(
        &mut self,
        hierarchy: &Hierarchy,
        current: &Path,
        members: &FxHashSet<u32>,
        place: Place,
    ) -> anyhow::Result<PathBuf> {
        let is_home = |home: &&Home| current.starts_with(&home.cgroup) || home.origin == current;
        if let Some(home) = self.case.homes.iter().find(is_home) {
            return Ok(home.cgroup.clone());
        }
        let is_root = current == hierarchy.mount;
        if !is_root && cgroup::all_processes(current).iter().all(|pid| members.contains(pid)) {
            return Ok(current.to_owned());
        }
        let name = format!("minerwatch-{}", self.case.incident);
        let parent = match place {
            Place::Below => current,
            Place::Beside if is_root => current,
            Place::Beside => current.parent().unwrap_or(current),
        };
        let candidates = [parent.join(&name), hierarchy.mount.join(&name)];
        let mut refused = None;
        for cgroup in candidates {
            let home =
                Home { version: hierarchy.version, cgroup: cgroup.clone(), origin: current.to_owned() };
            // Two shared cgroups may both need the one at the root.
            if self.case.homes.iter().any(|known| known.cgroup == cgroup) {
                continue;
            }
            self.case.homes.push(home);
            self.ledger.store(self.case)?;
            match fs::create_dir(&cgroup) {
                Ok(()) => {
                    set_up(hierarchy, current, &cgroup, place);
                    return Ok(cgroup);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(cgroup),
                Err(error) => {
                    self.case.homes.pop();
                    self.ledger.store(self.case)?;
                    refused = Some(format!("{}: {error}", cgroup.display()));
                }
            }
        }
        let why = refused.unwrap_or_default();
        Err(Refusal::new(
            Guard::NoCgroup,
            format!("the suspects share a cgroup, and none can be made for them: {why}"),
        )
        .into())
    }
}

/// Makes a new cgroup as good as the shared one.
fn set_up(hierarchy: &Hierarchy, shared: &Path, cgroup: &Path, place: Place) {
    let copied: &[&str] = match (hierarchy.version, place) {
        // A cgroup of version 1 may be empty until both are set (Documentation/admin-guide/cgroup-v1/cpusets.rst).
        (Version::One, _) => &["cpuset.cpus", "cpuset.mems"],
        (Version::Two, Place::Beside) => &LIMITS,
        (Version::Two, Place::Below) => &[],
    };
    for name in copied {
        if let Ok(value) = cgroup::read(&shared.join(name)) {
            // A controller that is missing here limits nothing here.
            let _ = cgroup::write(&cgroup.join(name), &value);
        }
    }
}

/// Moves a process with all its threads. A process that has ended is no error.
fn move_to(process: &Running, home: &Path, proc: &Proc) -> anyhow::Result<()> {
    if Running::read(process.key.pid, proc).is_none_or(|now| now.key != process.key) {
        return Ok(());
    }
    match cgroup::write(&home.join("cgroup.procs"), &process.key.pid.to_string()) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(()),
        // A process that is ending cannot be moved.
        Err(_) if super::signals::has_ended(process.key, proc) => Ok(()),
        outcome => outcome.with_context(|| {
            format!("moving {} (pid {}) to {}", process.name, process.key.pid, home.display())
        }),
    }
}

/// Moves everything back from a cgroup that was created, and removes it. Nothing happens if it is gone.
pub fn give_up(home: &Home) -> anyhow::Result<()> {
    let Home { cgroup: own, origin, .. } = home;
    let until = Instant::now() + MOVING;
    while own.exists() {
        let mut failed = None;
        for directory in cgroup::subtree(own).iter().rev() {
            for pid in cgroup::processes(directory).unwrap_or_default() {
                failed = back(pid, origin).err().or(failed);
            }
            match fs::remove_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    failed =
                        failed.or(Some(anyhow::Error::from(error).context(directory.display().to_string())));
                }
                Ok(()) | Err(_) => {}
            }
        }
        match failed {
            Some(error) if Instant::now() > until => return Err(error),
            // A process that is ending still holds its cgroup.
            Some(_) => std::thread::sleep(Duration::from_millis(2)),
            None => {}
        }
    }
    Ok(())
}

/// Moves a process to its origin, or to the nearest cgroup above it that takes it.
fn back(pid: u32, origin: &Path) -> anyhow::Result<()> {
    let mut failed = None;
    for directory in origin
        .ancestors()
        .take_while(|directory| directory.join("cgroup.procs").exists() || *directory == origin)
    {
        match cgroup::write(&directory.join("cgroup.procs"), &pid.to_string()) {
            Ok(()) => return Ok(()),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                return Ok(());
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let error = failed.map_or_else(|| anyhow::anyhow!("it is gone"), anyhow::Error::from);
    Err(error.context(format!("moving the process {pid} back to {}", origin.display())))
}
