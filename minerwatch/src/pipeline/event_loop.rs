//! From the kernel's rings to the pipeline: one task, woken by records, the clock and commands.

use std::{io, ops::ControlFlow, sync::Arc, time::Duration};

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
    decode,
    engine::EngineSettings,
    enrich::{EnrichSettings, snapshot},
    host,
    model::Health,
    privileges::DropPrivileges,
    probe::{LiveProbes, sampler::Sampler, socket_tagging::SocketTagger},
    sensor::{Drained, EventRings, Sensor, SensorError, SensorOptions, give_back_memory},
};

/// Records taken from the rings before the other work of the task gets its turn.
const BATCH: usize = 2_048;

/// How long records may gather after a batch before they are looked at: the kernel wakes the task once for
/// all of them. The first record after a quiet while waits for nothing.
const GATHER: Duration = Duration::from_millis(5);

/// How long a record that is just being written may take before it is looked for again; it takes microseconds, unless
/// the machine is virtual and its processor is away.
const WRITING: Duration = Duration::from_millis(1);

/// How long the records that wait at the end are taken in: on a host that makes them faster than they can be judged
/// there is no end to them.
const LAST_ROUNDS: Duration = Duration::from_secs(1);

/// The sensor and the pipeline it feeds.
pub struct EventLoop {
    // Detaches when dropped.
    sensor: Sensor,
    rings: EventRings,
    /// The stages behind the rings.
    pub pipeline: Pipeline<LiveProbes>,
    hashes_ready: Arc<Notify>,
    /// What the sensor cannot see, and what was lost so far.
    health: Health,
    /// Records taken out of the rings.
    pub records: u64,
    /// Records that made no sense.
    pub decode_errors: u64,
    lost: u64,
}

/// What an [`EventLoop`] is made with.
pub struct EventLoopSettings {
    /// For the sensor.
    pub sensor: SensorOptions,
    /// For the engine.
    pub engine: EngineSettings,
    /// For the enrich stage.
    pub enrich: EnrichSettings,
    /// Whether busy threads are made to leave their CPU now and then.
    pub sampling: bool,
}

impl EventLoop {
    /// Loads and attaches the programs, starts the sampler, which needs a priority, and then has privileges
    /// dropped, before any other thread starts.
    pub fn open(settings: EventLoopSettings, drop_privileges: DropPrivileges) -> anyhow::Result<Self> {
        let mut sensor = Sensor::open(&settings.sensor).map_err(unsupported)?;
        let rings = sensor.take_rings().map_err(unsupported)?.context("the sensor's rings are taken")?;
        let current_pids = sensor.take_current_pids().filter(|_| settings.sampling);
        let sampler = current_pids.map(|pids| Sampler::start(pids, drop_privileges)).transpose()?;
        drop_privileges()?;
        let tagger = SocketTagger::new(sensor.take_sockets(), sensor.take_flows());
        let hashes_ready = Arc::new(Notify::new());
        let waker = Arc::clone(&hashes_ready);
        let stages = PipelineSettings { engine: settings.engine, host: host::context() };
        let mut pipeline = Pipeline::new(stages, LiveProbes::new(sampler, tagger))
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
        Ok(Self { sensor, rings, pipeline, hashes_ready, health, records: 0, decode_errors: 0, lost: 0 })
    }

    /// The sensor's report and counters.
    pub fn sensor(&self) -> &Sensor {
        &self.sensor
    }

    /// Takes in the state of the host. The programs are attached already, so nothing falls between: what
    /// happens meanwhile waits in the rings.
    pub fn seed_from_proc(&mut self, max_processes: usize, sink: &mut impl OutputSink) -> anyhow::Result<()> {
        let snapshot = snapshot::take(host::now(), max_processes).context("reading /proc")?;
        debug!(?snapshot.counters, "state of the host");
        let mut ended = Vec::new();
        self.pipeline.probes.tag(&snapshot.sockets, &mut ended);
        for event in snapshot.events.into_iter().chain(ended) {
            self.pipeline.take(event, sink)?;
        }
        sink.flush()?;
        give_back_memory();
        Ok(())
    }

