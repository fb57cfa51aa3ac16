//! `minerwatch doctor`: tests what this kernel and these privileges allow.

use super::event_loop::unsupported;
use crate::{
    model::{Condition, DataSourceStatus, HookChoice, Report},
    probe::{hidden, sampler},
    sensor::{Sensor, SensorError, SensorOptions, SourceStatus},
};

/// Opens the sensor in the same way as the daemon, and reports the outcome.
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
        report.conditions.push(preloaded());
        report.data_sources = sensor.report().sources.iter().map(data_source).collect();
    }
    Ok(report)
}

/// Returns the conditions in the order in which the sensor checks them. The list ends with the first unmet condition,
/// because the later conditions were not checked.
fn conditions(error: Option<&SensorError>) -> Vec<Condition> {
    let steps = [
        ("capabilities", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN, or root"),
        ("PID namespace", "that of the host"),
        ("kernel type information", "/sys/kernel/btf/vmlinux"),
        ("BPF maps and programs", "the kernel accepts them"),
        ("hooks", "at least one can be attached"),
    ];
    let failed = error.map(|error| match error {
        SensorError::NoSuchHook { .. } | SensorError::NotPermitted { .. } => 0,
        SensorError::OwnPidNamespace => 1,
        SensorError::NoTypes { .. } | SensorError::Types { .. } => 2,
        SensorError::Load { .. } | SensorError::Incomplete { .. } | SensorError::EventRings(_) => 3,
        SensorError::NothingAttached { .. } => 4,
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

/// Checks for real-time priority, which makes the sampler faster but is not required.
fn realtime() -> Condition {
    let outcome = sampler::may_be_realtime();
    Condition {
        name: "real-time priority".to_owned(),
        met: outcome.is_ok(),
        required: false,
        detail: match outcome {
            Ok(()) => "the sampler makes busy programs leave their CPU at once".to_owned(),
            Err(reason) => {
                format!(
                    "{reason}: a miner that has a core to itself is found more slowly; grant CAP_SYS_NICE"
                )
            }
        },
    }
}

/// Checks for libraries that are loaded into every program. They can hide processes and files from all tools.
fn preloaded() -> Condition {
    let libraries = hidden::preloaded();
    Condition {
        name: "preloaded libraries".to_owned(),
        met: libraries.is_empty(),
        required: false,
        detail: if libraries.is_empty() {
            "/etc/ld.so.preload forces no library into every program".to_owned()
        } else {
            format!(
                "/etc/ld.so.preload forces {} into every program: such a library can hide processes and files",
                libraries.join(", ")
            )
        },
    }
}

fn data_source(status: &SourceStatus) -> DataSourceStatus {
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
    DataSourceStatus {
        name: status.source.name().to_owned(),
        hook: status.hook.map(str::to_owned),
        attach_type: status.attach_type.map(|attach_type| attach_type.name().to_owned()),
        detail,
        limited: status.hook.is_some() && status.caveat.is_some(),
    }
}
