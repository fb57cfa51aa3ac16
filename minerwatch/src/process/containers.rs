//! What the runtimes said about containers, and which containers they must still be asked about.

use std::{sync::Arc, time::Duration};

use crate::{
    bounded::BoundedMap,
    model::{BootTime, Container, ContainerDescription, ContainerDetails},
};

/// Maximum number of containers that are remembered, living and deleted.
const MAX_CONTAINERS: usize = 2_048;
/// Time after which the runtimes are asked again about a container that they did not know. A runtime may have been down.
const ASK_AGAIN: Duration = Duration::from_secs(300);

/// The containers of the processes in the table. Those that were not seen for longest make room.
#[derive(Debug)]
pub(super) struct Containers {
    known: BoundedMap<Arc<str>, Known>,
    /// The container of the last event, and until when there is no question about it. Events come in runs of one
    /// container, so most need no look-up.
    last: Option<(Arc<Container>, BootTime)>,
}

#[derive(Debug)]
struct Known {
    /// `None` as long as there is no answer.
    details: Option<Arc<ContainerDetails>>,
    asked: BootTime,
    /// The container as events have it, and with the details, so that its processes share one value.
    plain: Arc<Container>,
    named: Arc<Container>,
}

impl Default for Containers {
    fn default() -> Self {
        Self { known: BoundedMap::new(MAX_CONTAINERS), last: None }
    }
}

impl Containers {
    /// Marks the container of an event as used. Returns whether the runtimes must be asked about it now.
    pub(super) fn see(&mut self, container: &Arc<Container>, now: BootTime) -> bool {
        let Some(id) = &container.id else { return false };
        if container.details.is_some() {
            return false;
        }
        if self.last.as_ref().is_some_and(|(last, until)| now < *until && Arc::ptr_eq(last, container)) {
            return false;
        }
        self.last = Some((Arc::clone(container), now.plus(ASK_AGAIN)));
        if let Some(known) = self.known.get_mut(id) {
            let is_unknown = known.details.as_ref().is_none_or(|details| details.is_empty());
            let asks = is_unknown && now.since(known.asked) >= ASK_AGAIN;
            if asks {
                known.asked = now;
            }
            return asks;
        }
        let (plain, named) = (Arc::clone(container), Arc::clone(container));
        self.known.insert(Arc::clone(id), Known { details: None, asked: now, plain, named });
        true
    }

    /// Returns the container with what is known about it.
    pub(super) fn named(&self, container: &Arc<Container>) -> Arc<Container> {
        let known = container.id.as_ref().and_then(|id| self.known.get(id));
        match known {
            Some(known) if Arc::ptr_eq(&known.plain, container) => Arc::clone(&known.named),
            Some(Known { details: Some(details), .. }) if container.details.is_none() => {
                container.described(details)
            }
            _ => Arc::clone(container),
        }
    }

    /// Stores an answer. Returns whether it says more than the last one.
    pub(super) fn describe(&mut self, description: &ContainerDescription) -> bool {
        let ContainerDescription { id, details } = description;
        let Some(known) = self.known.get_mut(id) else { return false };
        let is_news = match &known.details {
            None => true,
            Some(before) => before.is_empty() && !details.is_empty(),
        };
        if is_news {
            known.named = known.plain.described(details);
            known.details = Some(Arc::clone(details));
        }
        is_news
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.known.evicted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    const NOW: BootTime = BootTime(1_000_000_000);

    fn container(id: usize) -> Arc<Container> {
        let id = format!("{id:064x}").into();
        Arc::new(Container { id: Some(id), details: None, ..Container::clone(&samples::container()) })
    }

    fn described(container: &Container, name: &str) -> ContainerDescription {
        let name = (!name.is_empty()).then(|| name.into());
        let details = Arc::new(ContainerDetails { name, ..ContainerDetails::default() });
        ContainerDescription { id: container.id.clone().expect("an id"), details }
    }

    #[test]
    fn each_container_is_asked_about_once() {
        let mut containers = Containers::default();
        let (one, other) = (container(1), container(2));
        assert!(containers.see(&one, NOW) && containers.see(&other, NOW));
        assert!(!containers.see(&one, NOW) && !containers.see(&other, NOW) && !containers.see(&other, NOW));
        assert!(containers.describe(&described(&one, "web")));
        assert!(!containers.describe(&described(&one, "web")), "the same answer again is no news");
        assert!(!containers.see(&one, NOW.plus(ASK_AGAIN * 2)), "it is known");
        assert!(containers.see(&other, NOW.plus(ASK_AGAIN)), "nobody answered");
        assert!(!containers.see(&other, NOW.plus(ASK_AGAIN)));
    }

    #[test]
    fn an_empty_answer_is_replaced_by_a_better_one() {
        let mut containers = Containers::default();
        let one = container(1);
        containers.see(&one, NOW);
        assert!(containers.describe(&described(&one, "")));
        assert!(containers.see(&one, NOW.plus(ASK_AGAIN)));
        assert!(containers.describe(&described(&one, "web")) && !containers.describe(&described(&one, "")));
        let named = containers.named(&one);
        assert_eq!(named.details.as_ref().and_then(|details| details.name.as_deref()), Some("web"));
        assert!(Arc::ptr_eq(&named, &containers.named(&one)), "processes share it");
        let inner = Arc::new(Container { cgroup: "/deeper".into(), ..Container::clone(&one) });
        assert_eq!(containers.named(&inner).details, named.details);
    }

    #[test]
    fn a_place_without_an_id_is_nobody_s_business() {
        let mut containers = Containers::default();
        let service = Arc::new(Container { id: None, ..Container::clone(&container(1)) });
        assert!(!containers.see(&service, NOW));
        assert!(!containers.describe(&described(&container(1), "web")), "nobody asked");
        assert!(Arc::ptr_eq(&containers.named(&service), &service));
    }

    #[test]
    fn any_number_of_containers_needs_bounded_memory() {
        let mut containers = Containers::default();
        for id in 0..10_000 {
            assert!(containers.see(&container(id), NOW));
        }
        assert_eq!(
            (containers.len(), containers.evicted()),
            (MAX_CONTAINERS, 10_000 - MAX_CONTAINERS as u64)
        );
    }
}
