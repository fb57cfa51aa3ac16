//! Undoes measures. Every step may be repeated, and works whether or not the change had happened.

use rustix::process::Signal;

use super::{
    cgroup, home,
    ledger::{Case, Change, Ledger, LedgerError, Measure},
    quarantine, signals,
};
use crate::enrich::proc::Proc;

/// Undoes the changes of a measure, the latest first. Returns what could not be undone.
pub fn undo(measure: &Measure, proc: &Proc) -> Vec<String> {
    measure.changes.iter().rev().filter_map(|change| undo_change(change, proc).err()).map(|error| format!("{error:#}")).collect()
}

fn undo_change(change: &Change, proc: &Proc) -> anyhow::Result<()> {
    match change {
        Change::Control { file, before } => {
            // A cgroup that is gone needs nothing.
            if file.exists() {
                cgroup::write(file, before)
                    .map_err(|error| anyhow::Error::from(error).context(file.display().to_string()))?;
            }
            Ok(())
        }
        Change::Stopped { processes } => {
            for process in processes.iter().rev() {
                signals::send(*process, Signal::CONT, proc)?;
            }
            Ok(())
        }
        Change::Quarantined(found) => quarantine::undo(found, proc),
        Change::Attached { pins, .. } => {
            // The holder of the links sees that the measure is gone, and closes them.
            match pins {
                Some(pins) if pins.exists() => Ok(std::fs::remove_dir_all(pins)?),
                _ => Ok(()),
            }
        }
    }
}

/// Undoes the measures for which `ends` returns true, the latest first, and removes the cgroups that nobody needs any
/// more. The ledger is written after each measure. Returns the stages that were undone, and the problems.
pub fn end(
    case: &mut Case,
    ledger: &Ledger,
    proc: &Proc,
    ends: impl Fn(&Measure) -> bool,
) -> Result<(Vec<Measure>, Vec<String>), LedgerError> {
    let (mut undone, mut problems) = (Vec::new(), Vec::new());
    for index in (0..case.measures.len()).rev() {
        if !case.measures.get(index).is_some_and(&ends) {
            continue;
        }
        let measure = case.measures.remove(index);
        let failed = undo(&measure, proc);
        if failed.is_empty() {
            undone.push(measure);
        } else {
            problems.extend(failed);
            case.measures.insert(index, measure);
        }
        ledger.store(case)?;
    }
    let needs_home = |measure: &Measure| {
        measure.changes.iter().any(|change| !matches!(change, Change::Quarantined(_)))
    };
    if !case.measures.iter().any(needs_home) {
        while let Some(home) = case.homes.pop() {
            if let Err(error) = home::give_up(&home) {
                problems.push(format!("{error:#}"));
                case.homes.push(home);
                break;
            }
        }
        ledger.store(case)?;
    }
    Ok((undone, problems))
}

/// Forgets what an earlier boot of the host ended: cgroups, and what was done to processes. Files stay in the quarantine.
pub fn forget_earlier_boot(case: &mut Case, boot_id: &str) {
    if case.boot_id == boot_id {
        return;
    }
    boot_id.clone_into(&mut case.boot_id);
    case.homes.clear();
    case.released.clear();
    case.roots.clear();
    for measure in &mut case.measures {
        measure.changes.retain_mut(|change| match change {
            Change::Quarantined(found) => {
                // The process whose root directory it was is gone, too.
                found.root.is_none()
            }
            _ => false,
        });
    }
    case.measures.retain(|measure| !measure.changes.is_empty());
}
