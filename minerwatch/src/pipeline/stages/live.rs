//! Parts of the pipeline that only a live host needs: the enrich stage, health, wall clock, saved state and counters.

use std::{io, time::Duration};

use super::{OutputSink, Pipeline};
use crate::{
    detect::LoadHistoryState,
    engine::Engine,
    enrich::{EnrichSettings, Enricher},
    metrics::EventCounts,
    model::{BootTime, Health, Verdict, WallClock},
    probe::Probes,
};

impl<P: Probes> Pipeline<P> {
    /// Adds the enrich stage. The hashing thread calls `wake` when hashes are ready.
    #[must_use]
    pub fn enriching(mut self, settings: EnrichSettings, wake: impl Fn() + Send + 'static) -> Self {
        self.enricher = Some(Enricher::new(settings, wake));
        self
    }

    /// Processes new events of the enrich stage, such as hashes. Call this after each batch.
    pub fn process_findings(&mut self, now: BootTime, sink: &mut impl OutputSink) -> io::Result<()> {
        let mut found = std::mem::take(&mut self.found);
        if let Some(enricher) = &mut self.enricher {
            enricher.take_findings(now, &mut found);
        }
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

    /// Returns the engine, for its counters and its load history.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Restores the load history of programs, which an earlier daemon saved `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        self.engine.restore_load_history(state, now, elapsed);
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
}
