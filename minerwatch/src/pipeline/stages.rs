//! The stages that all commands share. An event is enriched, dissected, passed to the engine, encoded, and given to the
//! sink.
//!
//! Events come from the kernel's rings or from a recording. [`Probes`] answer requests of the engine with further
//! events.

#[cfg(feature = "sensor")]
mod live;

use std::{collections::VecDeque, io, sync::Arc};

use crate::{
    dissect::Dissector,
    ecs::{Encoder, EncoderSettings, Observed},
    engine::{Engine, EngineSettings},
    enrich::{Enricher, geo::GeoDatabases},
    except::ExceptionSet,
    intel::Indicators,
    metrics::{AlertCounts, EventCounts, LatencyMetrics},
    model::{Alert, BootTime, Effect, Event, EventKind, Observation, Request, Verdict, WallClock, Wanted},
    probe::{Answer, Probes},
};

/// The destination of events and alerts. By default, a sink wants no events, and drops what it gets.
pub trait OutputSink {
    /// Returns whether the sink wants the line of such an event. If not, the event is not encoded.
    fn wants(&self, kind: EventKind, pid: u32) -> bool {
        let _ = (kind, pid);
        false
    }

    /// Returns whether the sink also wants the events of processes that belong to a reported incident.
    fn wants_incident_events(&self) -> bool {
        false
    }

    /// Takes an event as a line of JSON. The sink may buffer the line until [`OutputSink::flush`].
    fn event(&mut self, line: &[u8], about: EventInfo) -> io::Result<()> {
        let _ = (line, about);
        Ok(())
    }

    /// Takes an alert and its line of JSON. The sink may keep the line until [`OutputSink::send_alerts`].
    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        let _ = (line, alert);
        Ok(())
    }

    /// Takes a confirmation for the response, and its line of JSON.
    fn confirmed(&mut self, line: &[u8], alert: &Alert) {
        let _ = (line, alert);
    }

    /// Takes the line of an event about the daemon itself, such as its heartbeat. Drops it by default.
    fn agent_event(&mut self, line: &[u8]) -> io::Result<()> {
        let _ = line;
        Ok(())
    }

    /// Takes the line of an alert about the daemon itself. Drops it by default.
    fn agent_alert(&mut self, line: &[u8]) -> io::Result<()> {
        let _ = line;
        Ok(())
    }

    /// Takes the line of an event about the response to an incident, whose suspect has this pid. Drops it by default.
    fn response(&mut self, line: &[u8], pid: u32) -> io::Result<()> {
        let _ = (line, pid);
        Ok(())
    }

    /// Takes every event in its original form, for a recording. Does nothing by default.
    fn raw(&mut self, event: &Event) -> io::Result<()> {
        let _ = event;
        Ok(())
    }

    /// Sends the alerts of the batch. The state of the incidents in `engine` is to be stored before an alert leaves, so
    /// that a kill in between repeats no alert. Does nothing by default.
    fn send_alerts(&mut self, engine: &mut Engine) {
        let _ = engine;
    }

    /// Writes the buffered lines, at the end of a batch.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a sink needs to know about an event beside its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventInfo {
    /// The kind of the event.
    pub kind: EventKind,
    /// The process id.
    pub pid: u32,
    /// Whether the process belongs to a reported incident.
    pub is_of_incident: bool,
}

/// Settings of a [`Pipeline`].
pub struct PipelineSettings {
    /// Settings of the engine.
    pub engine: EngineSettings,
    /// Settings of the encoder.
    pub encoder: EncoderSettings,
}

/// The stages of the pipeline and their counters.
pub struct Pipeline<P> {
    /// `None` in a replay, because the events were enriched when they were recorded.
    enricher: Option<Enricher>,
    geo: Option<Arc<GeoDatabases>>,
    dissector: Dissector,
    engine: Engine,
    /// Answers the engine's requests.
    pub probes: P,
    encoder: Encoder,
    counts: EventCounts,
    alerts: u64,
    alert_counts: AlertCounts,
    /// Latencies of events and alerts.
    pub latency: LatencyMetrics,
    sequence: u64,
    /// The current line. This buffer and the next three are fields so that their memory is reused.
    line: Vec<u8>,
    /// Effects of the current event.
    effects: Vec<Effect>,
    /// Answers that have not been passed to the engine yet.
    answers: VecDeque<Event>,
    /// Events from the probes and from the enrich stage.
    found: Vec<Event>,
}

impl<P: Probes> Pipeline<P> {
    /// Creates a pipeline without an enrich stage; see [`Self::enriching`].
    pub fn new(settings: PipelineSettings, probes: P) -> Self {
        let PipelineSettings { engine, encoder } = settings;
        Self {
            enricher: None,
            geo: None,
            dissector: Dissector::new(engine.accounts.clone()),
            engine: Engine::new(engine),
            probes,
            encoder: Encoder::new(&encoder, super::signal_text),
            counts: EventCounts::default(),
            alerts: 0,
            alert_counts: AlertCounts::default(),
            latency: LatencyMetrics::default(),
            sequence: 0,
            line: Vec::with_capacity(4096),
            effects: Vec::new(),
            answers: VecDeque::new(),
            found: Vec::new(),
        }
    }

