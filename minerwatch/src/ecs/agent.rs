//! Encodes what the daemon says about itself.

use std::sync::Arc;

use serde::Serialize;

use super::{
    Encoder,
    document::{Document, EventFields},
    values::Shown,
};
use crate::model::{AgentNews, AgentReport};

/// The severity of the alert that a reason is over.
const RESTORED: u32 = 20;

/// `minerwatch.agent.*`.
#[derive(Debug, Serialize)]
pub(super) struct AgentReportFields<'a> {
    config_hash: &'a str,
    uptime_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unavailable: &'a [Arc<str>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<LostFields<'a>>,
    spool_age_s: u64,
}

/// The losses of one kind. The kind is a value and no name of a field, so that an index needs no field for each kind.
#[derive(Debug, Serialize)]
struct LostFields<'a> {
    name: &'a str,
    value: u64,
}

impl Encoder {
    pub(super) fn encode_report(&self, report: &AgentReport, sequence: u64, lines: &mut Vec<u8>) {
        let AgentReport { time, started, news, message, config_hash, health, spool_age } = report;
        let (action, types, reason, severity): (_, &'static [_], _, _) = match *news {
            AgentNews::Started => ("agent-start", &["start"], None, None),
            AgentNews::Heartbeat => ("heartbeat", &["info"], None, None),
            AgentNews::Stopping(reason) => ("agent-stop", &["end"], Some(reason), None),
            AgentNews::Degraded { reason, severity } => {
                ("sensor-degraded", &["info"], Some(reason), Some(severity))
            }
            AgentNews::Restored { reason } => ("sensor-restored", &["info"], Some(reason), Some(RESTORED)),
        };
        let mut event = EventFields::new(action, &["host"], types, sequence);
        event.id = Some(Shown(self.ids.of_report(*started, sequence)));
        event.severity = severity;
        if news.is_alert() {
            event.kind = "alert";
            event.dataset = "minerwatch.alert";
        }
        let agent = AgentReportFields {
            config_hash,
            uptime_s: time.since(*started).as_secs(),
            reason,
            unavailable: &health.blind,
            lost: health.lost.iter().map(|(name, value)| LostFields { name, value: *value }).collect(),
            spool_age_s: spool_age.as_secs(),
        };
        let mut document = Document::new(self.time(*time), event);
        document.message = Some(message);
        document.own().agent = Some(&agent);
        self.append(&document, lines);
    }
}
