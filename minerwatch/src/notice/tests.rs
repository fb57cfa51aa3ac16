//! Tests with samples and hostile texts.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MAX_HEADLINE, MAX_VALUE, headline, summary};
use crate::testing;

fn sample(action: &str) -> Value {
    let samples = crate::ecs::tests::objects();
    samples.into_iter().find(|ecs| ecs["event"]["action"] == action).expect("a sample")
}

#[test]
fn headlines_say_what_where_and_who() {
    let mut alert = sample("incident-opened");
    assert_eq!(
        headline(&alert),
        "Suspected mining on web-1: /usr/bin/curl (pid 4713, root), pod shop/cart-7d9, pool.example:443"
    );
    alert["minerwatch"]["verdict"] = "mining".into();
    alert["event"]["action"] = "incident-closed".into();
    alert["orchestrator"] = Value::Null;
    alert["destination"] = json!({"ip": "2001:db8::1", "port": 3333});
    assert_eq!(
        headline(&alert),
        "Mining on web-1 (closed): /usr/bin/curl (pid 4713, root), container cart, [2001:db8::1]:3333"
    );
    alert["destination"] = Value::Null;
    alert["container"] = Value::Null;
    assert_eq!(
        headline(&alert),
        "Mining on web-1 (closed): /usr/bin/curl (pid 4713, root), 2 threads at 100 % of 2 cores for 60 s"
    );
    let degraded =
        json!({"host": {"name": "web-1"}, "message": "1,200 events were lost", "event": {"kind": "alert"}});
    assert_eq!(headline(&degraded), "minerwatch on web-1: 1,200 events were lost");
    let write = headline(&sample("file-write"));
    assert_eq!(write, "file-write on web-1: /usr/bin/curl (pid 4711, root), pod shop/cart-7d9, /etc/crontab");
    assert_eq!(headline(&Value::Null), "event on unknown host: unknown");
}

#[test]
fn a_summary_has_the_facts_in_order() {
    let facts = summary(&sample("incident-opened"));
    let names: Vec<&str> = facts.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "What",
            "Host",
            "Verdict",
            "Score",
            "Program",
            "User",
            "Command line",
            "Container",
            "Image",
            "Pod",
            "Unit",
            "Destination",
            "Load",
            "Signals",
            "Reason",
            "Incident",
            "What to do",
        ]
    );
    let fact = |name: &str| facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    assert_eq!(fact("What to do"), Some("minerwatch explain 125c-6c7f0-40b244a4b00"));
    assert_eq!(fact("Signals"), Some("B2 file written, then run; C5 half the cores busy; Z9"));
    assert_eq!(fact("Score"), Some("44"));
    assert_eq!(summary(&Value::Null), []);
}

fn assert_safe(text: &str, max: usize) {
    assert!(!text.is_empty() && text.chars().count() <= max, "{} characters: {text}", text.chars().count());
    assert!(
        !text.contains(|letter: char| letter.is_control() || "\u{202e}\u{2028}\u{200b}".contains(letter))
    );
}

#[test]
fn every_object_has_a_headline() {
    let mut seen = 0;
    testing::each_recorded(|_, ecs| {
        assert_safe(&headline(ecs), MAX_HEADLINE);
        seen += 1;
    });
    testing::each_sample(|_, ecs| assert_safe(&headline(ecs), MAX_HEADLINE));
    assert!(seen > 0);
}

proptest! {
    #[test]
    fn hostile_texts_are_made_safe(text in "(\\PC|[\\x00-\\x1f\u{7f}-\u{9f}\u{202e}\u{2028}\u{200b}]| ){0,400}") {
        let mut ecs = sample("incident-opened");
        for pointer in [
            "/host/name", "/process/executable", "/process/user/name", "/process/command_line", "/destination/domain",
            "/minerwatch/verdict", "/minerwatch/signals/0/name", "/message", "/container/id",
        ] {
            *ecs.pointer_mut(pointer).unwrap() = text.clone().into();
        }
        assert_safe(&headline(&ecs), MAX_HEADLINE);
        for (_, value) in summary(&ecs) {
            assert_safe(&value, MAX_VALUE);
        }
    }
}
