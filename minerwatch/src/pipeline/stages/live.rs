//! Parts of the pipeline that only a live host needs: the enrich stage, health, wall clock, saved state and counters.

use std::{io, sync::Arc, time::Duration};

use anyhow::bail;
use rustc_hash::FxHashSet;

use super::{OutputSink, Pipeline};
use crate::{
    control::WatchRequest,
    detect::LoadHistoryState,
    engine::Engine,
    enrich::{EnrichSettings, Enricher},
    incident::{IncidentLimits, IncidentState},
    metrics::{AlertCounts, EventCounts},
    model::{AgentReport, BootTime, Health, ProcessKey, ProcessView, ResponseReport, Verdict, WallClock},
    probe::Probes,
};

impl<P: Probes> Pipeline<P> {
    /// Adds the enrich stage. The hashing thread calls `wake` when hashes are ready.
    #[must_use]
    pub fn enriching(mut self, settings: EnrichSettings, wake: impl Fn() + Send + 'static) -> Self {
        self.enricher = Some(Enricher::new(settings, wake));
        self
    }

    /// Processes new events of the enrich stage, such as hashes, and answers of the probes. Call this after each batch.
    pub fn process_findings(&mut self, now: BootTime, sink: &mut impl OutputSink) -> io::Result<()> {
        let mut found = std::mem::take(&mut self.found);
        if let Some(enricher) = &mut self.enricher {
            enricher.take_findings(now, &mut found);
        }
        self.probes.take_answers(now, &mut found);
        let outcome = found.drain(..).try_for_each(|event| self.analyze(&event, sink));
        self.found = found;
        outcome
    }

    /// Replaces the health of the sensor, which later alerts contain.
    pub fn set_health(&mut self, health: Health) {
        self.engine.set_health(health);
    }

    /// Replaces the wall clock, because the clock of the host may have been set.
    pub fn set_wall_clock(&mut self, clock: WallClock) {
        self.encoder.set_clock(clock);
        self.engine.set_wall_clock(clock);
    }

    /// Returns the state of all incidents, or only of `incident`, with one JSON object per line.
    pub fn explain(&self, incident: Option<&str>) -> String {
        let mut lines = Vec::new();
        for (state, verdict) in self.engine.incidents(incident) {
            self.encoder.incident(&state, verdict, self.sequence, &mut lines);
        }
        String::from_utf8(lines).unwrap_or_default()
    }

    /// Watches an incident for a return, or ends the watch. Returns what is watched, with one JSON object per line: the
    /// incident, or all of them if the request names none.
    ///
    /// # Errors
    ///
    /// The incident cannot be watched.
    pub fn watch(
        &mut self,
        request: &WatchRequest,
        now: BootTime,
        sink: &mut impl OutputSink,
    ) -> anyhow::Result<String> {
        let WatchRequest { incident, seconds, end } = request;
        let watched = match incident {
            None => self.engine.watched_incidents(),
            Some(id) if *end => {
                if !self.engine.end_watch(id) {
                    bail!("incident {id} is not watched; `minerwatch watch-clean` lists those that are");
                }
                Vec::new()
            }
            Some(id) => {
                let span = seconds.map_or(IncidentLimits::WATCH, Duration::from_secs);
                let watched = self.engine.watch_clean(id, span, now, &mut self.effects);
                self.apply_effects(None, sink)?;
                vec![watched?]
            }
        };
        let mut lines = Vec::new();
        for incident in &watched {
            self.encoder.watched(incident, &mut lines);
        }
        Ok(String::from_utf8(lines).unwrap_or_default())
    }

    /// Returns the engine, for its counters and its load history.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Restores the load history of programs, which an earlier daemon saved `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        self.engine.restore_load_history(state, now, elapsed);
    }

    /// Returns the engine, for storing its incidents.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Restores the incidents that an earlier daemon stored on this boot. `living` are the processes that still run.
    pub fn restore_incidents(
        &mut self,
        state: IncidentState,
        living: &FxHashSet<ProcessKey>,
        now: BootTime,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        self.engine.restore_incidents(state, |key| living.contains(&key), now, &mut self.effects);
        self.apply_effects(None, sink)
    }

    /// Lets the restored incidents go on, or closes them. Call it after the snapshot of the host.
    pub fn reconcile_incidents(&mut self, now: BootTime, sink: &mut impl OutputSink) -> io::Result<()> {
        self.engine.reconcile_incidents(now, &mut self.effects);
        self.apply_effects(None, sink)
    }

    /// Closes the incidents of an earlier boot, and watches them. It is `wall` on the wall clock and `now` on the boot
    /// clock. Their alerts have the id and the clock of that
    /// boot, because their times and process ids have a meaning only there.
    pub fn end_incidents(
        &mut self,
        state: IncidentState,
        boot_id: Arc<str>,
        clock: WallClock,
        wall: i128,
        now: BootTime,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        let ended = BootTime(u64::try_from(wall.saturating_sub(clock.boot)).unwrap_or(0));
        self.engine.end_incidents(state, ended, now, &mut self.effects);
        let encoder = self.encoder.of_boot(boot_id, clock);
        let of_this_boot = std::mem::replace(&mut self.encoder, encoder);
        let outcome = self.apply_effects(None, sink);
        self.encoder = of_this_boot;
        outcome
    }

    /// Sets the lowest verdict that causes an alert.
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.engine.set_min_verdict(min_verdict);
    }

    /// Returns the enrich stage, for its counters.
    pub fn enricher(&self) -> Option<&Enricher> {
        self.enricher.as_ref()
    }

    /// Events processed, by kind.
    pub fn counts(&self) -> EventCounts {
        self.counts
    }

    /// Number of alerts sent.
    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    /// The alerts sent, by action and verdict.
    pub fn alert_counts(&self) -> AlertCounts {
        self.alert_counts
    }

    /// Tells the sink what the response did. `suspect` is the process that the response is about, if it is known.
    pub fn response(
        &mut self,
        report: &ResponseReport,
        suspect: Option<&ProcessView>,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        self.line.clear();
        self.encoder.response(report, suspect, self.sequence, &mut self.line);
        self.sequence += 1;
        sink.response(&self.line, suspect.map_or(0, |suspect| suspect.key.pid))
    }

    /// Tells the sink what the daemon says about itself.
    pub fn report(&mut self, report: &AgentReport, sink: &mut impl OutputSink) -> io::Result<()> {
        self.line.clear();
        self.encoder.report(report, self.sequence, &mut self.line);
        self.sequence += 1;
        if report.news.is_alert() { sink.agent_alert(&self.line) } else { sink.agent_event(&self.line) }
    }
}
