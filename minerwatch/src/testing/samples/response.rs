//! Samples of reports about the response.

use std::time::Duration;

use crate::model::{
    BlockedTraffic, BootTime, ProcessKey, ResponseAction, ResponseOutcome, ResponseReport, Stage,
};

/// Returns one report of each action.
pub(crate) fn responses() -> Vec<ResponseReport> {
    let stages = Stage::ALL.map(ResponseAction::Stage);
    let others = [
        ResponseAction::Evidence,
        ResponseAction::Release,
        ResponseAction::Blocked,
        ResponseAction::Approval,
    ];
    stages.into_iter().chain(others).map(response).collect()
}

/// Returns a report with every field that the action has.
pub(crate) fn response(action: ResponseAction) -> ResponseReport {
    let is_refused = action == ResponseAction::Stage(Stage::Quarantine);
    let changes = matches!(action, ResponseAction::Stage(Stage::Isolate | Stage::Throttle | Stage::Freeze));
    ResponseReport {
        time: BootTime(3_600_000_000_000),
        incident: "4340-7760d-4727c34e36e".to_owned(),
        action,
        outcome: match action {
            ResponseAction::Approval => ResponseOutcome::Waiting,
            _ if is_refused => ResponseOutcome::Refused,
            _ => ResponseOutcome::Done,
        },
        by: "policy".to_owned(),
        guard: is_refused.then(|| "package".to_owned()),
        processes: if changes { vec![ProcessKey::from_ticks(17_216, 489_997)] } else { Vec::new() },
        cgroups: if changes { vec!["/system.slice/web.service".to_owned()] } else { Vec::new() },
        until: changes.then_some(1_795_475_000),
        path: (action == ResponseAction::Evidence).then(|| "/var/lib/minerwatch/evidence/1".to_owned()),
        blocked: (action == ResponseAction::Blocked).then_some(BlockedTraffic {
            connects: 12,
            sends: 3,
            packets: 4,
        }),
        took: Duration::from_micros(23_400),
        message: "froze 1 process of '/tmp/.x/kdevtmpfsi' (pid 17216): the freezer of cgroup v2".to_owned(),
    }
}
