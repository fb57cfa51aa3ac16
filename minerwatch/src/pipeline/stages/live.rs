//! What a pipeline on a running host has besides: the enrich stage, health, the wall clock, state and counters.

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
    /// Adds the enrich stage. `wake` is called from another thread when hashes are ready.
    #[must_use]
    pub fn enriching(mut self, settings: EnrichSettings, wake: impl Fn() + Send + 'static) -> Self {
        self.enricher = Some(Enricher::new(settings, wake));
        self
    }

    /// Takes what was found meanwhile: hashes, and what the probes saw. Call it after each batch.
    pub fn take_findings(&mut self, now: BootTime, sink: &mut impl OutputSink) -> io::Result<()> {
        let mut found = std::mem::take(&mut self.found);
        if let Some(enricher) = &mut self.enricher {
            enricher.take_findings(now, &mut found);
        }
        let outcome = found.drain(..).try_for_each(|event| self.judge(&event, sink));
        self.found = found;
        outcome
    }

    /// Takes over what the sensor cannot see and what the kernel side lost, for alerts to come.
    pub fn set_health(&mut self, health: Health) {
        self.engine.set_health(health);
    }

    /// Takes over a wall clock that was set since.
    pub fn set_wall_clock(&mut self, clock: WallClock) {
        self.encoder.set_clock(clock);
    }

    /// How the incidents stand, a line each: all of them, or the one of this id.
    pub fn explain(&self, incident: Option<&str>) -> String {
        let mut lines = Vec::new();
        for (state, verdict) in self.engine.incidents(incident) {
            self.encoder.incident(&state, verdict, self.sequence, &mut lines);
        }
        String::from_utf8(lines).unwrap_or_default()
    }

    /// The engine, for its counters.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes over what an earlier daemon knew of the CPU use of programs, `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        self.engine.restore_load_history(state, now, elapsed);
    }

    /// Replaces the least verdict that becomes an alert.
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.engine.set_min_verdict(min_verdict);
    }

    /// The enrich stage, for its counters.
    pub fn enricher(&self) -> Option<&Enricher> {
        self.enricher.as_ref()
    }

    /// Events taken in, by kind.
    pub fn counts(&self) -> EventCounts {
        self.counts
    }

    /// Alerts that left the engine.
    pub fn alerts(&self) -> u64 {
        self.alerts
    }
}
