//! Groups alerts by incident, for chat and pagers.

use serde_json::Value;

use super::Document;
use crate::ecs::read::text;

/// The alerts of one incident, in order.
#[derive(Debug)]
pub(super) struct Group {
    /// Identifies the group: the id of the incident, the sensor of the host, or the id of the only alert.
    pub key: String,
    /// The alerts, with their indices in the call.
    pub alerts: Vec<(usize, Value)>,
}

impl Group {
    /// Returns the last alert, which has the current state of the incident.
    pub fn last(&self) -> Option<&Value> {
        self.alerts.last().map(|(_, alert)| alert)
    }

    /// Returns the alerts in runs: those that report a problem, then those that report its end, and so on. One message
    /// about the last alert of a run is enough.
    pub fn runs(&self) -> impl Iterator<Item = &[(usize, Value)]> {
        self.alerts.chunk_by(|(_, alert), (_, next)| is_end(alert) == is_end(next))
    }

    /// Returns the indices of the alerts.
    pub fn indices(&self) -> impl Iterator<Item = usize> {
        self.alerts.iter().map(|(index, _)| *index)
    }
}

/// Returns whether an alert reports the end of a problem.
pub(super) fn is_end(alert: &Value) -> bool {
    matches!(text(alert, "event.action"), Some("incident-closed" | "sensor-restored"))
}

/// Groups the documents of a call, in the order of their first alerts. What the response did is left out: it is no problem,
/// and could open one again that is over.
pub(super) fn groups(documents: &[Document]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = rustc_hash::FxHashMap::default();
    for (index, document) in documents.iter().enumerate() {
        let alert: Value = serde_json::from_slice(&document.json).unwrap_or_default();
        if text(&alert, "event.action").is_some_and(|action| action.starts_with("response-")) {
            continue;
        }
        let key = key(&alert, index);
        let place = *places.entry(key.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.alerts.push((index, alert)),
            None => groups.push(Group { key, alerts: vec![(index, alert)] }),
        }
    }
    groups
}

fn key(alert: &Value, index: usize) -> String {
    if let Some(incident) = text(alert, "minerwatch.incident.id") {
        return incident.to_owned();
    }
    match (text(alert, "event.action"), text(alert, "event.id")) {
        (Some("sensor-degraded" | "sensor-restored"), _) => {
            format!("sensor of {}", text(alert, "host.name").unwrap_or("unknown host"))
        }
        (_, Some(id)) => id.to_owned(),
        (_, None) => format!("alert {index}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Class;

    #[test]
    fn what_the_response_did_is_no_problem() {
        let documents = documents(&[("a", "incident-closed"), ("a", "response-release")]);
        let groups = groups(&documents);
        assert_eq!(groups.iter().flat_map(Group::indices).collect::<Vec<_>>(), [0]);
    }

    fn documents(alerts: &[(&str, &str)]) -> Vec<Document> {
        let json = |(incident, action): &(&str, &str)| {
            json!({"minerwatch": {"incident": {"id": incident}}, "event": {"action": action}}).to_string()
        };
        alerts.iter().map(|alert| Document { class: Class::Alert, json: json(alert).into() }).collect()
    }

    #[test]
    fn alerts_of_one_incident_are_one_group() {
        let all = documents(&[
            ("a", "incident-opened"),
            ("b", "incident-opened"),
            ("a", "incident-updated"),
            ("", "sensor-degraded"),
            ("a", "incident-closed"),
            ("", "sensor-restored"),
            ("", "other"),
            ("a", "incident-opened"),
        ]);
        let groups = groups(&all);
        let keys: Vec<(&str, Vec<usize>)> =
            groups.iter().map(|group| (group.key.as_str(), group.indices().collect())).collect();
        assert_eq!(
            keys,
            [
                ("a", vec![0, 2, 4, 7]),
                ("b", vec![1]),
                ("sensor of unknown host", vec![3, 5]),
                ("alert 6", vec![6]),
            ]
        );
        let runs = |place: usize| -> Vec<Vec<usize>> {
            groups[place].runs().map(|run| run.iter().map(|(index, _)| *index).collect()).collect()
        };
        assert_eq!(runs(0), [vec![0, 2], vec![4], vec![7]]);
        assert_eq!(runs(2), [[3], [5]]);
    }
}
