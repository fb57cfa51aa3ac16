//! The daemon, `minerwatch run`: adds outputs, the control socket and signals to the event loop.

mod approvals;
mod collect;
mod config_watch;
mod incident_store;
mod journal;
mod load_history_store;
mod outputs;
mod own_cpu;
mod report_budget;
mod response;
mod self_report;
mod service;
mod signals;
mod state_lock;

use std::{cell::RefCell, ops::ControlFlow, path::PathBuf, sync::Arc, time::Duration, time::Instant};

use anyhow::{Context as _, bail};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use self::{
    incident_store::{IncidentStore, StoredIncidents},
    load_history_store::LoadHistoryStore,
    outputs::ConfiguredOutputs,
    own_cpu::OwnCpu,
    response::{Report, StartedResponder},
    self_report::SelfReport,
    signals::Command,
    state_lock::StateLock,
};
use super::{
    RunOptions, agent_id,
    event_loop::{EventLoop, unsupported},
    exceptions::LoadedExceptions,
    live_settings,
};
use crate::{
    config::{Config, ConfigError, Effective, Environment, LogLevel},
    control::{ControlServer, Group, Peer, PipelineRequest, Question},
    except::ExceptionStatus,
    exporter::{Exporter, Reply, Socket},
    feeds::{self, ListMetrics, ListReloader, Lists, Syncer},
    host,
    incident::IncidentState,
    metrics::Metrics,
    model::{Alert, Moment},
    privileges,
    respond::{Actor, KnownCase, RESPONSE_OFF},
    sensor::{Sensor, give_back_memory},
};

/// Time at exit for readers of the control socket to read their queued lines.
const EXIT_GRACE: Duration = Duration::from_millis(300);

/// Capacity of the command queue.
const MAX_COMMANDS: usize = 16;

/// Runs the daemon until SIGTERM or SIGINT.
///
/// The order matters. First everything that needs privileges is opened: outputs, socket and programs. Then capabilities
/// are dropped, and then threads are started.
pub async fn run(options: RunOptions) -> anyhow::Result<()> {
    let RunOptions { effective, hooks, set_log_level, start_log_thread } = options;
    let started = Instant::now();
    // This check comes first, so that missing privileges are not reported as a file that cannot be opened.
    Sensor::check().map_err(unsupported)?;
    effective.check_paths()?;
    let Effective { config, path: config_path, text, .. } = effective;
    let (commands, mut queue) = mpsc::channel(MAX_COMMANDS);
    // Signals are handled before the lock is taken. Otherwise, a SIGTERM during the start would end the process without
    // clearing the lock, and the next daemon would report a kill.
    signals::forward(commands.clone())?;
    let boot_id = host::context().boot_id;
    let mut state_lock = StateLock::take(&config.state.directory, Arc::clone(&boot_id))?;
    let incidents = IncidentStore::new(&config.state.directory, boot_id);
    let mut outputs = ConfiguredOutputs::open(&config, incidents)?;
    let control = bind_control(&config, commands.clone())?;
    outputs.serve(control);
    let responder = StartedResponder::start(&config)?;
    let exporter = config.metrics.listen.as_ref().map(Exporter::bind).transpose()?;
    // The lists are read before the hooks are attached, because a million entries take a second.
    let (lists, geo) = live_settings::read_lists(&config)?;
    let agent_id = agent_id::load_or_create(&config.state.directory);
    let mut event_loop =
        EventLoop::open(live_settings::of(&config, &hooks, agent_id)?, privileges::drop_all_but_kept)?;
    start_log_thread().context("starting the thread that writes the log")?;
    let waker = event_loop.waker();
    outputs.start(move || waker.notify_one())?;
    outputs.responder = responder.map(|responder| responder.run(commands.clone())).transpose()?;
    let mut report = SelfReport::new(&config);
    let metrics_socket = start_exporter(exporter, commands.clone())?;
    let load_history = LoadHistoryStore::new(&config.state.directory);
    if let Some((state, elapsed)) = load_history.load(host::wall_now()) {
        event_loop.pipeline.restore_load_history(state, host::now(), elapsed);
    }
    if let Some(path) = &config_path {
        let commands = commands.clone();
        config_watch::start(path.clone(), move || commands.blocking_send(Command::ConfigChanged).is_ok())?;
    }
    let exceptions = LoadedExceptions::open(&config, config_path.as_deref());
    event_loop.pipeline.set_exceptions(Arc::clone(&exceptions.set), host::wall_clock());
    let syncer = Syncer::start(&config)?;
    let counts = lists.counts();
    event_loop.pipeline.set_indicators(Arc::clone(&lists.indicators));
    event_loop.pipeline.set_geo(geo.clone());
    let lists = ListReloader::start(feeds::with_synced(&config), lists, geo, move |lists| {
        commands.blocking_send(Command::Lists(lists)).is_ok()
    })?;
    let limit = usize::try_from(config.limits.max_processes).unwrap_or(usize::MAX);
    let incidents = stored_incidents(&mut event_loop, &mut outputs)?;
    event_loop.seed_from_proc(limit, incidents, &mut outputs)?;
    let sources = event_loop.sensor().report();
    let (available, all) = (sources.available().count(), sources.sources.len());
    info!(
        "watching: {available} of {all} data sources are available{}",
        super::foreground::blind(&event_loop)
    );
    let killed = state_lock.as_mut().and_then(StateLock::take_killed);
    report.start(killed, &mut event_loop, &mut outputs)?;
    service::ready();

    let running = RefCell::new(Running {
        config,
        config_path,
        last_read: Ok(text),
        set_log_level,
        started,
        own_cpu: OwnCpu::default(),
        exceptions,
        lists,
        counts,
        syncer,
        load_history,
        report,
        stopped_by: "error",
        _metrics_socket: metrics_socket,
    });
    let outcome = event_loop
        .run(
            &mut outputs,
            &mut queue,
            |event_loop, outputs, command| running.borrow_mut().command(event_loop, outputs, command),
            |event_loop, outputs| running.borrow_mut().tick(state_lock.as_ref(), event_loop, outputs),
        )
        .await;
    service::stopping();
    let mut running = running.into_inner();
    let is_closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    let reason = if outcome.as_ref().is_err_and(is_closed) { "outputs-closed" } else { running.stopped_by };
    if let Err(error) = running.report.stop(reason, &mut event_loop, &mut outputs) {
        warn!(%error, "the end of the daemon cannot be reported");
    }
    let history = running.load_history.encode(&event_loop.pipeline.engine().load_history(), host::wall_now());
    outputs.finish(event_loop.pipeline.engine_mut(), history, EXIT_GRACE).await;
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            bail!("standard output was closed, and there is no other output")
        }
        outcome => outcome.context("the event loop"),
    }
}

