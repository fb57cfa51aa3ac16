//! Remembers which steps of an incident were drawn, so that an update draws only what is new.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rustc_hash::FxHashSet;

use super::line::{Edge, Line};
use crate::bounded::BoundedMap;

/// Maximum number of incidents whose drawn steps are remembered. The one unused for longest is drawn again as a whole.
const INCIDENTS: usize = 256;
/// Maximum number of remembered steps per incident. An alert has at most 64.
const STEPS: usize = 1_024;

/// The steps that were drawn, by incident.
#[derive(Debug)]
pub(super) struct SeenSteps {
    incidents: BoundedMap<String, FxHashSet<u64>>,
}

impl Default for SeenSteps {
    fn default() -> Self {
        Self { incidents: BoundedMap::new(INCIDENTS) }
    }
}

impl SeenSteps {
    /// Returns the steps of an alert that were not drawn before, and counts them as drawn.
    pub(super) fn new_steps<'a>(&mut self, line: &'a Line) -> Vec<&'a Edge> {
        let own = &line.minerwatch;
        if line.event.action == "incident-closed" {
            self.incidents.remove(&own.incident.id);
            return Vec::new();
        }
        if own.incident.id.is_empty() {
            return own.chain.iter().collect();
        }
        let seen = self.incidents.entry(&own.incident.id, FxHashSet::default);
        if seen.len() > STEPS {
            seen.clear();
        }
        own.chain.iter().filter(|edge| seen.insert(identity(edge))).collect()
    }
}

fn identity(edge: &Edge) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&edge.kind, &edge.at, &edge.process.entity_id, &edge.object).hash(&mut hasher);
    hasher.finish()
}
