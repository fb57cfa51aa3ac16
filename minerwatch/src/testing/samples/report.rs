//! Samples of what the daemon says about itself.

use std::time::Duration;

use crate::model::{AgentNews, AgentReport, BootTime, Health};

/// Returns one report of each kind, with its name.
pub(crate) fn reports() -> Vec<(&'static str, AgentReport)> {
    let report = |news, message: &str| AgentReport {
        time: BootTime(3_600_000_000_000),
        started: BootTime(60_000_000_000),
        news,
        message: message.to_owned(),
        config_hash: "0123456789ab".to_owned(),
        health: Health {
            lost: vec![("exec".into(), 3), ("flow-table".into(), 1)],
            blind: vec!["payload".into()],
            hooks: std::sync::Arc::new([]),
        },
        spool_age: Duration::from_secs(5),
    };
    vec![
        ("agent-start", report(AgentNews::Started, "minerwatch watches this host")),
        ("heartbeat", report(AgentNews::Heartbeat, "minerwatch is alive")),
        ("agent-stop", report(AgentNews::Stopping("SIGTERM"), "minerwatch stops: SIGTERM")),
        (
            "sensor-degraded",
            report(AgentNews::Degraded { reason: "losses", severity: 50 }, "Events are lost; look at it"),
        ),
        ("output-test", report(AgentNews::OutputTest, "TEST of the output soc")),
        ("sensor-restored", report(AgentNews::Restored { reason: "losses" }, "No more events are lost")),
    ]
}