/// What the daemon keeps beside the event loop and the outputs.
struct Running {
    config: Config,
    config_path: Option<PathBuf>,
    /// The text of the configuration file when it was last read, or why it could not be read.
    last_read: Result<String, String>,
    set_log_level: Box<dyn Fn(LogLevel) + Send>,
    started: Instant,
    own_cpu: OwnCpu,
    exceptions: LoadedExceptions,
    lists: ListReloader,
    counts: ListMetrics,
    syncer: Syncer,
    load_history: LoadHistoryStore,
    report: SelfReport,
    /// Why the daemon ends, as a word.
    stopped_by: &'static str,
    /// Removes the socket of the metrics at the end.
    _metrics_socket: Option<Socket>,
}

impl Running {
    /// Carries out a command. Breaks if the daemon shall end.
    fn command(
        &mut self,
        event_loop: &mut EventLoop,
        outputs: &mut ConfiguredOutputs,
        command: Command,
    ) -> ControlFlow<()> {
        match command {
            Command::Stop(signal) => {
                info!("{signal}: minerwatch finishes its work and exits");
                self.stopped_by = signal;
                return ControlFlow::Break(());
            }
            Command::Reload => {
                service::reloading();
                outputs.reopen();
                if self.config_path.is_none() {
                    info!("SIGHUP: there is no configuration file to read again; log files were reopened");
                }
                self.reload(event_loop, outputs);
            }
            Command::ConfigChanged => self.reload_if_changed(event_loop, outputs),
            Command::Lists(Lists { indicators, counts, geo, asked }) => {
                self.counts = counts;
                event_loop.pipeline.set_geo(geo);
                event_loop.pipeline.set_indicators(indicators);
                give_back_memory();
                if asked {
                    info!("the configuration was read again");
                    service::ready();
                }
            }
            Command::Metrics(reply) => {
                // The endpoint may have given up already.
                let _ = reply.send(Box::new(self.metrics(event_loop, outputs)));
            }
            Command::Answer(request) => self.answer_request(event_loop, outputs, request),
            Command::Responded(answer) => {
                let report = outputs.responder.as_mut().and_then(|responder| responder.answered(*answer));
                send_report(event_loop, outputs, report);
            }
            Command::Decided(decision) => {
                let report = outputs.responder.as_mut().and_then(|responder| responder.decided(decision));
                send_report(event_loop, outputs, report);
            }
        }
        ControlFlow::Continue(())
    }

