//! `minerwatch scan`: reads the state of the host and watches the host for a while.

use std::{collections::BTreeMap, io, time::Duration};

use super::{
    ForegroundOptions, ScanProgress, ShowLines,
    event_loop::EventLoop,
    foreground::{open, watch},
    settings,
    stages::OutputSink,
};
use crate::{
    host,
    model::{AgentContext, Alert, Event, EventBody, IncidentId, ScanReport, Verdict},
};

/// Keeps the last state of each incident. Shows alerts at once if their verdict is high enough.
struct Scan<'a> {
    show: ShowLines<'a>,
    progress: &'a mut dyn FnMut(ScanProgress),
    /// The lowest verdict that is shown at once.
    least: Verdict,
    found: BTreeMap<IncidentId, Alert>,
    connections: u64,
}

impl OutputSink for Scan<'_> {
    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        self.found.insert(alert.incident, alert.clone());
        if alert.verdict >= self.least { (self.show)(line) } else { Ok(()) }
    }

    fn raw(&mut self, event: &Event) -> io::Result<()> {
        if let EventBody::Connect(_) | EventBody::RunningFlow(_) = event.body {
            self.connections += 1;
        }
        Ok(())
    }
}

/// Watches the host for `duration`. Alerts with the verdict `least` or higher are shown at once. The report contains
/// the last state of every incident, including incidents with the verdict `noted`.
pub async fn scan(
    duration: Duration,
    options: &ForegroundOptions,
    least: Verdict,
    show: ShowLines<'_>,
    progress: &mut dyn FnMut(ScanProgress),
) -> anyhow::Result<ScanReport> {
    let mut options = options.clone();
    options.config.detection.min_verdict = Verdict::Noted;
    let mut event_loop = open(&options)?;
    let mut scan = Scan { show, progress, least, found: BTreeMap::new(), connections: 0 };
    let start = host::now();
    let mut ticks = 0;
    watch(&mut event_loop, &mut scan, Some(duration), &options, |event_loop, scan| {
        (scan.progress)(progress_of(event_loop, ticks, scan.found.len()));
        ticks += 1;
    })
    .await?;
    let seconds = host::now().since(start).as_secs();
    let mut incidents: Vec<Alert> = scan.found.into_values().collect();
    incidents.sort_by_key(|alert| std::cmp::Reverse((alert.verdict, alert.score)));
    let encoder = settings::encoder(&options.config, host::context(), AgentContext::this(None));
    Ok(ScanReport {
        common: encoder.common(),
        incidents,
        seconds,
        processes: event_loop.pipeline.engine().counters().processes,
        connections: scan.connections,
        cpu_samples: event_loop.pipeline.probes.sampler_counters().visits,
        unavailable: event_loop.sensor().report().unavailable().map(str::to_owned).collect(),
        lost: event_loop.lost(),
    })
}

fn progress_of(event_loop: &EventLoop, seconds: u32, incidents: usize) -> ScanProgress {
    ScanProgress {
        seconds,
        processes: event_loop.pipeline.engine().counters().processes,
        visits: event_loop.pipeline.probes.sampler_counters().visits,
        incidents,
    }
}
