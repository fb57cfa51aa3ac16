//! An incident without what exceptions hide.

use super::Incident;
use crate::{
    incident::suspect::{SuspectNews, SuspectNumber},
    model::{BootTime, SignalId},
};

impl Incident {
    /// Returns the incident as if the suspects `hidden` had no verdict, and as if the signals in `excused` did not count
    /// for their suspects. The signals of a hidden suspect still count for the suspects that it caused.
    pub(in crate::incident) fn without<'a>(
        &self,
        hidden: &[SuspectNumber],
        excused: impl Iterator<Item = (SuspectNumber, &'a [SignalId])>,
        now: BootTime,
    ) -> Self {
        let mut shown = self.clone();
        for number in hidden {
            if let Some(suspect) = shown.suspects.get_mut(number) {
                suspect.verdict = None;
                suspect.news = SuspectNews::default();
            }
        }
        for (number, signals) in excused.filter(|(_, signals)| !signals.is_empty()) {
            let Some(suspect) = shown.suspects.get_mut(&number) else { continue };
            suspect.excused = signals.to_vec();
            let Some(suspect) = shown.suspects.get(&number) else { continue };
            let left = shown.score_of(suspect, now).verdict();
            if let Some(suspect) = shown.suspects.get_mut(&number) {
                suspect.verdict = suspect.verdict.min(left);
            }
        }
        let visible = || shown.suspects.values().filter(|suspect| suspect.verdict.is_some());
        shown.verdict = visible().map(|suspect| suspect.verdict).max().flatten();
        // New evidence about hidden suspects alone is no news.
        if shown.news.is_some_and(|since| visible().all(|suspect| suspect.last_activity < since)) {
            shown.news = None;
        }
        shown
    }
}
