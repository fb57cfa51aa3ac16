//! Cuts an alert that is larger than an output may take, in an order that keeps what a person needs.

use super::limits::{CutFields, Limits, cut};
use crate::model::Alert;

/// The steps, in their order. Each step lowers some limits, and all earlier steps stay in force.
const STEPS: [fn(&mut Limits); 38] = [
    |limits| (limits.argument, limits.arguments) = (512, 2_048),
    |limits| limits.text = 1_024,
    |limits| (limits.argument, limits.arguments, limits.text) = (256, 1_024, 512),
    |limits| (limits.text, limits.message) = (256, 1_024),
    |limits| (limits.values, limits.missing, limits.labels) = (16, 4, 16),
    |limits| limits.chain = 48,
    |limits| limits.chain = 32,
    |limits| limits.chain = 16,
    |limits| limits.members = 16,
    |limits| limits.members = 8,
    |limits| limits.evidenced = 16,
    |limits| limits.evidenced = 8,
    |limits| limits.evidenced = 4,
    |limits| limits.peers = 4,
    |limits| limits.suspects = 16,
    |limits| limits.suspects = 8,
    |limits| limits.peers = 2,
    |limits| (limits.dropped, limits.persistence) = (16, 16),
    |limits| (limits.dropped, limits.persistence) = (8, 8),
    |limits| limits.signals = 16,
    |limits| (limits.values, limits.labels) = (8, 4),
    |limits| limits.hooks = false,
    |limits| (limits.argument, limits.arguments, limits.text, limits.message) = (128, 512, 128, 512),
    |limits| limits.chain = 8,
    |limits| limits.suspects = 4,
    |limits| (limits.members, limits.evidenced) = (4, 2),
    |limits| (limits.dropped, limits.persistence) = (2, 2),
    |limits| limits.signals = 8,
    |limits| (limits.evidenced, limits.suspects) = (1, 2),
    |limits| (limits.chain, limits.values) = (4, 4),
    |limits| (limits.members, limits.dropped, limits.persistence) = (0, 1, 1),
    |limits| limits.signals = 4,
    |limits| (limits.argument, limits.arguments, limits.text, limits.message) = (64, 256, 64, 256),
    |limits| (limits.peers, limits.missing, limits.labels) = (1, 2, 0),
    |limits| limits.chain = 2,
    |limits| (limits.evidenced, limits.suspects) = (0, 1),
    |limits| limits.losses = false,
    |limits| *limits = BARE,
];

/// The last step: the suspect, the deciding signal and nothing else.
const BARE: Limits = Limits {
    argument: 32,
    arguments: 48,
    text: 24,
    message: 128,
    parent: false,
    chain: 0,
    members: 0,
    evidenced: 0,
    values: 0,
    signals: 1,
    suspects: 0,
    peers: 0,
    dropped: 0,
    persistence: 0,
    missing: 0,
    labels: 0,
    hooks: false,
    losses: false,
};