    /// Feeds the pipeline until `on_command` says to stop or the sink fails. `on_tick` is called each
    /// [`TICK`].
    pub async fn run<O: OutputSink, Command>(
        &mut self,
        sink: &mut O,
        commands: &mut mpsc::Receiver<Command>,
        mut on_command: impl FnMut(&mut Self, &mut O, Command) -> ControlFlow<()>,
        mut on_tick: impl FnMut(&mut Self, &mut O) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let hashes_ready = Arc::clone(&self.hashes_ready);
        let mut drained = Drained::Empty;
        loop {
            tokio::select! {
                ready = self.rings.readable(), if drained == Drained::Empty => {
                    ready?;
                    drained = self.drain(sink).await?;
                }
                () = yield_now(), if drained != Drained::Empty => drained = self.drain(sink).await?,
                () = hashes_ready.notified() => {
                    self.pipeline.take_findings(host::now(), sink)?;
                    sink.flush()?;
                }
                _ = ticks.tick() => {
                    self.count_losses();
                    self.pipeline.set_wall_clock(host::wall_clock());
                    self.pipeline.take_findings(host::now(), sink)?;
                    self.pipeline.tick(host::now(), sink)?;
                    on_tick(self, sink)?;
                    sink.flush()?;
                }
                command = commands.recv() => {
                    let Some(command) = command else { break };
                    if on_command(self, sink, command).is_break() {
                        break;
                    }
                }
            }
        }
        // What was sent before the end is still judged and sent on.
        let end = host::now().plus(LAST_ROUNDS);
        while self.drain(sink).await? != Drained::Empty && host::now() < end {}
        Ok(())
    }

    /// One round, and the pause that comes after it.
    async fn drain(&mut self, sink: &mut impl OutputSink) -> io::Result<Drained> {
        let mut outcome = Ok(());
        let drained = self.rings.drain(
            BATCH,
            || host::now().0,
            |bytes| {
                self.records += 1;
                match decode::decode(bytes) {
                    Ok(event) if outcome.is_ok() => outcome = self.pipeline.take(event, sink),
                    Ok(_) => {}
                    Err(error) => {
                        self.decode_errors += 1;
                        debug!(%error, "a record of the kernel's was passed over");
                    }
                }
            },
        );
        outcome?;
        self.pipeline.take_findings(host::now(), sink)?;
        sink.flush()?;
        match drained {
            Drained::Empty => sleep(GATHER).await,
            Drained::Writing => sleep(WRITING).await,
            Drained::More => {}
        }
        Ok(drained)
    }

    /// Reads the kernel side's loss counters; a person hears of new losses once a tick at most.
    fn count_losses(&mut self) {
        let losses: Vec<(&'static str, u64)> = self.sensor.losses().read().collect();
        let total = losses.iter().map(|(_, count)| count).sum();
        if total > self.lost {
            let kinds: Vec<String> = losses
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(kind, count)| format!("{kind} {count}"))
                .collect();
            warn!("events were lost in the kernel, in all: {}", kinds.join(", "));
            self.lost = total;
        }
        let lost = losses.into_iter().filter(|(_, count)| *count > 0);
        self.health.lost.clear();
        self.health.lost.extend(lost.map(|(kind, count)| (Arc::from(kind), count)));
        self.pipeline.set_health(self.health.clone());
    }

    /// Everything the kernel side lost so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

/// The sensor's refusal as the command line knows it.
pub fn unsupported(error: SensorError) -> anyhow::Error {
    match error {
        SensorError::NoSuchHook { .. } => WrongUsage(error.to_string()).into(),
        error => Unsupported(error.to_string()).into(),
    }
}
