//! The daemon: its build, its configuration, its health and its cost.

use crate::metrics::exposition::family::{Family, counter, gauge};

/// Every reason for which the sensor can be degraded has a sample, so that a rule can see it change.
pub(super) const FAMILIES: &[Family] = &[
    gauge("minerwatch_build_info", &["version"], "Always 1. The label has the version.", |_, samples| {
        samples.add([env!("CARGO_PKG_VERSION")], true);
    }),
    gauge(
        "minerwatch_config_info",
        &["hash"],
        "Always 1. The label has the beginning of the SHA-256 hash of the configuration in use.",
        |snapshot, samples| samples.add([&snapshot.metrics.config_hash], true),
    ),
    gauge("minerwatch_uptime_seconds", &[], "Time since the start.", |snapshot, samples| {
        samples.one(snapshot.metrics.uptime_seconds);
    }),
    gauge(
        "minerwatch_heartbeat_timestamp_seconds",
        &[],
        "Wall time at which the event loop was last seen alive, as Unix time.",
        |snapshot, samples| samples.one(snapshot.metrics.alive_unix_seconds),
    ),
    gauge(
        "minerwatch_snapshot_age_seconds",
        &[],
        "Age of these metrics. It is 0, unless the event loop was too busy to give newer ones.",
        |snapshot, samples| samples.one(snapshot.age.as_secs_f64()),
    ),
    gauge(
        "minerwatch_degraded",
        &["reason"],
        "1 if the sensor is degraded for this reason now.",
        |snapshot, samples| {
            for reason in crate::health::Reason::ALL {
                samples.add([reason.name()], snapshot.metrics.degraded.contains(&reason.name()));
            }
        },
    ),
    counter("process_cpu_seconds", &[], "CPU time of the daemon, all threads.", |snapshot, samples| {
        samples.one(snapshot.metrics.process.cpu.as_secs_f64());
    }),
    gauge("process_resident_memory_bytes", &[], "Resident memory of the daemon.", |snapshot, samples| {
        samples.one(snapshot.metrics.resident_bytes);
    }),
    gauge("process_open_fds", &[], "Files that the daemon has open.", |snapshot, samples| {
        samples.one(snapshot.metrics.process.open_files);
    }),
    gauge(
        "minerwatch_bpf_stats_enabled",
        &[],
        "1 if the kernel counts the runs of eBPF programs (`metrics.bpf_stats`, or the sysctl \
         `kernel.bpf_stats_enabled`).",
        |snapshot, samples| samples.one(snapshot.metrics.programs.enabled),
    ),
    counter(
        "minerwatch_bpf_program_runs",
        &["program"],
        "Runs of an eBPF program while the kernel counted.",
        |snapshot, samples| {
            for (name, program) in &snapshot.metrics.programs.by_name {
                samples.add([name], program.runs);
            }
        },
    ),
    counter(
        "minerwatch_bpf_program_run_seconds",
        &["program"],
        "Time of these runs.",
        |snapshot, samples| {
            for (name, program) in &snapshot.metrics.programs.by_name {
                samples.add([name], program.run_time.as_secs_f64());
            }
        },
    ),
    gauge(
        "minerwatch_control_subscribers",
        &[],
        "Streams of `minerwatch tail` that are open.",
        |snapshot, samples| samples.one(snapshot.metrics.control.subscribers),
    ),
    counter(
        "minerwatch_control_lines",
        &[],
        "Lines sent to readers of the control socket.",
        |snapshot, samples| samples.one(snapshot.metrics.control.lines),
    ),
];