    /// Reloads the configuration if the content of its file is another than at the last time. So a broken file is
    /// reported once, and a file that SIGHUP loaded is not loaded again.
    fn reload_if_changed(&mut self, event_loop: &mut EventLoop, outputs: &mut ConfiguredOutputs) {
        let Some(path) = self.config_path.as_ref().filter(|_| self.config.config.reload_on_change) else {
            return;
        };
        if Effective::read(path).map_err(|error| error.to_string()) != self.last_read {
            info!("{} has changed", path.display());
            service::reloading();
            self.reload(event_loop, outputs);
        }
    }

    /// Reads the configuration again and applies it. A broken one changes nothing.
    fn reload(&mut self, event_loop: &mut EventLoop, outputs: &mut ConfiguredOutputs) {
        let is_new = match self.read_again().and_then(|new| self.apply(new, outputs)) {
            Ok(is_new) => is_new,
            Err(error) => {
                error!("the configuration stays as it was: {error:#}");
                false
            }
        };
        event_loop.pipeline.set_min_verdict(self.config.detection.min_verdict);
        event_loop.pipeline.engine_mut().set_watch(self.config.detection.watch());
        self.report.reconfigure(&self.config);
        self.reload_exceptions(event_loop);
        (self.set_log_level)(self.config.log.level);
        // The reload is complete when the lists have been read. If there is nothing to read, it is complete now.
        if is_new {
            self.syncer.reconfigure(&self.config.intel.sync);
        }
        if !(is_new && self.lists.reconfigure(feeds::with_synced(&self.config))) {
            service::ready();
        }
    }

    /// Reads the configuration again, if it has a file, and checks it.
    fn read_again(&mut self) -> anyhow::Result<Option<Config>> {
        let Some(path) = &self.config_path else { return Ok(None) };
        let read = Effective::read(path);
        self.last_read = read.as_ref().map(String::clone).map_err(ConfigError::to_string);
        let new = Effective::parse(&read?, Some(path), &Environment::of_this_process())?;
        new.check_paths()?;
        Ok(Some(new.config))
    }

    /// Applies a new configuration, or nothing if an output cannot be opened. Returns whether there was one.
    fn apply(&mut self, new: Option<Config>, outputs: &mut ConfiguredOutputs) -> anyhow::Result<bool> {
        let Some(new) = new else { return Ok(false) };
        outputs.reconfigure(&new)?;
        let keys = self.config.needs_restart(&new);
        if !keys.is_empty() {
            warn!("these keys take effect at the next start: {}", keys.join(", "));
        }
        self.config = new;
        Ok(true)
    }

    /// Reads the exceptions again and passes them to the engine.
    fn reload_exceptions(&mut self, event_loop: &mut EventLoop) {
        self.exceptions.reload(&self.config, self.config_path.as_deref());
        event_loop.pipeline.set_exceptions(Arc::clone(&self.exceptions.set), host::wall_clock());
    }

    /// Returns all counters.
    fn metrics(&self, event_loop: &EventLoop, outputs: &ConfiguredOutputs) -> Metrics {
        let (fetched, fetches_failed) = self.syncer.fetches();
        Metrics {
            exceptions: exception_status(&self.exceptions, event_loop),
            lists: ListMetrics { fetched, fetches_failed, ..self.counts },
            config_hash: self.report.config_hash().to_owned(),
            degraded: self.report.degraded(),
            alive_unix_seconds: self.report.alive_unix_seconds(),
            cpu: self.own_cpu.metrics(),
            ..collect::metrics(event_loop, outputs, self.started)
        }
    }

    /// Answers a request, or passes it to the responder.
    fn answer_request(
        &mut self,
        event_loop: &mut EventLoop,
        outputs: &mut ConfiguredOutputs,
        request: PipelineRequest,
    ) {
        let by = |peer: Peer| Actor::Person { uid: peer.uid, pid: peer.pid };
        match request.question.clone() {
            Question::Respond(asked, peer) => {
                let alert = case_of(event_loop, &asked.incident);
                match &mut outputs.responder {
                    Some(responder) => responder.respond(alert, &asked, by(peer), request),
                    None => request.answer(RESPONSE_OFF.to_owned()),
                }
            }
            Question::Release(incident, peer) => match &mut outputs.responder {
                Some(responder) => responder.release(&incident, by(peer), request),
                None => request.answer(RESPONSE_OFF.to_owned()),
            },
            Question::Watch(asked) => match event_loop.pipeline.watch(&asked, host::now(), outputs) {
                Ok(lines) => request.answer(lines),
                Err(error) => request.refuse(&error.to_string()),
            },
            question => {
                let answer = self.answer(event_loop, outputs, &question);
                request.answer(answer);
            }
        }
    }

