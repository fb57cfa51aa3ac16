//! What the daemon says about itself: its start and end, a heartbeat each minute, and alerts about its own health.

use std::{io, time::Duration};

use tracing::{info, warn};

use super::{outputs::ConfiguredOutputs, state_lock::StateLock};

use crate::{
    config::Config,
    health::{Change, HealthMonitor, KilledDaemon, Observation},
    host,
    model::{AgentNews, AgentReport, BootTime},
    pipeline::{event_loop::EventLoop, stages::OutputSink},
};

/// Time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Reports about the daemon itself.
#[derive(Debug)]
pub(super) struct SelfReport {
    started: BootTime,
    next_heartbeat: BootTime,
    config_hash: String,
    /// Age of the oldest line in any spool.
    spool_age: Duration,
    monitor: HealthMonitor,
    /// What became worth an alert in this second. The buffer is reused.
    changes: Vec<Change>,
    /// Wall time of the last tick, in seconds since 1970.
    alive: u64,
}

impl SelfReport {
    /// Creates the reports of a run that begins now.
    pub fn new(config: &Config) -> Self {
        Self {
            started: host::now(),
            next_heartbeat: host::now().plus(HEARTBEAT),
            config_hash: config.hash(),
            spool_age: Duration::ZERO,
            monitor: HealthMonitor::default(),
            changes: Vec::new(),
            alive: unix_seconds(),
        }
    }

    /// Takes the configuration after a reload.
    pub fn reconfigure(&mut self, config: &Config) {
        self.config_hash = config.hash();
    }

    /// The hash of the configuration in use.
    pub fn config_hash(&self) -> &str {
        &self.config_hash
    }

    /// Why the sensor is degraded now.
    pub fn degraded(&self) -> Vec<&'static str> {
        self.monitor.degraded().collect()
    }

    /// Wall time at which the event loop was last alive, in seconds since 1970.
    pub fn alive_unix_seconds(&self) -> u64 {
        self.alive
    }

    /// Reports the start, and that the previous daemon was killed if it was.
    pub fn start(
        &mut self,
        killed: Option<KilledDaemon>,
        event_loop: &mut EventLoop,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        let message = format!("minerwatch {} watches this host", env!("CARGO_PKG_VERSION"));
        self.send(AgentNews::Started, message, event_loop, sink)?;
        match killed.and_then(|daemon| self.monitor.killed(&daemon, host::now())) {
            Some(change) => self.tell(change, event_loop, sink),
            None => Ok(()),
        }
    }

    /// Reports the end, for this reason.
    pub fn stop(
        &self,
        reason: &'static str,
        event_loop: &mut EventLoop,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        let message = format!("minerwatch stops ({reason}), and does not watch this host any more");
        self.send(AgentNews::Stopping(reason), message, event_loop, sink)
    }

    /// Does what is due once a second: checks the health, and each minute sends a heartbeat and touches the lock.
    pub fn tick(
        &mut self,
        lock: Option<&StateLock>,
        event_loop: &mut EventLoop,
        sink: &mut ConfiguredOutputs,
    ) -> io::Result<()> {
        let now = host::now();
        self.spool_age = sink.spool_age();
        self.alive = unix_seconds();
        let observation = Self::observe(event_loop, sink, now);
        self.monitor.observe(&observation, &mut self.changes);
        for change in std::mem::take(&mut self.changes) {
            self.tell(change, event_loop, sink)?;
        }
        if now >= self.next_heartbeat {
            self.next_heartbeat = now.plus(HEARTBEAT);
            if let Some(lock) = lock {
                lock.touch();
            }
            self.send(AgentNews::Heartbeat, "minerwatch is alive".to_owned(), event_loop, sink)?;
        }
        Ok(())
    }

    /// Reports a change of the health, also in the log.
    fn tell(&self, change: Change, event_loop: &mut EventLoop, sink: &mut impl OutputSink) -> io::Result<()> {
        let Change { reason, restored, message } = change;
        if restored {
            info!("{message}");
        } else {
            warn!("{message}");
        }
        let (reason, severity) = (reason.name(), reason.severity());
        let news =
            if restored { AgentNews::Restored { reason } } else { AgentNews::Degraded { reason, severity } };
        self.send(news, message, event_loop, sink)
    }

    fn observe(event_loop: &EventLoop, outputs: &ConfiguredOutputs, now: BootTime) -> Observation {
        let engine = event_loop.pipeline.engine().counters();
        let enrich = event_loop.pipeline.enricher().map(|enricher| enricher.counters().cgroups.evicted);
        let mut evictions = vec![
            ("processes", engine.processes_evicted),
            ("incidents", engine.incidents_evicted),
            ("written files", engine.written_files_evicted),
            ("cgroups", enrich.unwrap_or_default()),
        ];
        evictions.extend(
            engine
                .evictions
                .iter()
                .map(|(name, count)| (name.strip_suffix("_evicted").unwrap_or(name), *count)),
        );
        Observation {
            now,
            wall_offset: host::wall_clock().boot,
            lost: event_loop.lost(),
            evictions,
            detached: event_loop.sensor().detached(),
            state_error: outputs.state_error(),
        }
    }

    fn send(
        &self,
        news: AgentNews,
        message: String,
        event_loop: &mut EventLoop,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        let report = AgentReport {
            time: host::now(),
            started: self.started,
            news,
            message,
            config_hash: self.config_hash.clone(),
            health: event_loop.health().clone(),
            spool_age: self.spool_age,
        };
        event_loop.pipeline.report(&report, sink)
    }
}

fn unix_seconds() -> u64 {
    u64::try_from(host::unix_seconds()).unwrap_or(0)
}
