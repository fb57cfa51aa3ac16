//! Metrics in which every counter has another value.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    engine::EngineCounters,
    except::ExceptionStatus,
    feeds::ListMetrics,
    metrics::{
        AlertCounts, ContainerMetrics, ContainerSocketMetrics, ControlMetrics, CpuMetrics, EnrichMetrics,
        EventCounts, LatencyMetrics, Metrics, OutputMetrics, ProcessMetrics, ProgramMetrics,
        ProgramStatistics, SamplerMetrics, SocketMetrics, SpoolMetrics,
    },
    model::{Alert, AlertAction, Verdict},
    testing::samples,
};

/// Gives a new number each time, so that each counter can be recognized.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// Returns metrics in which every counter has another value. A new field must be added here, and must then be part of
/// the text.
pub(super) fn everything() -> Metrics {
    let numbers = &mut Numbers(1_000);
    let mut events = EventCounts::default();
    for (_, event) in samples::events() {
        events.count(&event);
    }
    let mut alert_counts = AlertCounts::default();
    alert_counts.count(&Alert {
        action: AlertAction::IncidentOpened,
        verdict: Verdict::Mining,
        ..samples::alert()
    });
    let mut latency = LatencyMetrics::default();
    latency.event.record(Duration::from_micros(300));
    latency.alert.record(Duration::from_millis(3));
    latency.alert.record(Duration::from_secs(60));
    Metrics {
        version: "0.1.0",
        cpu: CpuMetrics { total_ms: 900, recent_ms: 50, recent_of_ms: 600 },
        uptime_seconds: numbers.next(),
        resident_bytes: numbers.next(),
        ring_records: numbers.next(),
        decode_errors: numbers.next(),
        events,
        lost: BTreeMap::from([("exec", numbers.next()), ("flow-table", numbers.next())]),
        blind: vec!["payload".to_owned()],
        hooks: BTreeMap::from([("exec", "btf-tracepoint")]),
        alerts: 1,
        alert_counts,
        latency,
        exceptions: ExceptionStatus {
            hidden: numbers.next(),
            active: numbers.next(),
            expired: numbers.next(),
            ..ExceptionStatus::default()
        },
        engine: engine(numbers),
        incidents_left_out: numbers.next(),
        enrich: enrich(numbers),
        containers: containers(numbers),
        sampler: SamplerMetrics { visits: numbers.next(), refused: numbers.next(), closer: numbers.next() },
        sockets: SocketMetrics { marked: numbers.next(), missed: numbers.next() },
        lists: ListMetrics {
            lists: numbers.next(),
            watched: numbers.next(),
            allowed: numbers.next(),
            left_out: numbers.next(),
            troubled: numbers.next(),
            bytes: numbers.next(),
            fetched: numbers.next(),
            fetches_failed: numbers.next(),
        },
        outputs: BTreeMap::from([(
            "a \"name\"".to_owned(),
            OutputMetrics {
                events: numbers.next(),
                alerts: numbers.next(),
                events_dropped: numbers.next(),
                alerts_dropped: numbers.next(),
                waiting: numbers.next(),
                failures: numbers.next(),
                failing: true,
                last_error: Some("a reason".to_owned()),
                refused: numbers.next(),
                ended: false,
                spool: Some(SpoolMetrics {
                    bytes: numbers.next(),
                    limit_bytes: numbers.next(),
                    oldest_seconds: numbers.next(),
                    alerts: numbers.next(),
                    events: numbers.next(),
                    failures: numbers.next(),
                    damaged: numbers.next(),
                }),
            },
        )]),
        control: ControlMetrics { subscribers: numbers.next(), lines: numbers.next(), lost: numbers.next() },
        process: ProcessMetrics { cpu: Duration::from_millis(1_500), open_files: numbers.next() },
        programs: ProgramStatistics {
            enabled: true,
            by_name: BTreeMap::from([(
                "process_exec".to_owned(),
                ProgramMetrics { runs: numbers.next(), run_time: Duration::from_millis(2_500) },
            )]),
        },
        config_hash: "0123456789ab".to_owned(),
        degraded: vec!["losses"],
        alive_unix_seconds: numbers.next(),
    }
}

fn containers(numbers: &mut Numbers) -> ContainerMetrics {
    let socket =
        ContainerSocketMetrics { answered: numbers.next(), failed: numbers.next(), skipped: numbers.next() };
    ContainerMetrics {
        // The same as the sum of its outcomes.
        asked: 0,
        named: numbers.next(),
        unknown: numbers.next(),
        refused: numbers.next(),
        pending: numbers.next(),
        sockets: BTreeMap::from([("/run/a \"socket\"".to_owned(), socket)]),
    }
}

fn engine(numbers: &mut Numbers) -> EngineCounters {
    EngineCounters {
        // The same as the sum of `events`.
        events: 0,
        processes: numbers.next(),
        processes_evicted: numbers.next(),
        dead_forgotten_early: numbers.next(),
        incidents_by_verdict: BTreeMap::from([("mining", 5_000)]),
        containers: numbers.next(),
        containers_evicted: numbers.next(),
        parked: numbers.next(),
        parked_lost: numbers.next(),
        incidents: numbers.next(),
        incidents_watched: numbers.next(),
        incidents_evicted: numbers.next(),
        incidents_restored: numbers.next(),
        written_files_evicted: numbers.next(),
        findings: BTreeMap::from([("N1", numbers.next())]),
        evictions: BTreeMap::from([("conversations_evicted", numbers.next())]),
    }
}

fn enrich(numbers: &mut Numbers) -> EnrichMetrics {
    EnrichMetrics {
        cgroups_cached: numbers.next(),
        cgroups_evicted: numbers.next(),
        cgroups_walks: numbers.next(),
        cgroups_missing: numbers.next(),
        hashes: numbers.next(),
        hashes_bytes: numbers.next(),
        hashes_cache_hits: numbers.next(),
        hashes_too_large: numbers.next(),
        hashes_gone: numbers.next(),
        hashes_failed: numbers.next(),
        hashes_queue_full: numbers.next(),
        hashes_unanswered: numbers.next(),
        hashes_invalidated: numbers.next(),
        hashes_cached: numbers.next(),
        hashes_evicted: numbers.next(),
    }
}