    /// Returns the answer to a question as JSON.
    fn answer(
        &mut self,
        event_loop: &mut EventLoop,
        outputs: &ConfiguredOutputs,
        question: &Question,
    ) -> String {
        match question {
            Question::Status => self.metrics(event_loop, outputs).to_json(),
            Question::Exceptions { reload } => {
                if *reload {
                    self.reload_exceptions(event_loop);
                }
                serde_json::to_string(&exception_status(&self.exceptions, event_loop)).unwrap_or_default()
            }
            Question::Explain(incident) => event_loop.pipeline.explain(incident.as_deref()),
            Question::Case(incident) => {
                let case = KnownCase {
                    alert: case_of(event_loop, incident),
                    line: event_loop.pipeline.explain(Some(incident)),
                    settings: response::settings(&self.config),
                };
                serde_json::to_string(&case).unwrap_or_default()
            }
            // `answer_request` handles these.
            Question::Respond(..) | Question::Release(..) | Question::Watch(_) => RESPONSE_OFF.to_owned(),
        }
    }

    /// Does what is due once a second.
    fn tick(
        &mut self,
        state_lock: Option<&StateLock>,
        event_loop: &mut EventLoop,
        outputs: &mut ConfiguredOutputs,
    ) -> std::io::Result<()> {
        service::alive();
        self.own_cpu.sample();
        self.exceptions.log_expired(unix_now());
        outputs
            .write_file(|| self.load_history.encode_if_due(event_loop.pipeline.engine(), host::wall_now()));
        self.report.tick(state_lock, event_loop, outputs)?;
        outputs.tick(event_loop.pipeline.engine_mut())
    }
}

/// Sends an event about the response.
fn send_report(event_loop: &mut EventLoop, outputs: &mut ConfiguredOutputs, report: Option<Report>) {
    let Some((report, suspect)) = report else { return };
    info!("incident {}: {}", report.incident, report.message);
    let sent = event_loop.pipeline.response(&report, suspect.as_ref(), outputs);
    if let Err(error) = sent.and_then(|()| event_loop.pipeline.flush(outputs)) {
        warn!(%error, "an event of the response cannot be sent");
    }
}

/// Returns the state of an open incident.
fn case_of(event_loop: &EventLoop, incident: &str) -> Option<Alert> {
    event_loop.pipeline.engine().incidents(Some(incident)).into_iter().next().map(|(state, _)| state)
}

/// Returns the incidents that go on, if any. Closes those of an earlier boot.
fn stored_incidents(
    event_loop: &mut EventLoop,
    outputs: &mut ConfiguredOutputs,
) -> std::io::Result<Option<IncidentState>> {
    match outputs.stored_incidents() {
        StoredIncidents::None => Ok(None),
        StoredIncidents::Open(state) => Ok(Some(state)),
        StoredIncidents::Ended { state, boot_id, clock } => {
            event_loop.pipeline.end_incidents(
                state,
                boot_id,
                clock,
                host::wall_now(),
                host::now(),
                outputs,
            )?;
            Ok(None)
        }
    }
}

fn bind_control(config: &Config, commands: mpsc::Sender<Command>) -> anyhow::Result<Option<ControlServer>> {
    if !config.control.enabled {
        return Ok(None);
    }
    let group = config.response.group.as_ref().filter(|_| config.response.enabled);
    let group = group.map(|name| find_group(name)).transpose()?;
    let (server, mut requests) = ControlServer::bind_for(&config.control.socket, group)?;
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            if commands.send(Command::Answer(request)).await.is_err() {
                break;
            }
        }
    });
    Ok(Some(server))
}

/// Finds a group in `/etc/group` (group(5)).
fn find_group(name: &str) -> anyhow::Result<Group> {
    let groups = std::fs::read_to_string("/etc/group").context("reading /etc/group")?;
    let id = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    match id {
        Some(id) => Ok(Group { name: name.to_owned(), id }),
        None => Err(super::WrongUsage(format!(
            "response.group is `{name}`, but /etc/group has no such group: create it with `groupadd --system {name}`"
        ))
        .into()),
    }
}

/// Starts the endpoint, if there is one. A request that finds the queue of commands full is refused, and the endpoint
/// serves what it has.
fn start_exporter(
    exporter: Option<Exporter>,
    commands: mpsc::Sender<Command>,
) -> anyhow::Result<Option<Socket>> {
    let ask = move |reply: Reply| commands.try_send(Command::Metrics(reply)).is_ok();
    let started = exporter.map(|exporter| exporter.start(ask)).transpose();
    Ok(started.context("starting the thread that serves the metrics")?.flatten())
}

fn exception_status(exceptions: &LoadedExceptions, event_loop: &EventLoop) -> ExceptionStatus {
    exceptions.status(event_loop.pipeline.engine().hidden_alerts(), unix_now())
}

fn unix_now() -> Moment {
    Moment::from_unix(host::unix_seconds())
}
