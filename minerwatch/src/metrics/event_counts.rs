//! Counts of events and alerts.

use serde::Serialize;

use crate::model::{Alert, AlertAction, Event, EventKind, Verdict};

/// Events by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts([u64; EventKind::ALL.len()]);

impl EventCounts {
    /// Counts one event.
    pub fn count(&mut self, event: &Event) {
        if let Some(count) = self.0.get_mut(event.body.kind() as usize) {
            *count += 1;
        }
    }

    /// Returns the number of events of a kind.
    pub fn of(&self, kind: EventKind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    /// Returns every kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (EventKind, u64)> {
        EventKind::ALL.into_iter().map(|kind| (kind, self.of(kind)))
    }
}

impl Serialize for EventCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(kind, count)| (kind.name(), count)))
    }
}

/// The actions of alerts, in the order of [`AlertAction`].
const ACTIONS: [&str; 4] = ["incident-opened", "incident-updated", "incident-closed", "alert-storm"];
/// The verdicts, in the order of [`Verdict`].
const VERDICTS: [&str; 3] = ["noted", "suspected", "mining"];

/// Alerts by action and verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCounts([[u64; VERDICTS.len()]; ACTIONS.len()]);

impl AlertCounts {
    /// Counts one alert.
    pub fn count(&mut self, alert: &Alert) {
        let action = match alert.action {
            AlertAction::IncidentOpened => 0,
            AlertAction::IncidentUpdated => 1,
            AlertAction::IncidentClosed => 2,
            AlertAction::AlertStorm => 3,
        };
        let verdict = match alert.verdict {
            Verdict::Noted => 0,
            Verdict::Suspected => 1,
            Verdict::Mining => 2,
        };
        if let Some(count) = self.0.get_mut(action).and_then(|counts: &mut [u64; 3]| counts.get_mut(verdict))
        {
            *count += 1;
        }
    }

    /// Returns every action and verdict with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        ACTIONS.into_iter().zip(self.0).flat_map(|(action, counts)| {
            VERDICTS.into_iter().zip(counts).map(move |(verdict, count)| (action, verdict, count))
        })
    }
}

impl Serialize for AlertCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let by_verdict = |counts: [u64; VERDICTS.len()]| -> std::collections::BTreeMap<&str, u64> {
            VERDICTS.into_iter().zip(counts).collect()
        };
        serializer.collect_map(ACTIONS.into_iter().zip(self.0.map(by_verdict)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    #[test]
    fn an_alert_counts_under_its_own_names() {
        let actions = [
            AlertAction::IncidentOpened,
            AlertAction::IncidentUpdated,
            AlertAction::IncidentClosed,
            AlertAction::AlertStorm,
        ];
        for action in actions {
            for verdict in [Verdict::Noted, Verdict::Suspected, Verdict::Mining] {
                let mut counts = AlertCounts::default();
                counts.count(&Alert { action, verdict, ..samples::alert() });
                let name = |value| serde_json::to_value(value).expect("a name");
                let counted: Vec<_> = counts.iter().filter(|(_, _, count)| *count > 0).collect();
                let [(counted_action, counted_verdict, 1)] = counted.as_slice() else {
                    panic!("{counted:?}")
                };
                assert_eq!(name(action), *counted_action);
                assert_eq!(serde_json::to_value(verdict).expect("a name"), *counted_verdict);
            }
        }
    }
}
