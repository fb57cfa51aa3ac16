//! The stages every command shares: an event is enriched, judged, encoded and handed to the outlet.

use std::{io, sync::Arc, time::Duration};

use crate::{
    detect::compute::LoadHistoryState,
    ecs::{Encoder, Observed},
    engine::{Engine, EngineSettings},
    enrich::geo::GeoDatabases,
    enrich::{EnrichSettings, Enricher, snapshot},
    host,
    intel::Indicators,
    metrics::EventCounts,
    model::{
        Alert, BootTime, DnsServerRole, Event, EventBody, EventKind, Flow, Health, ProcessKey, Subject,
        Verdict,
    },
};

/// Where events and alerts go.
pub trait OutputSink {
    /// Whether anybody wants the line of such an event, so that it need not be made for nobody.
    fn wants(&self, kind: EventKind, pid: u32) -> bool;

    /// Takes an event's line. Several may be kept together until [`OutputSink::flush`].
    fn event(&mut self, line: &[u8], kind: EventKind, pid: u32) -> io::Result<()>;

    /// Takes an alert's line.
    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()>;

    /// Takes the event itself, as a recording keeps it.
    fn raw(&mut self, event: &Event) -> io::Result<()> {
        let _ = event;
        Ok(())
    }

    /// The end of a batch: what is kept goes out.
    fn flush(&mut self) -> io::Result<()>;
}

/// Enrich, engine and encoder, with their counters.
pub struct Pipeline {
    enricher: Enricher,
    places: Option<Arc<GeoDatabases>>,
    engine: Engine,
    encoder: Encoder,
    /// What the sensor cannot see, put into every alert.
    pub health: Health,
    /// Events taken in, by kind.
    pub counts: EventCounts,
    /// Alerts that left the engine.
    pub alerts: u64,
    sequence: u64,
    line: Vec<u8>,
    pending: Vec<Alert>,
    hashes: Vec<Event>,
}

impl Pipeline {
    /// Stages that know nothing yet; `wake` is called from another thread when hashes are ready.
    pub fn new(engine: EngineSettings, enrich: EnrichSettings, wake: impl Fn() + Send + 'static) -> Self {
        Self {
            enricher: Enricher::new(enrich, wake),
            places: None,
            engine: Engine::new(engine),
            encoder: Encoder::new(host::context(), super::signal_text),
            health: Health::default(),
            counts: EventCounts::default(),
            alerts: 0,
            sequence: 0,
            line: Vec::with_capacity(4096),
            pending: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Takes one event through all stages.
    pub fn take(&mut self, mut event: Event, outlet: &mut impl OutputSink) -> io::Result<()> {
        self.enricher.enrich(&mut event);
        if let Some(places) = &self.places {
            places.add_to(&mut event);
        }
        if self.engine.needs_dns_role(&event)
            && let Some(serves) = snapshot::serves_names(&event.subject)
        {
            let body = EventBody::DnsServerRole(DnsServerRole { serves });
            self.judge(&Event { time: event.time, subject: event.subject.clone(), body }, outlet)?;
        }
        self.judge(&event, outlet)
    }

    fn judge(&mut self, event: &Event, outlet: &mut impl OutputSink) -> io::Result<()> {
        self.counts.count(event);
        outlet.raw(event)?;
        self.engine.ingest(event, &mut self.pending);
        let (kind, pid) = (event.body.kind(), event.subject.key.pid);
        if outlet.wants(kind, pid) {
            let (process, parent) = self.engine.view(event);
            let domain = self.engine.domain(event);
            let said = self.engine.said(event);
            let observed = Observed {
                event,
                process: process.as_deref(),
                parent: parent.as_deref(),
                domain: domain.as_deref(),
                said: said.as_ref(),
                sequence: self.sequence,
            };
            self.line.clear();
            if self.encoder.event(&observed, &mut self.line) {
                self.sequence += 1;
                outlet.event(&self.line, kind, pid)?;
            }
        }
        self.send_alerts(outlet)
    }

    /// Takes what the enrich stage found out since.
    pub fn take_findings(&mut self, outlet: &mut impl OutputSink) -> io::Result<()> {
        let mut hashes = std::mem::take(&mut self.hashes);
        self.enricher.take_findings(host::now(), &mut hashes);
        let outcome = hashes.drain(..).try_for_each(|event| self.judge(&event, outlet));
        self.hashes = hashes;
        outcome
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: BootTime, outlet: &mut impl OutputSink) -> io::Result<()> {
        self.encoder.set_clock(host::wall_clock());
        self.engine.tick(now, &mut self.pending);
        self.send_alerts(outlet)
    }

    fn send_alerts(&mut self, outlet: &mut impl OutputSink) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        let outcome = pending.drain(..).try_for_each(|mut alert| {
            self.alerts += 1;
            alert.latency = host::now().since(alert.time);
            alert.health = self.health.clone();
            if let Some(places) = &self.places {
                places.explain(&mut alert);
            }
            self.line.clear();
            self.encoder.alert(&alert, self.sequence, &mut self.line);
            self.sequence += 1;
            outlet.alert(&self.line, &alert)
        });
        self.pending = pending;
        outcome
    }

    /// The processes that need more looks at their arithmetic, since the last call.
    pub fn take_undecided(&mut self) -> Vec<ProcessKey> {
        self.engine.take_undecided()
    }

    /// The processes that were found to speak to a pool, since the last call.
    pub fn take_pool_clients(&mut self) -> Vec<Subject> {
        self.engine.take_pool_clients()
    }

    /// The connections by TLS whose sockets should be looked at, since the last call.
    pub fn take_anonymous(&mut self) -> Vec<(Subject, Flow)> {
        self.engine.take_anonymous()
    }

    /// What the kernel side lost so far, for alerts to come.
    pub fn set_lost(&mut self, lost: impl Iterator<Item = (&'static str, u64)>) {
        self.health.lost.clear();
        self.health
            .lost
            .extend(lost.filter(|(_, count)| *count > 0).map(|(kind, count)| (Arc::from(kind), count)));
    }

    /// How the incidents stand, a line each: all of them, or the one of this id.
    pub fn explain(&self, incident: Option<&str>) -> String {
        let mut lines = Vec::new();
        for (mut state, verdict) in self.engine.incidents(incident) {
            state.health = self.health.clone();
            if let Some(places) = &self.places {
                places.explain(&mut state);
            }
            self.encoder.incident(&state, verdict, self.sequence, &mut lines);
        }
        String::from_utf8(lines).unwrap_or_default()
    }

    /// The engine, for its counters.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes over what an earlier daemon knew of the CPU use of programs, `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, elapsed: Duration) {
        self.engine.restore_load_history(state, host::now(), elapsed);
    }

    /// Replaces the lists of indicators.
    pub fn set_indicators(&mut self, indicators: Arc<Indicators>) {
        self.engine.set_indicators(indicators);
    }

    /// Replaces the databases of countries and networks.
    pub fn set_places(&mut self, places: Option<Arc<GeoDatabases>>) {
        self.places = places;
    }

    /// Replaces the least verdict that becomes an alert.
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.engine.set_min_verdict(min_verdict);
    }

    /// The enrich stage, for its counters.
    pub fn enricher(&self) -> &Enricher {
        &self.enricher
    }
}
