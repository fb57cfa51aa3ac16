//! Where the suspects of an incident run.

use std::sync::Arc;

use super::Incident;
use crate::model::{BootTime, ContainerDescription, ProcessView};

impl Incident {
    /// Adds the answer of a runtime to the suspects in the container. Returns whether there is such a suspect.
    pub(in crate::incident) fn describe_container(
        &mut self,
        description: &ContainerDescription,
        now: BootTime,
    ) -> bool {
        let mut is_concerned = false;
        let mut is_news = false;
        for suspect in self.suspects.values_mut() {
            if describe(&mut suspect.view, description) {
                is_concerned = true;
                is_news |= suspect.is_named();
            }
            if let Some(parent) = &mut suspect.parent {
                describe(parent, description);
            }
        }
        // The alert did not say where the suspect runs. An empty answer adds nothing.
        if is_news && self.is_reported() && !description.details.is_empty() {
            self.news.get_or_insert(now);
        }
        is_concerned
    }
}

/// Adds the answer to a process in the container. Returns whether it is such a process.
fn describe(view: &mut Arc<ProcessView>, description: &ContainerDescription) -> bool {
    let Some(place) = view.container.as_ref().filter(|place| place.awaits(&description.id)) else {
        return false;
    };
    let place = place.described(&description.details);
    Arc::make_mut(view).container = Some(place);
    true
}
