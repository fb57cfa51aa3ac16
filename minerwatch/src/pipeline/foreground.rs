//! Commands with a sensor of their own: the live stream, a recording.

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
    ForegroundOptions, Recorded, ShowLines, event_loop::EventLoop, live_settings, stages::OutputSink,
};
use crate::{
    control::TailRequest,
    host,
    model::{Alert, Event, EventKind},
    privileges, recording,
};

/// Lines for whoever started the command.
struct Stream<'a> {
    request: TailRequest,
    lines: Vec<u8>,
    show: ShowLines<'a>,
}

impl OutputSink for Stream<'_> {
    fn wants(&self, kind: EventKind, pid: u32) -> bool {
        self.request.wants(Some(kind), pid)
    }

    fn event(&mut self, line: &[u8], _kind: EventKind, _pid: u32) -> io::Result<()> {
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

/// The live stream from a sensor of this process's own, until SIGINT or SIGTERM.
pub async fn tail(
    request: TailRequest,
    watching: &ForegroundOptions,
    show: ShowLines<'_>,
) -> anyhow::Result<()> {
    let mut outlet = Stream { request, lines: Vec::new(), show };
    watch(&mut outlet, None, watching, |_, _| {}).await?;
    Ok(())
}

/// Events as they are, into a file.
struct Recorder {
    writer: recording::Writer<BufWriter<File>>,
}

impl OutputSink for Recorder {
    fn wants(&self, _kind: EventKind, _pid: u32) -> bool {
        false
    }

    fn event(&mut self, _line: &[u8], _kind: EventKind, _pid: u32) -> io::Result<()> {
        Ok(())
    }

    fn alert(&mut self, _line: &[u8], _alert: &Alert) -> io::Result<()> {
        Ok(())
    }

    fn raw(&mut self, event: &Event) -> io::Result<()> {
        self.writer.write(event)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Events into a file, for a while or until SIGINT or SIGTERM.
pub async fn record(
    file: &Path,
    duration: Option<Duration>,
    watching: &ForegroundOptions,
) -> anyhow::Result<Recorded> {
    let context = host::context();
    let header = recording::Header::new(&context.name, &context.boot_id, context.clock, host::processors());
    let output = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    let writer = recording::Writer::new(BufWriter::new(output), &header)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let mut outlet = Recorder { writer };
    let lost = watch(&mut outlet, duration, watching, |_, _| {})
        .await
        .with_context(|| format!("recording to {}", file.display()))?;
    Ok(Recorded { events: outlet.writer.events(), lost })
}

/// Watches with a sensor of its own until a signal or the end of `duration`; `on_tick` is called once a second. Says
/// what the kernel side lost.
pub(super) async fn watch<O: OutputSink>(
    outlet: &mut O,
    duration: Option<Duration>,
    watching: &ForegroundOptions,
    mut on_tick: impl FnMut(&EventLoop, &mut O),
) -> anyhow::Result<u64> {
    let settings = live_settings::of(&watching.config, &watching.hooks);
    let max_processes = settings.engine.max_processes;
    let (lists, geo) = live_settings::read_lists(&watching.config)?;
    let mut watch = EventLoop::open(settings, privileges::keep)?;
    watch.pipeline.set_indicators(lists.indicators);
    watch.pipeline.set_geo(geo);
    eprintln!("minerwatch: watching{}", blind(&watch));
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
        // The watch may have ended by itself.
        let _ = stop.send(()).await;
    });
    watch.seed_from_proc(max_processes, outlet)?;
    let outcome = watch
        .run(
            outlet,
            &mut commands,
            |_, _, ()| ControlFlow::Break(()),
            |watch, outlet| {
                on_tick(watch, outlet);
                Ok(())
            },
        )
        .await;
    timer.abort();
    outcome?;
    Ok(watch.lost())
}

/// What a person is told about blindness at the start.
pub fn blind(watch: &EventLoop) -> String {
    let blind: Vec<&str> = watch.sensor().report().unavailable().collect();
    if blind.is_empty() {
        return String::new();
    }
    format!(", blind to {} (`minerwatch doctor` says why)", blind.join(", "))
}
