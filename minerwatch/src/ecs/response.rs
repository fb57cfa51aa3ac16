//! Encodes what the response did: `response-*`.

use super::{
    Encoder,
    document::{Document, EventFields, ProcessFields},
    response_fields::{BlockedFields, ResponseFields},
    timestamp::Timestamp,
    values::{Identified, Shown},
};
use crate::model::{IncidentId, ProcessView, ResponseAction, ResponseOutcome, ResponseReport, Stage};

impl Encoder {
    pub(super) fn encode_response(
        &self,
        report: &ResponseReport,
        suspect: Option<&ProcessView>,
        sequence: u64,
        lines: &mut Vec<u8>,
    ) {
        let action = report.action.event_action();
        let types: &'static [_] = match report.action {
            ResponseAction::Stage(Stage::Observe)
            | ResponseAction::Evidence
            | ResponseAction::Blocked
            | ResponseAction::Approval => &["info"],
            ResponseAction::Stage(Stage::Stop) => &["end"],
            ResponseAction::Stage(_) | ResponseAction::Release => &["change"],
        };
        let mut event = EventFields::new(action, &["process"], types, sequence);
        event.id = Some(Shown(self.ids.of_response(report.time, sequence)));
        event.outcome = Some(match report.outcome {
            ResponseOutcome::Done | ResponseOutcome::DryRun => "success",
            ResponseOutcome::Refused | ResponseOutcome::Failed => "failure",
            ResponseOutcome::Waiting => "unknown",
        });
        let response = ResponseFields {
            stage: match report.action {
                ResponseAction::Stage(stage) => Some(stage.name()),
                _ => None,
            },
            outcome: report.outcome.name(),
            by: &report.by,
            guard: report.guard.as_deref(),
            took_ms: report.took.as_secs_f64() * 1e3,
            until: report.until.map(|until| Timestamp(i128::from(until) * 1_000_000_000)),
            entity_id: report.processes.iter().map(|key| Shown(*key)).collect(),
            pid: report.processes.iter().map(|key| key.pid).collect(),
            cgroup: &report.cgroups,
            path: report.path.as_deref(),
            blocked: report.blocked.map(|blocked| BlockedFields {
                connects: blocked.connects,
                sends: blocked.sends,
                packets: blocked.packets,
            }),
        };
        let mut document = Document::new(self.time(report.time), event);
        document.message = Some(&report.message);
        if let Some(suspect) = suspect {
            document.process = Some(ProcessFields::of_view(self, suspect));
            if let Some(container) = &suspect.container {
                document.set_container(container, self.settings.cluster.as_deref());
            }
        }
        if let Ok(incident) = report.incident.parse::<IncidentId>() {
            document.own().incident = Some(Identified { id: Shown(incident) });
        }
        document.own().response = Some(&response);
        self.append(&document, lines);
    }
}
