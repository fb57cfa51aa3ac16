//! Derives the engine settings from a configuration.

use std::time::Duration;

use crate::{
    config::{Config, Detection},
    detect::LoadThresholds,
    engine::EngineSettings,
};

/// Returns the engine settings for a configuration and a host with `processors`.
pub fn engine(config: &Config, processors: u32) -> EngineSettings {
    let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    EngineSettings {
        processors,
        max_processes: count(config.limits.max_processes),
        max_incidents: count(config.limits.max_incidents),
        min_verdict: config.detection.min_verdict,
        load: load(&config.detection),
        ..EngineSettings::default()
    }
}

fn load(detection: &Detection) -> LoadThresholds {
    LoadThresholds {
        process_share: detection.process_cpu_percent as f64 / 100.0,
        process_span: Duration::from_secs(detection.process_cpu_seconds),
        host_share: detection.host_cpu_percent as f64 / 100.0,
        host_span: Duration::from_secs(detection.host_cpu_seconds),
        jump: detection.cpu_rise_percent as f64 / 100.0,
    }
}
