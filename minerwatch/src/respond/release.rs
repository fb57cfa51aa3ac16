//! Undoes measures. Every step may be repeated, and works whether or not the change had happened.

use rustix::process::Signal;

use super::{
    cgroup, home,
    ledger::{Case, Change, Ledger, LedgerError, Measure},
    quarantine, signals,
};
use crate::enrich::proc::Proc;

/// What was undone.
#[derive(Debug, Default)]
pub struct Undone {
    /// The measures that were undone completely.
    pub measures: Vec<Measure>,
    /// What could not be undone, and why.
    pub problems: Vec<String>,
}

/// Undoes the changes of a measure, the latest first. Returns what could not be undone.
pub fn undo(measure: &Measure, proc: &Proc) -> Vec<String> {
    measure
        .changes
        .iter()
        .rev()
        .filter_map(|change| undo_change(change, proc).err())
        .map(|error| format!("{error:#}"))
        .collect()
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
/// more. The ledger is written after each measure. If that fails, the rest is undone all the same.
pub fn end(
    case: &mut Case,
    ledger: &Ledger,
    proc: &Proc,
    ends: impl Fn(&Measure) -> bool,
) -> Result<Undone, LedgerError> {
    let (mut undone, mut problems, mut stored) = (Vec::new(), Vec::new(), Ok(()));
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
        stored = stored.and(ledger.store(case));
    }
    let needs_home =
        |measure: &Measure| measure.changes.iter().any(|change| !matches!(change, Change::Quarantined(_)));
    if !case.measures.iter().any(needs_home) {
        while let Some(home) = case.homes.pop() {
            if let Err(error) = home::give_up(&home) {
                problems.push(format!("{error:#}"));
                case.homes.push(home);
                break;
            }
        }
        stored = stored.and(ledger.store(case));
    }
    stored?;
    Ok(Undone { measures: undone, problems })
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
    case.programs.clear();
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

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::model::Stage;

    fn measure(stage: Stage, changes: Vec<Change>) -> Measure {
        Measure { stage, by: "policy".to_owned(), at: 1, until: None, changes }
    }

    #[test]
    fn values_come_back_in_reverse_order_and_what_is_gone_is_no_problem() {
        let scratch = tempfile::tempdir().expect("a directory");
        let (ledger, proc) = (Ledger::below(scratch.path()), Proc::default());
        let file = scratch.path().join("cpu.max");
        // All of one length: unlike a control file, this one keeps what a shorter value does not cover.
        fs::write(&file, "30000").expect("a file");
        let control =
            |file: &PathBuf, before: &str| Change::Control { file: file.clone(), before: before.to_owned() };
        let mut case = Case::new("1-1-1", "boot");
        case.measures = vec![
            measure(
                Stage::Throttle,
                vec![control(&file, "10000"), control(&scratch.path().join("gone"), "x")],
            ),
            measure(Stage::Freeze, vec![control(&file, "20000")]),
        ];
        let Undone { measures: undone, problems } =
            end(&mut case, &ledger, &proc, |measure| measure.stage == Stage::Freeze).expect("written");
        assert_eq!((undone.len(), problems), (1, Vec::new()));
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "20000");
        // The ledger knows at each moment what is left.
        assert_eq!(ledger.load("1-1-1").expect("written"), Some(case.clone()));
        let Undone { measures: undone, problems } =
            end(&mut case, &ledger, &proc, |_| true).expect("written");
        assert_eq!((undone.len(), problems), (1, Vec::new()));
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "10000");
        assert!(case.is_settled());
    }

    #[test]
    fn a_ledger_that_cannot_be_written_keeps_nothing_from_being_undone() {
        let scratch = tempfile::tempdir().expect("a directory");
        // A file is where the directory would be.
        let (ledger, proc) = (Ledger::below(scratch.path()), Proc::default());
        fs::write(scratch.path().join("response"), "").expect("a file");
        let files = ["a", "b"].map(|name| scratch.path().join(name));
        let mut case = Case::new("1-1-1", "boot");
        for file in &files {
            fs::write(file, "1").expect("a file");
            let change = Change::Control { file: file.clone(), before: "0".to_owned() };
            case.measures.push(measure(Stage::Freeze, vec![change]));
        }
        assert!(end(&mut case, &ledger, &proc, |_| true).is_err());
        for file in files {
            assert_eq!(fs::read_to_string(file).expect("it is there"), "0");
        }
    }

    #[test]
    fn what_cannot_be_undone_stays_in_the_ledger() {
        let scratch = tempfile::tempdir().expect("a directory");
        let (ledger, proc) = (Ledger::below(scratch.path()), Proc::default());
        // A directory cannot be written like a file.
        let change = Change::Control { file: scratch.path().to_owned(), before: "0".to_owned() };
        let mut case = Case::new("1-1-1", "boot");
        case.measures = vec![measure(Stage::Freeze, vec![change])];
        let Undone { measures: undone, problems } =
            end(&mut case, &ledger, &proc, |_| true).expect("written");
        assert_eq!((undone.len(), problems.len()), (0, 1));
        assert_eq!(case.measures.len(), 1);
    }

    #[test]
    fn an_earlier_boot_leaves_only_files() {
        let mut case = Case::new("1-1-1", "earlier");
        case.measures = vec![measure(Stage::Freeze, vec![Change::Stopped { processes: Vec::new() }])];
        forget_earlier_boot(&mut case, "earlier");
        assert_eq!(case.measures.len(), 1);
        forget_earlier_boot(&mut case, "now");
        assert!(case.is_settled() && case.boot_id == "now");
    }
}
