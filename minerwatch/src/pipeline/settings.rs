//! What a configuration means for whoever watches.

use std::{sync::Arc, thread, time::Duration};

use anyhow::bail;

use super::event_loop::EventLoopSettings;
use crate::{
    config::{Config, Detection},
    detect::LoadThresholds,
    engine::EngineSettings,
    enrich::{
        EnrichSettings, HashSettings,
        geo::{self, GeoDatabases},
    },
    feeds::{self, Loaded},
    host,
    model::{DataSource, HookChoice},
    privileges,
    sensor::SensorOptions,
};

/// How to watch by a configuration; `hooks` come from the command line and win.
pub fn of(config: &Config, hooks: &[HookChoice]) -> EventLoopSettings {
    const MILLISECOND: u64 = 1_000_000;
    let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    // The promise that nothing is read stands above the choice of a hook.
    let no_payloads = (!config.events.payloads).then(|| HookChoice::off(DataSource::Payload));
    let hash = config.hash.enabled.then_some(HashSettings {
        max_size: config.hash.max_size_mib << 20,
        rate: config.hash.rate_mib << 20,
    });
    EventLoopSettings {
        sensor: SensorOptions {
            cpu_interval: config.events.cpu_interval_ms.saturating_mul(MILLISECOND),
            cpu_threshold: config.events.cpu_threshold_ms.saturating_mul(MILLISECOND),
            flow_interval: config.events.flow_interval_s.saturating_mul(1_000 * MILLISECOND),
            hooks: config.events.hooks.iter().chain(hooks).copied().chain(no_payloads).collect(),
            ..SensorOptions::default()
        },
        engine: EngineSettings {
            processors: host::processors(),
            max_processes: count(config.limits.max_processes),
            max_incidents: count(config.limits.max_incidents),
            min_verdict: config.detection.min_verdict,
            load: load(&config.detection),
            ..EngineSettings::default()
        },
        enrich: EnrichSettings { hash, ..EnrichSettings::default() },
        sampling: config.detection.sampling,
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

/// Reads lists and databases, on a thread that lets go of its privileges first: others wrote them.
pub fn read_lists(config: &Config) -> anyhow::Result<(Loaded, Option<Arc<GeoDatabases>>)> {
    let sources = feeds::with_synced(config);
    let read = || {
        privileges::drop_all_but_kept()?;
        let lists = feeds::load(&sources, host::unix_seconds(), None);
        lists.log();
        Ok((lists, geo::open(&sources, None)))
    };
    thread::scope(|scope| scope.spawn(read).join()).unwrap_or_else(|_| bail!("reading the lists failed"))
}
