//! What this kernel and these privileges allow, found by trying.

use super::event_loop::unsupported;
use crate::{
    cli::{Condition, DataSource, Report},
    model::HookChoice,
    probe::sampler,
    sensor::{Sensor, SensorError, SensorOptions, SourceStatus},
};

/// Tries to open the sensor, and says what came of it.
pub fn doctor(hooks: &[HookChoice]) -> anyhow::Result<Report> {
    let system = rustix::system::uname();
    let kernel = format!("{} {}", system.release().to_string_lossy(), system.machine().to_string_lossy());
    let mut report = Report { kernel, ..Report::default() };
    let outcome = Sensor::open(&SensorOptions { hooks: hooks.to_vec(), ..SensorOptions::default() });
    if let Err(error @ SensorError::NoSuchHook { .. }) = outcome {
        return Err(unsupported(error));
    }
    report.conditions = conditions(outcome.as_ref().err());
    if let Ok(sensor) = outcome {
        report.conditions.push(realtime());
        report.purposes = sensor.report().sources.iter().map(data_source).collect();
    }
    Ok(report)
}

/// The conditions in the order in which the sensor meets them: what lies behind the first that is not met
/// is not known.
fn conditions(error: Option<&SensorError>) -> Vec<Condition> {
    let steps = [
        ("capabilities", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN, or root"),
        ("kernel type information", "/sys/kernel/btf/vmlinux"),
        ("BPF maps and programs", "the kernel takes them"),
        ("hooks", "at least one data source is available"),
    ];
    let failed = error.map(|error| match error {
        SensorError::NoSuchHook { .. } | SensorError::NotPermitted { .. } => 0,
        SensorError::NoTypes { .. } | SensorError::Types { .. } => 1,
        SensorError::Load { .. } | SensorError::Incomplete { .. } | SensorError::EventRings(_) => 2,
        SensorError::NothingAttached { .. } => 3,
    });
    let reached = failed.unwrap_or(steps.len() - 1);
    steps
        .iter()
        .enumerate()
        .take(reached + 1)
        .map(|(index, (name, seen))| Condition {
            name: (*name).to_owned(),
            met: failed != Some(index),
            required: true,
            detail: match error {
                Some(error) if failed == Some(index) => error.to_string(),
                _ => (*seen).to_owned(),
            },
        })
        .collect()
}

/// What the sampler wants and can do without.
fn realtime() -> Condition {
    let outcome = sampler::may_be_realtime();
    Condition {
        name: "real-time priority".to_owned(),
        met: outcome.is_ok(),
        required: false,
        detail: match outcome {
            Ok(()) => "the sampler makes busy programs leave their CPU at once".to_owned(),
            Err(reason) => {
                format!("{reason}: a miner alone on its core is found more slowly; it takes CAP_SYS_NICE")
            }
        },
    }
}

fn data_source(status: &SourceStatus) -> DataSource {
    let refused: Vec<String> =
        status.refused.iter().map(|(hook, reason)| format!("{hook}: {reason}")).collect();
    let detail = match (status.hook, refused.is_empty()) {
        (None, _) => Some(format!("{}; {}", status.if_unavailable, refused.join("; "))),
        (Some(_), false) => {
            let caveat = status.caveat.map(str::to_owned);
            Some(caveat.into_iter().chain(refused).collect::<Vec<_>>().join("; "))
        }
        (Some(_), true) => status.caveat.map(str::to_owned),
    };
    DataSource {
        name: status.source.name().to_owned(),
        hook: status.hook.map(str::to_owned),
        way: status.attach_type.map(|attach_type| attach_type.name().to_owned()),
        detail,
    }
}
