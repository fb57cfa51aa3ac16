//! Where the daemon's events and alerts go: the sinks of the configuration and whoever listens at the
//! control socket.

use std::{collections::BTreeMap, io, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use tracing::{info, warn};

use crate::{
    config::{Config, FileSink},
    control::{ControlCounters, ControlServer},
    metrics::SinkMetrics,
    model::{Alert, BootTime, EventKind},
    output::{Class, Closed, FileSettings, Filter, Notice, Sink},
    pipeline::stages::OutputSink,
};

/// A sink and the lines of the batch under way.
struct Batched {
    sink: Sink,
    lines: Vec<u8>,
}

/// The daemon's outlet.
pub struct ConfiguredOutputs {
    sinks: Vec<Batched>,
    control: Option<ControlServer>,
}

impl ConfiguredOutputs {
    /// Opens every sink of the configuration.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let mut outlet = Self { sinks: Vec::new(), control: None };
        outlet.reconfigure(config)?;
        Ok(outlet)
    }

    /// Takes over the control socket.
    pub fn serve(&mut self, control: Option<ControlServer>) {
        self.control = control;
    }

    /// Takes over a new configuration's sinks. Those that stay keep what waits for them; if a new one
    /// cannot be opened, everything stays as it was.
    pub fn reconfigure(&mut self, config: &Config) -> anyhow::Result<()> {
        let wanted = wanted(config);
        let opened = wanted
            .iter()
            .filter(|wanted| !self.sinks.iter().any(|each| each.sink.name() == wanted.name))
            .map(Wanted::open)
            .collect::<anyhow::Result<Vec<Batched>>>()?;
        self.sinks.extend(opened);
        let (mut kept, dropped): (Vec<_>, Vec<_>) = std::mem::take(&mut self.sinks)
            .into_iter()
            .partition(|each| wanted.iter().any(|wanted| wanted.name == each.sink.name()));
        dropped.into_iter().for_each(finish);
        for each in &mut kept {
            if let Some(wanted) = wanted.iter().find(|wanted| wanted.name == each.sink.name()) {
                each.sink.set_filter(wanted.filter);
            }
        }
        self.sinks = kept;
        Ok(())
    }

    /// Opens files by their names again, after something moved them away.
    pub fn reopen(&mut self) {
        for each in &mut self.sinks {
            if let Err(error) = each.sink.reopen() {
                warn!("{error}; the open file stays in use");
            }
        }
    }

    /// Lets time pass: failing sinks are tried again.
    pub fn tick(&mut self, now: BootTime) -> io::Result<()> {
        self.each_sink(|each| each.sink.retry(now))
    }

    /// Writes what waits and ends.
    pub async fn finish(self, grace: Duration) {
        self.sinks.into_iter().for_each(finish);
        if let Some(control) = self.control {
            control.shutdown(grace).await;
        }
    }

    /// What the sinks did.
    pub fn metrics(&self) -> BTreeMap<String, SinkMetrics> {
        self.sinks
            .iter()
            .map(|each| {
                let counters = each.sink.counters();
                let metrics = SinkMetrics {
                    events: counters.events,
                    alerts: counters.alerts,
                    events_dropped: counters.events_dropped,
                    alerts_dropped: counters.alerts_dropped,
                    waiting: counters.waiting,
                    failures: counters.failures,
                    failing: counters.failing,
                };
                (each.sink.name().to_owned(), metrics)
            })
            .collect()
    }

    /// What the control socket did.
    pub fn control_counters(&self) -> ControlCounters {
        self.control.as_ref().map(ControlServer::counters).unwrap_or_default()
    }

    /// Does something with every sink. One whose reader is gone is closed; when none is left there is
    /// nobody to work for.
    fn each_sink(
        &mut self,
        mut action: impl FnMut(&mut Batched) -> Result<Option<Notice>, Closed>,
    ) -> io::Result<()> {
        self.sinks.retain_mut(|each| match action(each) {
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
        if self.sinks.is_empty() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl OutputSink for ConfiguredOutputs {
    fn wants(&self, kind: EventKind, pid: u32) -> bool {
        self.sinks.iter().any(|each| each.sink.wants(kind))
            || self.control.as_ref().is_some_and(|control| control.wants_event(kind, pid))
    }

    fn event(&mut self, line: &[u8], kind: EventKind, pid: u32) -> io::Result<()> {
        for each in self.sinks.iter_mut().filter(|each| each.sink.wants(kind)) {
            each.lines.extend_from_slice(line);
        }
        if let Some(control) = self.control.as_ref().filter(|control| control.wants_event(kind, pid)) {
            control.publish_event(&Bytes::copy_from_slice(line), kind, pid);
        }
        Ok(())
    }

    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        self.flush()?;
        let pid = alert.suspect.key.pid;
        if let Some(control) = self.control.as_ref().filter(|control| control.wants_alert(pid)) {
            control.publish_alert(&Bytes::copy_from_slice(line), pid);
        }
        self.each_sink(
            |each| {
                if each.sink.wants_alerts() { each.sink.write(Class::Alert, line) } else { Ok(None) }
            },
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        self.each_sink(|each| {
            if each.lines.is_empty() {
                return Ok(None);
            }
            let outcome = each.sink.write(Class::Event, &each.lines);
            each.lines.clear();
            outcome
        })
    }
}

/// A sink as the configuration wants it.
struct Wanted {
    /// As [`Sink::name`] gives it.
    name: String,
    filter: Filter,
    /// `None` for standard output.
    file: Option<FileSettings>,
}

fn wanted(config: &Config) -> Vec<Wanted> {
    let stdout = &config.sink.stdout;
    let stdout = Wanted {
        name: Sink::STDOUT.to_owned(),
        filter: Filter { events: stdout.events, alerts: stdout.alerts },
        file: None,
    };
    let files = config.sink.file.iter().map(|file: &FileSink| Wanted {
        name: file.path.display().to_string(),
        filter: Filter { events: file.events, alerts: file.alerts },
        file: Some(FileSettings {
            max_bytes: file.max_size_mib << 20,
            keep: u32::try_from(file.keep).unwrap_or(u32::MAX),
            ..FileSettings::new(&file.path)
        }),
    });
    std::iter::once(stdout).chain(files).collect()
}

impl Wanted {
    fn open(&self) -> anyhow::Result<Batched> {
        let sink = match &self.file {
            None => Sink::stdout(self.filter).context("opening standard output")?,
            Some(settings) => Sink::file(settings.clone(), self.filter)?,
        };
        Ok(Batched { sink, lines: Vec::new() })
    }
}

fn finish(mut each: Batched) {
    match each.sink.finish() {
        Ok(Some(notice)) => warn!("{notice}"),
        Ok(None) => {}
        Err(closed) => info!("{closed}"),
    }
}
