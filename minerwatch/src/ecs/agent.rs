//! Encodes what the daemon says about itself.

use super::{
    Encoder,
    agent_fields::{AgentReportFields, LostFields},
    document::{Document, EventFields},
    values::Shown,
};
use crate::model::{AgentNews, AgentReport};

/// The severity of the alert that a reason is over.
const RESTORED: u32 = 20;

/// The severity of the alert that tests an output.
const TEST: u32 = 1;

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
            AgentNews::OutputTest => ("output-test", &["info"], None, Some(TEST)),
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
