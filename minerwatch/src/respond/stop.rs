//! The stage `stop`: kills the suspects and everything that they started.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tracing::debug;

use super::{
    cgroup, freeze,
    home::{Applied, Place, Work},
    signals,
    tree::{Running, Tree},
};

/// Time for all processes to end.
const ENDING: Duration = Duration::from_secs(3);

/// Kills the tree. The suspects are frozen first, so that nothing is started meanwhile.
pub fn apply(work: &mut Work<'_>, tree: &mut Tree) -> anyhow::Result<Applied> {
    let frozen = freeze::apply(work, tree)?;
    let until = Instant::now() + ENDING;
    if let Some(unified) = work.hierarchies.unified() {
        // The homes exist already, so this only finds them.
        for home in work.homes(unified, tree, Place::Below, |_, _| Ok(())).unwrap_or_default() {
            kill_cgroup(&home);
        }
    }
    let mut killed: Vec<Running> = frozen.processes.clone();
    loop {
        let living = tree.living(work.proc);
        let left: Vec<&Running> =
            living.iter().filter(|process| !signals::has_ended(process.key, work.proc)).collect();
        if left.is_empty() {
            return Ok(Applied { processes: killed, how: "SIGKILL".to_owned(), ..frozen });
        }
        for process in &left {
            signals::send(process.key, Signal::KILL, work.proc)?;
            if !killed.iter().any(|known| known.key == process.key) {
                killed.push((*process).clone());
            }
        }
        // The freezer of version 1 holds a process also against SIGKILL. What thaws now dies at once.
        thaw(work);
        anyhow::ensure!(
            Instant::now() < until,
            "{} processes have not ended after SIGKILL, for example {} (pid {}), which is in state {}",
            left.len(),
            left[0].name,
            left[0].key.pid,
            signals::state(left[0].key, work.proc).unwrap_or('?')
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills all processes of a cgroup at once, on kernels that can (Linux 5.14).
fn kill_cgroup(home: &Path) {
    let file = home.join("cgroup.kill");
    if file.exists()
        && let Err(error) = cgroup::write(&file, "1")
    {
        debug!("{} cannot be used: {error}", file.display());
    }
}

fn thaw(work: &Work<'_>) {
    let Some(freezer) = work.hierarchies.of_controller("freezer") else { return };
    let changes = work.case.measures.iter().flat_map(|measure| &measure.changes);
    for change in changes {
        if let super::ledger::Change::Control { file, .. } = change
            && file.starts_with(&freezer.mount)
        {
            let _ = cgroup::write(file, "THAWED");
        }
    }
}
