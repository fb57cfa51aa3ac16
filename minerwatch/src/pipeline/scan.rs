//! `minerwatch scan`: the state of the host and a while of watching it.

use std::{collections::BTreeMap, io, time::Duration};

use super::{
    ForegroundOptions, ScanProgress, ShowLines, event_loop::EventLoop, foreground::watch, stages::OutputSink,
};
use crate::model::{Alert, EventKind, IncidentId, Verdict};

/// Keeps the last state of each incident, and shows what is worth a person's while at once.
struct Scan<'a> {
    show: ShowLines<'a>,
    progress: &'a mut dyn FnMut(ScanProgress),
    /// The least verdict that is shown as it comes.
    least: Verdict,
    found: BTreeMap<IncidentId, Alert>,
}

impl OutputSink for Scan<'_> {
    fn wants(&self, _kind: EventKind, _pid: u32) -> bool {
        false
    }

    fn event(&mut self, _line: &[u8], _kind: EventKind, _pid: u32) -> io::Result<()> {
        Ok(())
    }

    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        self.found.insert(alert.incident, alert.clone());
        if alert.verdict >= self.least { (self.show)(line) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Watches for a while with the sampler on. Alerts of at least the verdict `least` are shown as they come; the answer
/// has every incident in its last state, the strongest first, those included that are only noted.
pub async fn scan(
    duration: Duration,
    watching: &ForegroundOptions,
    least: Verdict,
    show: ShowLines<'_>,
    progress: &mut dyn FnMut(ScanProgress),
) -> anyhow::Result<Vec<Alert>> {
    let mut scan = Scan { show, progress, least, found: BTreeMap::new() };
    let mut watching = watching.clone();
    watching.config.detection.min_verdict = Verdict::Noted;
    let mut ticks = 0;
    watch(&mut scan, Some(duration), &watching, |watch, scan| {
        (scan.progress)(progress_of(watch, ticks, scan.found.len()));
        ticks += 1;
    })
    .await?;
    let mut found: Vec<Alert> = scan.found.into_values().collect();
    found.sort_by_key(|alert| std::cmp::Reverse((alert.verdict, alert.score)));
    Ok(found)
}

fn progress_of(watch: &EventLoop, seconds: u32, incidents: usize) -> ScanProgress {
    ScanProgress {
        seconds,
        processes: watch.pipeline.engine().counters().processes,
        visits: watch.pipeline.probes.sampler_counters().visits,
        incidents,
    }
}
