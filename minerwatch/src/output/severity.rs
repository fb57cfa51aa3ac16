//! The severity of a document, for servers that have few levels.

use serde_json::Value;

use crate::ecs::read::text;

/// The severity of an alert follows from its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Events, and alerts that the sensor works again.
    Info,
    /// `noted`, and alerts about the agent.
    Warning,
    /// `suspected`.
    Error,
    /// `mining`.
    Critical,
}

impl Severity {
    /// Returns the severity of a document.
    pub fn of(ecs: &Value) -> Self {
        let is_alert = text(ecs, "event.kind") == Some("alert");
        match (text(ecs, "minerwatch.verdict"), text(ecs, "event.action")) {
            _ if !is_alert => Self::Info,
            (_, Some("sensor-restored")) => Self::Info,
            (Some("mining"), _) => Self::Critical,
            (Some("suspected"), _) => Self::Error,
            _ => Self::Warning,
        }
    }

    /// Returns the name that Loki, PagerDuty and others use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_severity_follows_from_the_verdict() {
        let of = |kind, verdict, action| {
            let ecs = json!({"event": {"kind": kind, "action": action}, "minerwatch": {"verdict": verdict}});
            Severity::of(&ecs).word()
        };
        assert_eq!(of("alert", "mining", "incident-opened"), "critical");
        assert_eq!(of("alert", "suspected", "incident-closed"), "error");
        assert_eq!(of("alert", "noted", "incident-opened"), "warning");
        assert_eq!(of("alert", "", "sensor-degraded"), "warning");
        assert_eq!(of("alert", "", "sensor-restored"), "info");
        assert_eq!(of("event", "mining", "exec"), "info");
        assert_eq!(Severity::of(&json!(null)), Severity::Info);
    }
}
