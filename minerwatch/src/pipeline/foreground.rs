//! The commands that run their own sensor in the foreground: the live stream and recordings.

use std::{
    fs::File,
    io::{self, BufWriter},
    ops::ControlFlow,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use tokio::sync::mpsc;

use super::{
    ForegroundOptions, Recorded, ShowLines,
    event_loop::EventLoop,
    live_settings,
    stages::{EventInfo, OutputSink},
};
use crate::{
    control::TailRequest,
    host,
    model::{Alert, Event, EventKind},
    privileges, recording,
};

/// Passes selected lines to the command that the user started.
struct Stream<'a> {
    request: TailRequest,
    lines: Vec<u8>,
    show: ShowLines<'a>,
}

impl OutputSink for Stream<'_> {
    fn wants(&self, kind: EventKind, pid: u32) -> bool {
        self.request.wants(Some(kind), pid)
    }

    fn event(&mut self, line: &[u8], _: EventInfo) -> io::Result<()> {
        self.lines.extend_from_slice(line);
        Ok(())
    }

    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        if self.request.wants(None, alert.suspect.key.pid) {
            self.lines.extend_from_slice(line);
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let outcome = (self.show)(&self.lines);
        self.lines.clear();
        outcome
    }
}

/// Shows the live stream of a sensor in this process, until SIGINT or SIGTERM.
pub async fn tail(
    request: TailRequest,
    options: &ForegroundOptions,
    show: ShowLines<'_>,
) -> anyhow::Result<()> {
    let mut event_loop = open(options)?;
    let mut stream = Stream { request, lines: Vec::new(), show };
    watch(&mut event_loop, &mut stream, None, options, |_, _| {}).await
}

/// Writes events in their original form to a file.
struct Recorder {
    writer: recording::Writer<BufWriter<File>>,
}

impl OutputSink for Recorder {
    fn raw(&mut self, event: &Event) -> io::Result<()> {
        self.writer.write(event)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes events to a new file, for `duration` or until SIGINT or SIGTERM.
pub async fn record(
    file: &Path,
    duration: Option<Duration>,
    options: &ForegroundOptions,
) -> anyhow::Result<Recorded> {
    let context = host::context();
    let mut header =
        recording::Header::new(&context.name, &context.boot_id, context.clock, host::processors());
    header.host_id = context.id.as_deref().map(str::to_owned);
    // The sensor comes first, so that no empty file is left if the kernel refuses the sensor.
    let mut event_loop = open(options)?;
    let writer = recording::Writer::new(BufWriter::new(recording::create(file)?), &header)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let mut recorder = Recorder { writer };
    watch(&mut event_loop, &mut recorder, duration, options, |_, _| {})
        .await
        .with_context(|| format!("recording to {}", file.display()))?;
    Ok(Recorded { events: recorder.writer.events(), lost: event_loop.lost() })
}

/// Reads the lists, and then loads and attaches the sensor.
pub(super) fn open(options: &ForegroundOptions) -> anyhow::Result<EventLoop> {
    let (lists, geo) = live_settings::read_lists(&options.config)?;
    let mut event_loop =
        EventLoop::open(live_settings::of(&options.config, &options.hooks, None)?, privileges::keep)?;
    event_loop.pipeline.set_indicators(lists.indicators);
    event_loop.pipeline.set_geo(geo);
    Ok(event_loop)
}

/// Watches until SIGINT, SIGTERM or the end of `duration`. Calls `on_tick` once per second.
pub(super) async fn watch<O: OutputSink>(
    event_loop: &mut EventLoop,
    sink: &mut O,
    duration: Option<Duration>,
    options: &ForegroundOptions,
    mut on_tick: impl FnMut(&EventLoop, &mut O),
) -> anyhow::Result<()> {
    (options.notify)(&format!("watching{}", blind(event_loop)));
    let (stop, mut commands) = mpsc::channel(1);
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let timer = tokio::spawn(async move {
        let over = async {
            match duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // The event loop may have ended before.
        let _ = stop.send(()).await;
    });
    let max_processes = usize::try_from(options.config.limits.max_processes).unwrap_or(usize::MAX);
    event_loop.seed_from_proc(max_processes, None, sink)?;
    let outcome = event_loop
        .run(
            sink,
            &mut commands,
            |_, _, ()| ControlFlow::Break(()),
            |event_loop, sink| {
                on_tick(event_loop, sink);
                Ok(())
            },
        )
        .await;
    timer.abort();
    Ok(outcome?)
}

/// Lists the data sources that are unavailable, for the message at the start.
pub fn blind(event_loop: &EventLoop) -> String {
    let unavailable: Vec<&str> = event_loop.sensor().report().unavailable().collect();
    if unavailable.is_empty() {
        return String::new();
    }
    format!(", unavailable: {} (`minerwatch doctor` says why)", unavailable.join(", "))
}