    /// Passes one event through all stages. The event is enriched in place, because a copy would cost as much as a
    /// detector.
    pub fn process(&mut self, event: &mut Event, sink: &mut impl OutputSink) -> io::Result<()> {
        if let Some(enricher) = &mut self.enricher {
            enricher.enrich(event);
        }
        if let Some(geo) = &self.geo {
            geo.add_to(event);
        }
        self.dissector.dissect(event);
        self.analyze(event, sink)
    }

    /// Passes the time to the probes and the engine. Call it once per [`super::TICK`].
    pub fn tick(&mut self, now: BootTime, sink: &mut impl OutputSink) -> io::Result<()> {
        let mut found = std::mem::take(&mut self.found);
        self.probes.tick(now, &mut found);
        let outcome = found.drain(..).try_for_each(|mut event| self.process(&mut event, sink));
        self.found = found;
        outcome?;
        self.engine.tick(now, &mut self.effects);
        self.apply_effects(None, sink)?;
        self.analyze_answers(sink)
    }

    /// Lets the sink write what it buffered. Call this after each batch.
    pub fn flush(&mut self, sink: &mut impl OutputSink) -> io::Result<()> {
        sink.send_alerts(&mut self.engine);
        sink.flush()
    }

    /// Passes an event to the engine, and then the answers to the engine's requests.
    fn analyze(&mut self, event: &Event, sink: &mut impl OutputSink) -> io::Result<()> {
        self.analyze_one(event, sink)?;
        self.analyze_answers(sink)
    }

    fn analyze_answers(&mut self, sink: &mut impl OutputSink) -> io::Result<()> {
        while let Some(answer) = self.answers.pop_front() {
            self.analyze_one(&answer, sink)?;
        }
        Ok(())
    }

    fn analyze_one(&mut self, event: &Event, sink: &mut impl OutputSink) -> io::Result<()> {
        self.counts.count(event);
        sink.raw(event)?;
        let wanted = if sink.wants(event.body.kind(), event.subject.key.pid) {
            Wanted::Yes
        } else if sink.wants_incident_events() {
            Wanted::OfIncident
        } else {
            Wanted::No
        };
        self.engine.ingest(event, wanted, &mut self.effects);
        self.apply_effects(Some(event), sink)
    }

    /// Applies the engine's effects: writes lines and passes requests to the probes.
    fn apply_effects(&mut self, event: Option<&Event>, sink: &mut impl OutputSink) -> io::Result<()> {
        while !self.effects.is_empty() {
            let mut effects = std::mem::take(&mut self.effects);
            let outcome = effects.drain(..).try_for_each(|effect| match effect {
                Effect::Observed(observation) => {
                    event.map_or(Ok(()), |event| self.write_event(event, &observation, sink))
                }
                Effect::Alert(alert) => self.write_alert(&alert, sink),
                Effect::Confirmed(alert) => {
                    self.line.clear();
                    self.encoder.alert(&alert, self.sequence, &mut self.line);
                    sink.confirmed(&self.line, &alert);
                    Ok(())
                }
                Effect::Request(request) => {
                    self.ask(&request);
                    Ok(())
                }
            });
            // An unanswered request may have caused more effects. If not, reuse the memory of the empty vector.
            if self.effects.is_empty() {
                self.effects = effects;
                return outcome;
            }
            outcome?;
        }
        Ok(())
    }

    fn ask(&mut self, request: &Request) {
        match self.probes.ask(request) {
            Answer::Event(event) => self.answers.push_back(*event),
            Answer::Pending => {}
            Answer::None => self.engine.unanswered(request, &mut self.effects),
        }
    }

    fn write_event(
        &mut self,
        event: &Event,
        observation: &Observation,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        let Observation { process, parent, domain, incident } = observation;
        let observed = Observed {
            event,
            process: process.as_deref(),
            parent: parent.as_deref(),
            domain: domain.as_deref(),
            incident: *incident,
            sequence: self.sequence,
        };
        self.line.clear();
        if self.encoder.event(&observed, &mut self.line) {
            self.sequence += 1;
            let about = EventInfo {
                kind: event.body.kind(),
                pid: event.subject.key.pid,
                is_of_incident: incident.is_some(),
            };
            sink.event(&self.line, about)?;
        }
        Ok(())
    }

    fn write_alert(&mut self, alert: &Alert, sink: &mut impl OutputSink) -> io::Result<()> {
        self.alerts += 1;
        self.alert_counts.count(alert);
        self.latency.alert.record(alert.latency);
        self.line.clear();
        self.encoder.alert(alert, self.sequence, &mut self.line);
        self.sequence += 1;
        sink.alert(&self.line, alert)
    }

    /// Returns the open incidents, highest score first. The verdict is `None` below [`Verdict::Noted`].
    pub fn incidents(&self) -> Vec<(Alert, Option<Verdict>)> {
        self.engine.incidents(None)
    }

    /// Replaces the lists of indicators.
    pub fn set_indicators(&mut self, indicators: Arc<Indicators>) {
        self.engine.set_indicators(indicators);
    }

    /// Replaces the exceptions. `clock` decides which have expired.
    pub fn set_exceptions(&mut self, exceptions: Arc<ExceptionSet>, clock: WallClock) {
        self.engine.set_exceptions(exceptions, clock);
    }

    /// Replaces the databases of countries and networks.
    pub fn set_geo(&mut self, geo: Option<Arc<GeoDatabases>>) {
        self.geo = geo;
    }
}