/// Takes the fewest steps after which `fits` accepts the alert, and returns the result. If no number of steps is enough,
/// all are taken.
pub(super) fn until(whole: &Alert, mut fits: impl FnMut(&Alert, &CutFields) -> bool) -> (Alert, CutFields) {
    let after = |steps: usize| {
        let mut limits = Limits::NONE;
        STEPS.iter().take(steps).for_each(|step| step(&mut limits));
        cut(whole, &limits)
    };
    // Each step makes the alert smaller, so a binary search finds the first number of steps that is enough.
    let (mut too_few, mut enough) = (0, STEPS.len());
    let mut best = None;
    while too_few + 1 < enough {
        let middle = usize::midpoint(too_few, enough);
        let (alert, cut) = after(middle);
        if fits(&alert, &cut) {
            enough = middle;
            best = Some((alert, cut));
        } else {
            too_few = middle;
        }
    }
    best.unwrap_or_else(|| after(STEPS.len()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{
        ecs::{EncoderSettings, MAX_ALERT_BYTES},
        model::{CloudFields, ExtraFields},
        testing::samples,
    };

    /// The lowest value of `limits.max_alert_bytes`.
    const LEAST: usize = 4_096;

    fn line(alert: &Alert, settings: &EncoderSettings) -> Vec<u8> {
        let mut lines = b"before\n".to_vec();
        samples::encoder_of(settings).alert(alert, u64::MAX, &mut lines);
        lines.split_off(b"before\n".len())
    }

    fn object(line: &[u8]) -> Value {
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "one line");
        serde_json::from_slice(line).expect("valid JSON")
    }

    fn limited(max_alert_bytes: usize) -> EncoderSettings {
        EncoderSettings { max_alert_bytes, ..samples::encoder_settings() }
    }

    #[test]
    fn an_ordinary_alert_is_not_cut() {
        let line = line(&samples::alert(), &limited(MAX_ALERT_BYTES));
        assert!(object(&line)["minerwatch"]["cut"].is_null());
    }

    #[test]
    fn long_arguments_alone_cost_nothing_else() {
        let mut alert = samples::alert();
        alert.suspect.arguments = vec!["x".repeat(2_000).into(); 100].into();
        let object = object(&line(&alert, &limited(MAX_ALERT_BYTES)));
        let kept = object["process"]["args"].as_array().expect("a list");
        assert_eq!(object["minerwatch"]["cut"], serde_json::json!({"arguments": 100}), "{}", kept.len());
        assert_eq!(object["minerwatch"]["chain"].as_array().map(Vec::len), Some(alert.chain.len()));
        assert!(
            kept[0].as_str().is_some_and(|argument| argument.starts_with("xxx") && argument.ends_with('…'))
        );
    }

    #[test]
    fn a_large_alert_keeps_what_a_person_needs() {
        let path: std::sync::Arc<str> = "/path/of/a/program".repeat(12).into();
        let mut alert = samples::alert();
        alert.suspects = vec![alert.suspects[0].clone(); 32];
        alert.suspects.iter_mut().for_each(|suspect| suspect.process.executable.path = path.clone());
        alert.members = vec![alert.members[0].clone(); 32];
        alert.chain = vec![alert.chain[0].clone(); 64];
        alert.chain.iter_mut().for_each(|edge| edge.object = path.to_string());
        alert.suspect.arguments = vec!["x".repeat(2_000).into(); 100].into();
        let line = line(&alert, &limited(MAX_ALERT_BYTES));
        // Not much more is cut than necessary.
        assert!(
            (MAX_ALERT_BYTES / 2..=MAX_ALERT_BYTES).contains(&line.len()),
            "{} bytes are left",
            line.len()
        );
        let object = object(&line);
        let own = &object["minerwatch"];
        let kept = |name: &str| own[name].as_array().map_or(0, Vec::len) as u64;
        let cut = |name: &str| own["cut"][name].as_u64().unwrap_or_default();
        for (name, count) in [("chain", 64), ("members", 32), ("suspects", 32), ("signals", 3)] {
            assert_eq!(kept(name) + cut(name), count, "{name}");
        }
        assert!(kept("suspects") >= 8 && kept("chain") >= 8 && kept("members") >= 8, "{own}");
        assert_eq!((cut("signals"), cut("evidence")), (0, 0));
        assert_eq!(own["more_suspects"].as_u64(), Some(2 + cut("suspects")));
    }

    /// The largest fields that the configuration allows with the lowest limit.
    fn large_settings(max_alert_bytes: usize) -> EncoderSettings {
        let value = || Some("x".repeat(64));
        let mut settings = limited(max_alert_bytes);
        settings.host.name = "n".repeat(64).into();
        settings.fields = ExtraFields {
            tags: vec!["\"".repeat(40); 2],
            labels: (0..1)
                .map(|index| (format!("name-{index}"), "\\".repeat(45)))
                .collect::<BTreeMap<_, _>>(),
            cloud: CloudFields {
                provider: value(),
                region: value(),
                availability_zone: value(),
                account_id: value(),
                instance_id: value(),
            },
        };
        settings
    }

    #[test]
    fn an_alert_of_the_worst_texts_fits_into_the_lowest_limit() {
        for text in ["\u{1}", "'", "\"", "é", "x", "\\", "\u{10ffff}"] {
            for (length, count) in [(10_000, 70), (60, 70), (5, 300)] {
                let alert = samples::large_alert(&text.repeat(length), count);
                let line = line(&alert, &large_settings(LEAST));
                assert!(line.len() <= LEAST, "{text:?} {length} {count}: {} bytes", line.len());
                assert_eq!(object(&line)["minerwatch"]["incident"]["id"], alert.incident.to_string());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_alert_fits_and_says_what_was_cut(
            piece in prop_oneof![Just("x"), Just("'"), Just("\u{7}"), Just("\""), Just("größe "), Just("/")],
            length in 0_usize..600,
            lists in prop::array::uniform5(0_usize..70),
            arguments in (0_usize..200, 0_usize..1_200),
            limit in prop_oneof![Just(LEAST), Just(MAX_ALERT_BYTES), LEAST..100_000],
        ) {
            let mut alert = samples::large_alert(&piece.repeat(length), 32);
            let [chain, members, suspects, signals, dropped] = lists;
            alert.chain.truncate(chain);
            alert.members.truncate(members);
            alert.suspects.truncate(suspects);
            alert.signals.truncate(signals);
            alert.dropped.truncate(dropped);
            alert.suspect.arguments = vec![piece.repeat(arguments.1).into(); arguments.0].into();
            let line = line(&alert, &limited(limit));
            let whole = self::line(&alert, &limited(usize::MAX));
            prop_assert!(line.len() <= limit, "{} of {limit}", line.len());
            let (object, whole) = (object(&line), (whole.len() <= limit, object(&whole)));
            let own = &object["minerwatch"];
            prop_assert_eq!(own["cut"].is_null(), whole.0, "only a large alert is cut");
            for name in ["chain", "members", "suspects", "signals", "dropped", "persistence"] {
                let count = |object: &Value| object[name].as_array().map_or(0, Vec::len) as u64;
                let cut = own["cut"][name].as_u64().unwrap_or_default();
                prop_assert_eq!(count(own) + cut, count(&whole.1["minerwatch"]), "{}", name);
            }
            for pointer in [
                "/event", "/agent", "/host", "/labels", "/@timestamp", "/process/pid", "/process/entity_id", "/rule/id",
                "/threat", "/minerwatch/incident", "/minerwatch/verdict", "/minerwatch/score", "/minerwatch/signal_ids",
            ] {
                prop_assert_eq!(object.pointer(pointer), whole.1.pointer(pointer), "{}", pointer);
            }
        }
    }
}
