//! The outputs of the daemon: the outputs of the configuration, and the readers of the control socket.

use std::{collections::BTreeMap, io, time::Duration};

use bytes::Bytes;
use tracing::{info, warn};

use super::incident_store::{IncidentStore, StoredIncidents};
use crate::{
    config::Config,
    control::{ControlCounters, ControlServer},
    engine::Engine,
    host,
    metrics::OutputMetrics,
    model::{Alert, BootTime, EventKind},
    output::{Class, Closed, Filter, Notice, Output, OutputSettings},
    pipeline::stages::OutputSink,
};

/// An output, its filter, and its lines of the current batch.
struct OpenOutput {
    output: Box<dyn Output>,
    filter: Filter,
    lines: Vec<u8>,
}

impl OpenOutput {
    fn open(settings: &dyn OutputSettings) -> anyhow::Result<Self> {
        Ok(Self { output: settings.open()?, filter: settings.filter(), lines: Vec::new() })
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.filter.events.contains(kind)
    }
}

/// The sink for the daemon's events and alerts.
pub struct ConfiguredOutputs {
    outputs: Vec<OpenOutput>,
    control: Option<ControlServer>,
    incidents: IncidentStore,
}

impl ConfiguredOutputs {
    /// Opens every output of the configuration. The incidents are stored in `incidents` before an alert leaves.
    pub fn open(config: &Config, incidents: IncidentStore) -> anyhow::Result<Self> {
        let mut outputs = Self { outputs: Vec::new(), control: None, incidents };
        outputs.reconfigure(config)?;
        Ok(outputs)
    }

    /// Adds the control socket to the outputs.
    pub fn serve(&mut self, control: Option<ControlServer>) {
        self.control = control;
    }

    /// Applies the outputs of a new configuration. Unchanged outputs keep their waiting lines. If a new output cannot
    /// be opened, all outputs stay as they were.
    pub fn reconfigure(&mut self, config: &Config) -> anyhow::Result<()> {
        let configured: Vec<(String, &dyn OutputSettings)> =
            config.sink.all().into_iter().map(|settings| (settings.name(), settings)).collect();
        let opened = configured
            .iter()
            .filter(|(name, _)| !self.outputs.iter().any(|open| open.output.name() == name))
            .map(|(_, settings)| OpenOutput::open(*settings))
            .collect::<anyhow::Result<Vec<OpenOutput>>>()?;
        self.outputs.extend(opened);
        for mut open in std::mem::take(&mut self.outputs) {
            match configured.iter().find(|(name, _)| open.output.name() == name) {
                Some((_, settings)) => {
                    open.filter = settings.filter();
                    self.outputs.push(open);
                }
                None => finish(open),
            }
        }
        Ok(())
    }

    /// Opens log files again by name, after another program moved them away.
    pub fn reopen(&mut self) {
        for open in &mut self.outputs {
            if let Err(error) = open.output.reopen() {
                warn!("{error:#}; the open file stays in use");
            }
        }
    }

    /// Reads the incidents that an earlier daemon stored.
    pub fn stored_incidents(&self) -> StoredIncidents {
        self.incidents.load()
    }

    /// Stores the incidents if they changed. Call this about once per second.
    pub fn store_incidents(&mut self, engine: &mut Engine) {
        self.incidents.save_if_due(engine, host::wall_clock());
    }

    /// The number of incidents that do not fit into the state file.
    pub fn incidents_left_out(&self) -> usize {
        self.incidents.left_out()
    }

    /// Retries failed outputs. Call this about once per second.
    pub fn tick(&mut self, now: BootTime) -> io::Result<()> {
        self.for_each(|open| open.output.retry(now))
    }

    /// Stores the incidents, writes the waiting lines and closes all outputs. Readers of the control socket get the time
    /// `grace` to read.
    pub async fn finish(mut self, engine: &mut Engine, grace: Duration) {
        self.incidents.save(engine, host::wall_clock());
        self.outputs.into_iter().for_each(finish);
        if let Some(control) = self.control {
            control.shutdown(grace).await;
        }
    }

    /// Returns the counters of every output, by name.
    pub fn metrics(&self) -> BTreeMap<String, OutputMetrics> {
        self.outputs
            .iter()
            .map(|open| (open.output.name().to_owned(), open.output.counters().into()))
            .collect()
    }

    /// Returns the counters of the control socket.
    pub fn control_counters(&self) -> ControlCounters {
        self.control.as_ref().map(ControlServer::counters).unwrap_or_default()
    }

    /// Calls `action` for every output. An output whose reader is gone is closed. Fails with `BrokenPipe` when no
    /// output is left, because then nobody needs the daemon.
    fn for_each(
        &mut self,
        mut action: impl FnMut(&mut OpenOutput) -> Result<Option<Notice>, Closed>,
    ) -> io::Result<()> {
        self.outputs.retain_mut(|open| match action(open) {
            Ok(notice) => {
                if let Some(notice) = notice {
                    warn!("{notice}");
                }
                true
            }
            Err(closed) => {
                info!("{closed}");
                false
            }
        });
        if self.outputs.is_empty() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl OutputSink for ConfiguredOutputs {
    fn wants(&self, kind: EventKind, pid: u32) -> bool {
        self.outputs.iter().any(|open| open.wants(kind))
            || self.control.as_ref().is_some_and(|control| control.wants_event(kind, pid))
    }

    fn event(&mut self, line: &[u8], kind: EventKind, pid: u32) -> io::Result<()> {
        for open in self.outputs.iter_mut().filter(|open| open.wants(kind)) {
            open.lines.extend_from_slice(line);
        }
        if let Some(control) = self.control.as_ref().filter(|control| control.wants_event(kind, pid)) {
            control.publish_event(&Bytes::copy_from_slice(line), kind, pid);
        }
        Ok(())
    }

    fn before_alerts(&mut self, engine: &mut Engine) {
        self.incidents.save(engine, host::wall_clock());
    }

    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        self.flush()?;
        let pid = alert.suspect.key.pid;
        if let Some(control) = self.control.as_ref().filter(|control| control.wants_alert(pid)) {
            control.publish_alert(&Bytes::copy_from_slice(line), pid);
        }
        self.for_each(
            |open| {
                if open.filter.alerts { open.output.write(Class::Alert, line) } else { Ok(None) }
            },
        )
    }

    fn agent_alert(&mut self, line: &[u8]) -> io::Result<()> {
        self.flush()?;
        self.for_each(
            |open| {
                if open.filter.alerts { open.output.write(Class::Alert, line) } else { Ok(None) }
            },
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        self.for_each(|open| {
            if open.lines.is_empty() {
                return Ok(None);
            }
            let outcome = open.output.write(Class::Event, &open.lines);
            open.lines.clear();
            outcome
        })
    }
}

fn finish(mut open: OpenOutput) {
    match open.output.finish() {
        Ok(Some(notice)) => warn!("{notice}"),
        Ok(None) => {}
        Err(closed) => info!("{closed}"),
    }
}
