//! The stages that every command shares: an event is enriched, dissected, judged, encoded and handed to the sink.
//!
//! Events come from the kernel's rings or from a recording; what the engine asks for is looked up by [`Probes`] and comes
//! back as an event.

#[cfg(feature = "sensor")]
mod live;

use std::{collections::VecDeque, io, sync::Arc};

use crate::{
    dissect::Dissector,
    ecs::{Encoder, HostContext, Observed},
    engine::{Engine, EngineSettings},
    enrich::{Enricher, geo::GeoDatabases},
    intel::Indicators,
    metrics::EventCounts,
    model::{Alert, BootTime, Effect, Event, EventKind, Observation, Request},
    probe::{Answer, Probes},
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

/// What a [`Pipeline`] is made with.
pub struct PipelineSettings {
    /// For the engine.
    pub engine: EngineSettings,
    /// What is the same in every object that is written.
    pub host: HostContext,
}

/// The stages, with their counters.
pub struct Pipeline<P> {
    /// `None` for a recording, whose events were enriched when they were recorded.
    enricher: Option<Enricher>,
    geo: Option<Arc<GeoDatabases>>,
    dissector: Dissector,
    engine: Engine,
    /// What looks at the world for the engine.
    pub probes: P,
    encoder: Encoder,
    counts: EventCounts,
    alerts: u64,
    sequence: u64,
    /// Room that is kept: a line, the effects of an event, events that wait to be judged, what was found meanwhile.
    line: Vec<u8>,
    effects: Vec<Effect>,
    answers: VecDeque<Event>,
    found: Vec<Event>,
}

impl<P: Probes> Pipeline<P> {
    /// Stages that know nothing yet.
    pub fn new(settings: PipelineSettings, probes: P) -> Self {
        let PipelineSettings { engine, host } = settings;
        Self {
            enricher: None,
            geo: None,
            dissector: Dissector::default(),
            engine: Engine::new(engine),
            probes,
            encoder: Encoder::new(host, super::signal_text),
            counts: EventCounts::default(),
            alerts: 0,
            sequence: 0,
            line: Vec::with_capacity(4096),
            effects: Vec::new(),
            answers: VecDeque::new(),
            found: Vec::new(),
        }
    }

    /// Takes one event through all stages.
    pub fn take(&mut self, mut event: Event, sink: &mut impl OutputSink) -> io::Result<()> {
        if let Some(enricher) = &mut self.enricher {
            enricher.enrich(&mut event);
        }
        if let Some(geo) = &self.geo {
            geo.add_to(&mut event);
        }
        self.dissector.dissect(&mut event);
        self.judge(&event, sink)
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: BootTime, sink: &mut impl OutputSink) -> io::Result<()> {
        let mut found = std::mem::take(&mut self.found);
        self.probes.tick(now, &mut found);
        let outcome = found.drain(..).try_for_each(|event| self.take(event, sink));
        self.found = found;
        outcome?;
        self.engine.tick(now, &mut self.effects);
        self.follow_up(None, sink)?;
        self.judge_answers(sink)
    }

    /// Judges an event, and the answers to what the engine asks because of it.
    fn judge(&mut self, event: &Event, sink: &mut impl OutputSink) -> io::Result<()> {
        self.judge_one(event, sink)?;
        self.judge_answers(sink)
    }

    fn judge_answers(&mut self, sink: &mut impl OutputSink) -> io::Result<()> {
        while let Some(answer) = self.answers.pop_front() {
            self.judge_one(&answer, sink)?;
        }
        Ok(())
    }

    fn judge_one(&mut self, event: &Event, sink: &mut impl OutputSink) -> io::Result<()> {
        self.counts.count(event);
        sink.raw(event)?;
        let wanted = sink.wants(event.body.kind(), event.subject.key.pid);
        self.engine.ingest(event, wanted, &mut self.effects);
        self.follow_up(Some(event), sink)
    }

    /// Does what the engine wants done.
    fn follow_up(&mut self, event: Option<&Event>, sink: &mut impl OutputSink) -> io::Result<()> {
        while !self.effects.is_empty() {
            let mut effects = std::mem::take(&mut self.effects);
            let outcome = effects.drain(..).try_for_each(|effect| match effect {
                Effect::Observed(observation) => {
                    event.map_or(Ok(()), |event| self.show(event, &observation, sink))
                }
                Effect::Alert(alert) => self.send(&alert, sink),
                Effect::Request(request) => {
                    self.ask(&request);
                    Ok(())
                }
            });
            // What unanswered requests led to comes next; else the room is kept.
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
            Answer::UnderWay => {}
            Answer::None => self.engine.unanswered(request, &mut self.effects),
        }
    }

    fn show(
        &mut self,
        event: &Event,
        observation: &Observation,
        sink: &mut impl OutputSink,
    ) -> io::Result<()> {
        let Observation { process, parent, domain } = observation;
        let observed = Observed {
            event,
            process: process.as_deref(),
            parent: parent.as_deref(),
            domain: domain.as_deref(),
            sequence: self.sequence,
        };
        self.line.clear();
        if self.encoder.event(&observed, &mut self.line) {
            self.sequence += 1;
            sink.event(&self.line, event.body.kind(), event.subject.key.pid)?;
        }
        Ok(())
    }

    fn send(&mut self, alert: &Alert, sink: &mut impl OutputSink) -> io::Result<()> {
        self.alerts += 1;
        self.line.clear();
        self.encoder.alert(alert, self.sequence, &mut self.line);
        self.sequence += 1;
        sink.alert(&self.line, alert)
    }

    /// Replaces the lists of indicators.
    pub fn set_indicators(&mut self, indicators: Arc<Indicators>) {
        self.engine.set_indicators(indicators);
    }

    /// Replaces the databases of countries and networks.
    pub fn set_geo(&mut self, geo: Option<Arc<GeoDatabases>>) {
        self.geo = geo;
    }
}
