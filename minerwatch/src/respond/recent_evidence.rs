//! Remembers the programs with recent evidence. The policy collects no more about them, so that a miner that restarts in a
//! loop does not push out the first evidence.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::model::{Alert, BootTime, FileId, IncidentId};

/// Time after which evidence about the same program is collected again.
const PERIOD: Duration = Duration::from_secs(3_600);
/// Maximum number of programs per incident and period, because an intruder can use a new name for each start.
const MAX_PROGRAMS: usize = 8;

/// An executable: its path and its file.
type Program = (Arc<str>, Option<FileId>);

/// The programs with recent evidence, by incident.
#[derive(Debug, Default)]
pub struct RecentEvidence(HashMap<IncidentId, Collected>);

#[derive(Debug)]
struct Collected {
    since: BootTime,
    programs: Vec<Program>,
}

impl RecentEvidence {
    /// Whether a suspect of an alert runs a program without recent evidence. Its programs count as recent from now on.
    pub fn lacks(&mut self, alert: &Alert, now: BootTime) -> bool {
        self.0.retain(|_, collected| now.since(collected.since) < PERIOD);
        let collected =
            self.0.entry(alert.incident).or_insert_with(|| Collected { since: now, programs: Vec::new() });
        let before = collected.programs.len();
        for suspect in &alert.suspects {
            let executable = &suspect.process.executable;
            let program = (Arc::clone(&executable.path), executable.file);
            if collected.programs.len() < MAX_PROGRAMS && !collected.programs.contains(&program) {
                collected.programs.push(program);
            }
        }
        collected.programs.len() > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    fn alert(program: &str) -> Alert {
        let mut alert = samples::alert();
        alert.suspects.truncate(1);
        alert.suspects[0].process.executable.path = program.into();
        alert
    }

    #[test]
    fn evidence_about_a_program_is_collected_once_an_hour() {
        let mut recent = RecentEvidence::default();
        let start = BootTime(1);
        assert!(recent.lacks(&alert("/tmp/a"), start));
        assert!(!recent.lacks(&alert("/tmp/a"), start.plus(PERIOD / 2)));
        assert!(recent.lacks(&alert("/tmp/b"), start.plus(PERIOD / 2)), "another program");
        assert!(recent.lacks(&alert("/tmp/a"), start.plus(PERIOD)));
    }

    #[test]
    fn another_name_for_each_start_pushes_out_nothing() {
        let mut recent = RecentEvidence::default();
        let collected =
            (0..100).filter(|number| recent.lacks(&alert(&format!("/tmp/{number}")), BootTime(1)));
        assert_eq!(collected.count(), MAX_PROGRAMS);
    }
}
