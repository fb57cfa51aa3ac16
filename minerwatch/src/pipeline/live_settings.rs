//! Derives the settings of a live pipeline from a configuration: sensor, enrich stage, lists and databases.

use std::{path::PathBuf, sync::Arc, thread};

use anyhow::bail;

use super::{event_loop::EventLoopSettings, settings};
use crate::{
    config::{Config, Containers},
    containers::{ContainerSettings, Protocol, RuntimeSocket},
    engine::EngineSettings,
    enrich::{
        EnrichSettings, HashSettings,
        geo::{self, GeoDatabases},
    },
    feeds::{self, Loaded},
    host,
    model::{AgentContext, DataSource, HookChoice},
    privileges,
    sensor::SensorOptions,
};

/// Returns the settings of the event loop. `hooks` from the command line override the hooks of the configuration.
/// `agent_id` is the id of the installation, which only the daemon has.
///
/// # Errors
///
/// A file that the configuration names cannot be read.
pub fn of(
    config: &Config,
    hooks: &[HookChoice],
    agent_id: Option<Arc<str>>,
) -> anyhow::Result<EventLoopSettings> {
    const MILLISECOND: u64 = 1_000_000;
    // `events.payloads = false` must hold even if the user chooses a hook for payloads. So this choice comes last.
    let no_payloads = (!config.events.payloads).then(|| HookChoice::off(DataSource::Payload));
    let hash = config.hash.enabled.then_some(HashSettings {
        max_size: config.hash.max_size_mib << 20,
        rate: config.hash.rate_mib << 20,
    });
    Ok(EventLoopSettings {
        sensor: SensorOptions {
            cpu_interval: config.events.cpu_interval_ms.saturating_mul(MILLISECOND),
            cpu_threshold: config.events.cpu_threshold_ms.saturating_mul(MILLISECOND),
            flow_interval: config.events.flow_interval_s.saturating_mul(1_000 * MILLISECOND),
            hooks: config.events.hooks.iter().chain(hooks).copied().chain(no_payloads).collect(),
            statistics: config.metrics.bpf_stats,
            ..SensorOptions::default()
        },
        engine: EngineSettings {
            clock: Some(host::now),
            accounts: settings::accounts(config)?,
            confirms: config.response.enabled && !config.response.mining.is_empty(),
            ..settings::engine(config, host::processors())
        },
        encoder: settings::encoder(config, host::context(), AgentContext::this(agent_id)),
        enrich: EnrichSettings { hash, ..EnrichSettings::default() },
        containers: config.containers.names.then(|| containers(config)),
        sampling: config.detection.sampling,
    })
}

/// Returns where containers are named.
fn containers(config: &Config) -> ContainerSettings {
    let Containers { docker_sockets, cri_sockets, .. } = &config.containers;
    let socket = |path: &PathBuf, protocol| RuntimeSocket {
        name: path.to_string_lossy().into(),
        path: config.containers.below_root(path),
        protocol,
    };
    let docker = docker_sockets.iter().map(|path| socket(path, Protocol::Docker));
    let cri = cri_sockets.iter().map(|path| socket(path, Protocol::Cri));
    ContainerSettings { sockets: docker.chain(cri).collect(), redactor: settings::redactor(config) }
}

/// Reads lists and databases on a thread without privileges, because their contents are not trusted.
pub fn read_lists(config: &Config) -> anyhow::Result<(Loaded, Option<Arc<GeoDatabases>>)> {
    let sources = feeds::with_synced(config);
    let read = || {
        privileges::drop_all_but_kept()?;
        let lists = feeds::load(&sources, host::unix_seconds(), None);
        lists.log();
        Ok((lists, geo::open(&sources.geo_databases, &sources.home_countries, None)))
    };
    thread::scope(|scope| scope.spawn(read).join()).unwrap_or_else(|_| bail!("reading the lists failed"))
}
