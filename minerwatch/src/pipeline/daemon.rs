//! `minerwatch run`: outputs, the control socket, signals.

mod load_history_store;
mod outputs;
mod service;
mod signals;

use std::{ops::ControlFlow, path::Path, sync::Arc, time::Duration, time::Instant};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use self::{load_history_store::LoadHistoryStore, outputs::ConfiguredOutputs, signals::Command};
use super::{
    RunOptions,
    event_loop::{self, EventLoop},
    settings,
};
use crate::{
    config::Config,
    control::{ControlServer, Question},
    feeds::{self, ListReloader, Lists, Syncer},
    host,
    metrics::{ListMetrics, Metrics, SamplerMetrics, SocketMetrics},
    privileges,
    probe::{sampler::SamplerCounters, socket_tagging::SocketTaggingCounters},
    sensor::{Sensor, give_back_memory},
};

/// How long readers of the control socket may take for what is queued when the daemon ends.
const GRACE: Duration = Duration::from_millis(300);

/// Commands that wait for the pipeline.
const QUEUE: usize = 16;

/// The daemon, until SIGTERM or SIGINT.
///
/// The order is a contract: everything that needs power (programs, outputs, socket) is opened, then
/// capabilities are dropped, then threads are started and the work begins.
pub async fn run(options: RunOptions) -> anyhow::Result<()> {
    let RunOptions { mut config, config_path, hooks, set_log_level } = options;
    let started = Instant::now();
    // Before anything is opened: who lacks privileges should hear of that, not of a file.
    Sensor::check().map_err(event_loop::unsupported)?;
    let mut outlet = ConfiguredOutputs::open(&config)?;
    let (commands, mut queue) = mpsc::channel(QUEUE);
    signals::forward(commands.clone())?;
    let control = bind_control(&config, commands.clone())?;
    outlet.serve(control);
    // Before the hooks: a million entries take a second, and events would have to wait.
    let (lists, places) = settings::read_lists(&config)?;
    let mut watch = EventLoop::open(settings::of(&config, &hooks), privileges::drop_all_but_kept)?;
    let mut duty = LoadHistoryStore::new(&config.state.directory);
    if let Some((state, elapsed)) = duty.load(host::wall_now()) {
        watch.core.restore_load_history(state, elapsed);
    }
    let syncer = Syncer::start(&config)?;
    let mut counts = lists.counts();
    watch.core.set_indicators(Arc::clone(&lists.indicators));
    watch.core.set_places(places.clone());
    let lists = ListReloader::start(feeds::with_synced(&config), lists, places, move |lists| {
        commands.blocking_send(Command::Lists(lists)).is_ok()
    })?;
    let limit = usize::try_from(config.limits.max_processes).unwrap_or(usize::MAX);
    watch.seed_from_proc(limit, &mut outlet)?;
    let report = watch.sensor().report();
    let served = report.services.iter().filter(|service| service.hook.is_some()).count();
    let all = report.services.len();
    info!("watching: {served} of {all} purposes are served{}", super::foreground::blind(&watch));
    service::ready();

    let outcome = watch
        .run(
            &mut outlet,
            &mut queue,
            |watch, outlet, command| {
                match command {
                    Command::Stop(signal) => {
                        info!("{signal}: what is under way is finished, then minerwatch ends");
                        return ControlFlow::Break(());
                    }
                    Command::Reload => {
                        let was_read = reload(&mut config, config_path.as_deref(), outlet);
                        watch.core.set_min_verdict(config.detection.min_verdict);
                        set_log_level(config.log.level);
                        // It ends when the lists are there.
                        if was_read {
                            syncer.reconfigure(&config.intel.sync);
                        }
                        if !(was_read && lists.reconfigure(feeds::with_synced(&config))) {
                            service::ready();
                        }
                    }
                    Command::Lists(Lists { indicators, counts: new, geo, asked }) => {
                        counts = new;
                        watch.core.set_places(geo);
                        watch.core.set_indicators(indicators);
                        give_back_memory();
                        if asked {
                            info!("the configuration was read again");
                            service::ready();
                        }
                    }
                    Command::Answer(request) => {
                        let answer = match &request.question {
                            Question::Status => {
                                let (fetched, fetches_failed) = syncer.fetches();
                                let lists = ListMetrics { fetched, fetches_failed, ..counts };
                                Metrics { lists, ..metrics(watch, outlet, started) }.to_json()
                            }
                            Question::Explain(incident) => watch.core.explain(incident.as_deref()),
                        };
                        request.answer(answer);
                    }
                }
                ControlFlow::Continue(())
            },
            |watch, outlet| {
                service::alive();
                duty.save_if_due(watch.core.engine(), host::wall_now());
                outlet.tick(host::now())
            },
        )
        .await;
    service::stopping();
    outlet.finish(GRACE).await;
    duty.save(&watch.core.engine().duty(), host::wall_now());
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            info!("nobody reads standard output any more, and there is no other output");
            Ok(())
        }
        outcome => outcome.context("the event loop"),
    }
}

fn bind_control(config: &Config, commands: mpsc::Sender<Command>) -> anyhow::Result<Option<ControlServer>> {
    if !config.control.enabled {
        return Ok(None);
    }
    let (server, mut requests) = ControlServer::bind(&config.control.socket)?;
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            if commands.send(Command::Answer(request)).await.is_err() {
                break;
            }
        }
    });
    Ok(Some(server))
}

/// Reads the configuration again; `false` if that changed nothing, as a broken file does. The service manager waits for
/// [`service::ready`].
fn reload(config: &mut Config, path: Option<&Path>, outlet: &mut ConfiguredOutputs) -> bool {
    service::reloading();
    outlet.reopen();
    match path.map(Config::load) {
        None => info!("SIGHUP: there is no configuration file to read again; log files were reopened"),
        Some(Err(error)) => error!("the configuration stays as it was: {error}"),
        Some(Ok(new)) => {
            if let Err(error) = outlet.reconfigure(&new) {
                error!("the configuration stays as it was: {error:#}");
                return false;
            }
            let later = config.needs_restart(&new);
            if !later.is_empty() {
                warn!("these keys take effect at the next start: {}", later.join(", "));
            }
            *config = new;
            return true;
        }
    }
    false
}

fn metrics(watch: &EventLoop, outlet: &ConfiguredOutputs, started: Instant) -> Metrics {
    Metrics {
        uptime_seconds: started.elapsed().as_secs(),
        resident_bytes: host::resident_bytes(),
        ring_records: watch.records,
        decode_errors: watch.decode_errors,
        events: watch.core.counts,
        lost: watch.sensor().losses().read().collect(),
        blind: watch.sensor().report().blind().map(str::to_owned).collect(),
        hooks: watch.sensor().report().served().collect(),
        alerts: watch.core.alerts,
        engine: watch.core.engine().counters(),
        enrich: watch.core.enricher().counters().into(),
        sampler: sampler_metrics(watch),
        sockets: socket_metrics(watch),
        lists: ListMetrics::default(),
        outputs: outlet.metrics(),
        control: outlet.control_counters().into(),
    }
}

fn socket_metrics(watch: &EventLoop) -> SocketMetrics {
    let SocketTaggingCounters { marked, missed } = watch.socket_tagging_counters();
    SocketMetrics { marked, missed }
}

fn sampler_metrics(watch: &EventLoop) -> SamplerMetrics {
    let SamplerCounters { visits, refused, closer } = watch.sampler_counters();
    SamplerMetrics { visits, refused, closer }
}
