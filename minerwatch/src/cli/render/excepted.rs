//! Says what exceptions hide of an incident.

use super::line::{Excepted, ExceptedSuspect};

/// Returns one sentence per suspect that exceptions concern, and one about the incident.
pub(super) fn sentences(excepted: &Excepted) -> Vec<String> {
    let Excepted { incident, suspects } = excepted;
    let mut sentences: Vec<String> = suspects.iter().map(sentence).collect();
    if *incident {
        sentences.insert(0, "no alert is sent about this incident".to_owned());
    }
    sentences
}

fn sentence(suspect: &ExceptedSuspect) -> String {
    let ExceptedSuspect { process, hidden, exceptions, signal_ids } = suspect;
    let pid = process.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    let plural = if exceptions.len() == 1 { "" } else { "s" };
    let by = format!("exception{plural} {}", exceptions.join(", "));
    let without = format!("without {}", signal_ids.join(", "));
    match (hidden, signal_ids.is_empty()) {
        (true, true) => format!("{}{pid} is hidden by {by}", process.name),
        (true, false) => format!("{}{pid} is hidden by {by}, {without}", process.name),
        (false, _) => format!("{}{pid} is judged {without}, by {by}", process.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_suspect_has_its_sentence() {
        let json = r#"{"incident":true,"suspects":[
            {"process":{"pid":7,"name":"train"},"hidden":true,"exceptions":["a"]},
            {"process":{"name":"x"},"hidden":true,"exceptions":["a","b"],"signal_ids":["C1"]},
            {"process":{"name":"y"},"hidden":false,"exceptions":["c"],"signal_ids":["C9","N4"]}]}"#;
        let excepted: Excepted = serde_json::from_str(json).expect("JSON");
        assert_eq!(
            sentences(&excepted),
            [
                "no alert is sent about this incident",
                "train (pid 7) is hidden by exception a",
                "x is hidden by exceptions a, b, without C1",
                "y is judged without C9, N4, by exception c",
            ]
        );
        assert!(sentences(&Excepted::default()).is_empty());
    }
}
