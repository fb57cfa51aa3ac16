//! Incidents, findings, exceptions and the tables of the engine.

use crate::metrics::exposition::family::{Family, counter, gauge};

pub(super) const FAMILIES: &[Family] = &[
    counter("minerwatch_alerts", &["action", "verdict"], "Alerts sent.", |snapshot, samples| {
        for (action, verdict, count) in snapshot.metrics.alert_counts.iter() {
            samples.add([action, verdict], count);
        }
    }),
    counter("minerwatch_findings", &["signal"], "Findings of the detectors.", |snapshot, samples| {
        for (signal, count) in &snapshot.metrics.engine.findings {
            samples.add([signal], *count);
        }
    }),
    gauge(
        "minerwatch_incidents",
        &["verdict"],
        "Open incidents that have a verdict.",
        |snapshot, samples| {
            for (verdict, count) in &snapshot.metrics.engine.incidents_by_verdict {
                samples.add([verdict], *count);
            }
        },
    ),
    gauge(
        "minerwatch_incidents_watched",
        &[],
        "Closed incidents that are watched for a return.",
        |snapshot, samples| samples.one(snapshot.metrics.engine.incidents_watched),
    ),
    counter(
        "minerwatch_incidents_restored",
        &[],
        "Incidents of the earlier run that go on.",
        |snapshot, samples| samples.one(snapshot.metrics.engine.incidents_restored),
    ),
    gauge(
        "minerwatch_incidents_left_out",
        &[],
        "Open incidents that do not fit into the state file, so that a restart would forget them.",
        |snapshot, samples| samples.one(snapshot.metrics.incidents_left_out),
    ),
    gauge(
        "minerwatch_exceptions",
        &["state"],
        "Exceptions that are `active`, and exceptions that are `expired`.",
        |snapshot, samples| {
            samples.add(["active"], snapshot.metrics.exceptions.active);
            samples.add(["expired"], snapshot.metrics.exceptions.expired);
        },
    ),
    counter(
        "minerwatch_exceptions_hidden_alerts",
        &[],
        "Alerts that exceptions hid.",
        |snapshot, samples| samples.one(snapshot.metrics.exceptions.hidden),
    ),
    gauge(
        "minerwatch_table_entries",
        &["table"],
        "Entries of a table now. `incidents` includes those without a verdict.",
        |snapshot, samples| {
            let (engine, enrich) = (&snapshot.metrics.engine, &snapshot.metrics.enrich);
            samples.add(["processes"], engine.processes);
            samples.add(["parked"], engine.parked);
            samples.add(["incidents"], engine.incidents);
            samples.add(["cgroups"], enrich.cgroups_cached);
            samples.add(["hashes"], enrich.hashes_cached);
        },
    ),
    counter(
        "minerwatch_table_evictions",
        &["table"],
        "Entries that were evicted because the table was full.",
        |snapshot, samples| {
            let (engine, enrich) = (&snapshot.metrics.engine, &snapshot.metrics.enrich);
            samples.add(["processes"], engine.processes_evicted);
            samples.add(["dead-processes"], engine.dead_forgotten_early);
            samples.add(["incidents"], engine.incidents_evicted);
            samples.add(["written-files"], engine.written_files_evicted);
            samples.add(["cgroups"], enrich.cgroups_evicted);
            samples.add(["hashes"], enrich.hashes_evicted);
            for (name, count) in &engine.evictions {
                let table = name.strip_suffix("_evicted").unwrap_or(name).replace('_', "-");
                samples.add([&table], *count);
            }
        },
    ),
];
