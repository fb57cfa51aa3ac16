//! Collects the counters of all rooms.

use std::time::Instant;

use super::outputs::ConfiguredOutputs;
use crate::{
    enrich::Enricher,
    except::ExceptionStatus,
    feeds::ListMetrics,
    host,
    metrics::{
        CpuMetrics, Metrics, ProcessMetrics, ProgramMetrics, ProgramStatistics, SamplerMetrics, SocketMetrics,
    },
    pipeline::event_loop::EventLoop,
    probe::{sampler::SamplerCounters, socket_tagging::SocketTaggingCounters},
};

/// Returns the counters of the event loop and of the outputs. The caller adds those of its own parts.
pub(super) fn metrics(event_loop: &EventLoop, outputs: &ConfiguredOutputs, started: Instant) -> Metrics {
    Metrics {
        version: env!("CARGO_PKG_VERSION"),
        cpu: CpuMetrics::default(),
        uptime_seconds: started.elapsed().as_secs(),
        resident_bytes: host::resident_bytes(),
        ring_records: event_loop.records,
        decode_errors: event_loop.decode_errors,
        events: event_loop.pipeline.counts(),
        lost: event_loop.sensor().losses().read().collect(),
        blind: event_loop.sensor().report().unavailable().map(str::to_owned).collect(),
        hooks: event_loop.sensor().report().available().collect(),
        alerts: event_loop.pipeline.alerts(),
        alert_counts: event_loop.pipeline.alert_counts(),
        latency: event_loop.pipeline.latency,
        exceptions: ExceptionStatus::default(),
        engine: event_loop.pipeline.engine().counters(),
        incidents_left_out: outputs.incidents_left_out() as u64,
        enrich: event_loop.pipeline.enricher().map(Enricher::counters).unwrap_or_default().into(),
        containers: event_loop.pipeline.probes.container_counters().into(),
        sampler: sampler(event_loop),
        sockets: sockets(event_loop),
        lists: ListMetrics::default(),
        outputs: outputs.metrics(),
        control: outputs.control_counters().into(),
        process: ProcessMetrics { cpu: host::cpu_time(), open_files: host::open_files() },
        programs: programs(event_loop),
        config_hash: String::new(),
        degraded: Vec::new(),
        alive_unix_seconds: 0,
    }
}

fn sockets(event_loop: &EventLoop) -> SocketMetrics {
    let SocketTaggingCounters { tagged, missed } = event_loop.pipeline.probes.tagging_counters();
    SocketMetrics { marked: tagged, missed }
}

fn sampler(event_loop: &EventLoop) -> SamplerMetrics {
    let SamplerCounters { visits, refused, boosts } = event_loop.pipeline.probes.sampler_counters();
    SamplerMetrics { visits, refused, closer: boosts }
}

fn programs(event_loop: &EventLoop) -> ProgramStatistics {
    let sensor = event_loop.sensor();
    let by_name = sensor
        .program_runs()
        .map(|runs| (runs.name.to_owned(), ProgramMetrics { runs: runs.count, run_time: runs.time }));
    ProgramStatistics { enabled: sensor.counts_runs(), by_name: by_name.collect() }
}
