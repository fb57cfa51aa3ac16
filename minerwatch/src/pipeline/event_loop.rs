//! The event loop: one task that passes the kernel's records to the pipeline and handles ticks and commands.

use std::{
    io,
    ops::{ControlFlow, RangeInclusive},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    sync::{Notify, mpsc},
    task::yield_now,
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{debug, warn};

use super::{
    TICK, Unsupported, WrongUsage,
    stages::{OutputSink, Pipeline, PipelineSettings},
};
use crate::{
    containers::{ContainerNames, ContainerSettings},
    decode,
    ecs::EncoderSettings,
    engine::EngineSettings,
    enrich::{EnrichSettings, snapshot},
    host,
    incident::IncidentState,
    model::{Event, EventBody, Health},
    privileges::DropPrivileges,
    probe::{
        LiveProbes, hidden::HiddenProcesses, inspector::Inspector, sampler::Sampler,
        socket_tagging::SocketTagger,
    },
    sensor::{Drained, EventRings, Sensor, SensorError, SensorOptions, give_back_memory},
};

/// Limits of the number of records taken from the rings before ticks and commands get their turn.
const BATCH: RangeInclusive<usize> = 32..=2_048;

/// Time that a batch may take. On a host that a fork bomb keeps busy, a full batch takes many seconds, and an order to stop
/// the bomb must not wait for it.
const BATCH_TIME: Duration = Duration::from_millis(50);

/// Pause after the rings were emptied, in which records gather without waking the task. After a longer quiet time, the
/// first record that wakes the task is processed at once.
const BATCH_DELAY: Duration = Duration::from_millis(5);

/// Pause while the kernel is still writing a record. Writing takes microseconds, unless a hypervisor has stopped the
/// virtual processor.
const WRITE_DELAY: Duration = Duration::from_millis(1);

/// Maximum time for the remaining records before exit. Without this limit, a busy host could keep the daemon from
/// exiting.
const FINAL_DRAIN: Duration = Duration::from_secs(1);

/// The sensor, and the pipeline that processes its records.
pub struct EventLoop {
    // Dropping the sensor detaches the programs.
    sensor: Sensor,
    rings: EventRings,
    /// The pipeline that processes the records.
    pub pipeline: Pipeline<LiveProbes>,
    /// Woken when another thread has something for the loop: hashes, or space for alerts.
    wake: Arc<Notify>,
    /// The unavailable data sources, the hooks in use, and the lost events, for alerts.
    health: Health,
    /// Maximum number of records of the next batch.
    batch: usize,
    /// Records read from the rings.
    pub records: u64,
    /// Records that could not be decoded.
    pub decode_errors: u64,
    lost: u64,
}

/// Settings of an [`EventLoop`].
pub struct EventLoopSettings {
    /// Options of the sensor.
    pub sensor: SensorOptions,
    /// Settings of the engine.
    pub engine: EngineSettings,
    /// Settings of the encoder.
    pub encoder: EncoderSettings,
    /// Settings of the enrich stage.
    pub enrich: EnrichSettings,
    /// Where containers are named; `None` if they are not.
    pub containers: Option<ContainerSettings>,
    /// Whether the sampler runs. It preempts busy threads now and then.
    pub sampling: bool,
}

impl EventLoop {
    /// Loads and attaches the programs, starts the sampler, and then drops privileges. The sampler starts first because
    /// it needs a real-time priority. No other thread may start before this call.
    pub fn open(settings: EventLoopSettings, drop_privileges: DropPrivileges) -> anyhow::Result<Self> {
        let mut sensor = Sensor::open(&settings.sensor).map_err(unsupported)?;
        let rings =
            sensor.take_rings().map_err(unsupported)?.context("the sensor's rings were taken already")?;
        let hidden = HiddenProcesses::open();
        let current_pids = sensor.take_current_pids().filter(|_| settings.sampling);
        let sampler = current_pids.map(|pids| Sampler::start(pids, drop_privileges)).transpose()?;
        drop_privileges()?;
        let tagger = SocketTagger::new(sensor.take_sockets(), sensor.take_flows());
        let wake = Arc::new(Notify::new());
        let waker = Arc::clone(&wake);
        let names = settings.containers.and_then(|settings| {
            let waker = Arc::clone(&wake);
            ContainerNames::start(settings, move || waker.notify_one())
                .inspect_err(|error| warn!(%error, "containers are not named: the thread cannot be started"))
                .ok()
        });
        let found = Arc::clone(&wake);
        let inspector = Inspector::start(move || found.notify_one())
            .inspect_err(|error| warn!(%error, "processes are not looked at: the thread cannot be started"))
            .ok();
        let stages = PipelineSettings { engine: settings.engine, encoder: settings.encoder };
        let mut pipeline = Pipeline::new(stages, LiveProbes::new(sampler, tagger, names, hidden, inspector))
            .enriching(settings.enrich, move || waker.notify_one());
        let health = Health {
            lost: Vec::new(),
            blind: sensor.report().unavailable().map(Arc::from).collect(),
            hooks: sensor
                .report()
                .available()
                .map(|(source, attached)| (source.into(), attached.into()))
                .collect(),
        };
        pipeline.set_health(health.clone());
        Ok(Self {
            sensor,
            rings,
            pipeline,
            wake,
            health,
            batch: *BATCH.end(),
            records: 0,
            decode_errors: 0,
            lost: 0,
        })
    }

    /// Returns what wakes the loop, so that it flushes the sink.
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Returns the losses and the data sources.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Returns the sensor, for its report and its counters.
    pub fn sensor(&self) -> &Sensor {
        &self.sensor
    }

    /// Processes a snapshot of `/proc`. The programs are attached already, so no event is missed: events of this time
    /// wait in the rings. `incidents` are those that an earlier daemon stored on this boot.
    ///
    /// The incidents are restored before the snapshot is processed, so that a process of an incident opens no other.
    pub fn seed_from_proc(
        &mut self,
        max_processes: usize,
        incidents: Option<IncidentState>,
        sink: &mut impl OutputSink,
    ) -> anyhow::Result<()> {
        let snapshot = snapshot::take(host::now(), max_processes).context("reading /proc")?;
        debug!(?snapshot.counters, "state of the host");
        if let Some(incidents) = incidents {
            let is_process = |event: &&Event| matches!(event.body, EventBody::RunningProcess(_));
            let processes = snapshot.events.iter().filter(is_process);
            let living = processes.map(|event| event.subject.key).collect();
            self.pipeline.restore_incidents(incidents, &living, host::now(), sink)?;
        }
        let mut ended = Vec::new();
        self.pipeline.probes.tag(&snapshot.sockets, &mut ended);
        for mut event in snapshot.events.into_iter().chain(ended) {
            self.pipeline.process(&mut event, sink)?;
        }
        self.pipeline.reconcile_incidents(host::now(), sink)?;
        self.pipeline.flush(sink)?;
        give_back_memory();
        Ok(())
    }

    /// Runs until `on_command` breaks, all senders of `commands` are dropped, or the sink fails. Calls `on_tick` once
    /// per [`TICK`].
    pub async fn run<O: OutputSink, Command>(
        &mut self,
        sink: &mut O,
        commands: &mut mpsc::Receiver<Command>,
        mut on_command: impl FnMut(&mut Self, &mut O, Command) -> ControlFlow<()>,
        mut on_tick: impl FnMut(&mut Self, &mut O) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let wake = Arc::clone(&self.wake);
        let mut drained = Drained::Empty;
        loop {
            tokio::select! {
                ready = self.rings.readable(), if drained == Drained::Empty => {
                    ready?;
                    drained = self.drain(sink).await?;
                }
                () = yield_now(), if drained != Drained::Empty => drained = self.drain(sink).await?,
                () = wake.notified() => {
                    self.pipeline.process_findings(host::now(), sink)?;
                    self.pipeline.flush(sink)?;
                }
                _ = ticks.tick() => {
                    // Some records do not wake the task. They must not wait for longer than a tick.
                    drained = self.drain(sink).await?;
                    self.count_losses();
                    self.pipeline.set_wall_clock(host::wall_clock());
                    self.pipeline.process_findings(host::now(), sink)?;
                    self.pipeline.tick(host::now(), sink)?;
                    on_tick(self, sink)?;
                    self.pipeline.flush(sink)?;
                }
                command = commands.recv() => {
                    let Some(command) = command else { break };
                    if on_command(self, sink, command).is_break() {
                        break;
                    }
                }
            }
        }
        // Process the records that were written before the stop.
        let end = host::now().plus(FINAL_DRAIN);
        while self.drain(sink).await? != Drained::Empty && host::now() < end {}
        Ok(())
    }

    /// Processes one batch of records. Then pauses, unless more records are waiting.
    async fn drain(&mut self, sink: &mut impl OutputSink) -> io::Result<Drained> {
        let mut outcome = Ok(());
        let mut is_first = true;
        let begun = host::now();
        let drained = self.rings.drain(
            self.batch,
            || host::now().0,
            |bytes| {
                self.records += 1;
                match decode::decode(bytes) {
                    Ok(mut event) if outcome.is_ok() => {
                        if std::mem::take(&mut is_first) {
                            self.pipeline.latency.event.record(host::now().since(event.time));
                        }
                        outcome = self.pipeline.process(&mut event, sink);
                        if let Some(mut second) = event.second_of_exchange()
                            && outcome.is_ok()
                        {
                            outcome = self.pipeline.process(&mut second, sink);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        self.decode_errors += 1;
                        debug!(%error, "a record from the kernel was skipped");
                    }
                }
            },
        );
        outcome?;
        self.pipeline.process_findings(host::now(), sink)?;
        self.pipeline.flush(sink)?;
        self.batch = next_batch(self.batch, host::now().since(begun));
        match drained {
            Drained::Empty => sleep(BATCH_DELAY).await,
            Drained::Writing => sleep(WRITE_DELAY).await,
            Drained::More => {}
        }
        Ok(drained)
    }

    /// Reads the loss counters of the kernel side. Logs new losses, at most once per tick.
    fn count_losses(&mut self) {
        let losses: Vec<(&'static str, u64)> = self.sensor.losses().read().collect();
        let total = losses.iter().map(|(_, count)| count).sum();
        if total > self.lost {
            let kinds: Vec<String> = losses
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(kind, count)| format!("{kind} {count}"))
                .collect();
            warn!("events lost in the kernel so far: {}", kinds.join(", "));
            self.lost = total;
        }
        let lost = losses.into_iter().filter(|(_, count)| *count > 0);
        self.health.lost.clear();
        self.health.lost.extend(lost.map(|(kind, count)| (Arc::from(kind), count)));
        self.pipeline.set_health(self.health.clone());
    }

    /// Returns the number of events that the kernel side has lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

/// Returns the maximum number of records of the next batch, after a batch of at most `batch` records took `took`.
fn next_batch(batch: usize, took: Duration) -> usize {
    let next = if took > BATCH_TIME {
        let share = BATCH_TIME.as_nanos().saturating_mul(batch as u128) / took.as_nanos().max(1);
        usize::try_from(share).unwrap_or(batch)
    } else {
        batch.saturating_mul(2)
    };
    next.clamp(*BATCH.start(), *BATCH.end())
}

/// Converts an error of the sensor to an error that has an exit code.
pub fn unsupported(error: SensorError) -> anyhow::Error {
    match error {
        SensorError::NoSuchHook { .. } => WrongUsage(error.to_string()).into(),
        error => Unsupported(error.to_string()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_shrinks_to_the_time_it_may_take_and_grows_again() {
        for (batch, took, expected) in [
            (2_048, 20, 2_048),
            (2_048, 100, 1_024),
            (2_048, 20_000, 32),
            (64, 40, 128),
            (1_500, 1, 2_048),
            (32, 5_000, 32),
        ] {
            assert_eq!(next_batch(batch, Duration::from_millis(took)), expected, "{batch} in {took} ms");
        }
    }
}
