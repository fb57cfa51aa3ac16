//! Runs whose drop was not seen yet. The sensor merges its rings by time, but not to the last record: at the end of a
//! batch, or behind a record that another processor is still writing, the run of a file can overtake the write that
//! dropped it.

use std::{collections::VecDeque, sync::Arc};

use super::{Place, Scene, tuning};
use crate::model::{BootTime, Event, EventBody, FileAction, FileChange, FileId};

#[derive(Debug)]
struct Run {
    event: Event,
    path: Arc<str>,
    file: Option<FileId>,
    script: Option<Arc<str>>,
}

/// The latest runs from temporary and hidden places that nothing explained. Few programs live there, so a
/// short memory lasts long; the oldest makes room.
#[derive(Debug, Default)]
pub(super) struct UnexplainedRuns {
    runs: VecDeque<Run>,
}

impl UnexplainedRuns {
    /// Keeps a run that no written file explained, if it is of a kind that one might explain yet.
    pub(super) fn keep(&mut self, scene: &Scene<'_>) {
        let executable = &scene.process.view.executable;
        let script = scene.process.script.as_ref();
        if !Place::of(&executable.path).is_odd() && !script.is_some_and(|script| Place::of(script).is_odd()) {
            return;
        }
        if self.runs.len() >= tuning::UNEXPLAINED_RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(Run {
            event: scene.event.clone(),
            path: Arc::clone(&executable.path),
            file: executable.file,
            script: script.cloned(),
        });
    }

    /// Takes out the run that a change explains after the fact: one of the same file, later in time.
    pub(super) fn explained_by(&mut self, at: BootTime, change: &FileChange) -> Option<Event> {
        match change.action {
            FileAction::Write | FileAction::Create | FileAction::Rename | FileAction::Chmod => {}
            FileAction::Delete | FileAction::DeviceOpen => return None,
        }
        let place = self.runs.iter().position(|run| {
            let same = (run.file.is_some() && run.file == change.file)
                || (run.path == change.path && (run.file.is_none() || change.file.is_none()))
                || run.script.as_ref() == Some(&change.path);
            same && run.event.time >= at
        })?;
        self.runs.remove(place).map(|run| run.event)
    }
}

impl Scene<'_> {
    /// Whether the process still runs what the event of this scene started.
    pub fn is_current(&self) -> bool {
        matches!(self.event.body, EventBody::Exec(_)) && self.process.since == self.event.time
    }
}
