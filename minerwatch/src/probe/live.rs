//! The probes of a running host.

use super::{
    Answer, Probes,
    fingerprints::Fingerprints,
    sampler::{Sampler, SamplerCounters},
    socket_tagging::{SocketTagger, SocketTaggingCounters},
};
use crate::{
    enrich::snapshot,
    host,
    model::{BootTime, DnsServerRole, Event, EventBody, HeldSocket, Request},
};

/// Everything that looks at this host for the engine.
#[derive(Debug)]
pub struct LiveProbes {
    /// `None` where sampling is switched off or could show nothing.
    sampler: Option<Sampler>,
    tagger: SocketTagger,
    fingerprints: Fingerprints,
}

impl LiveProbes {
    /// Probes made of their parts.
    pub fn new(sampler: Option<Sampler>, tagger: SocketTagger) -> Self {
        Self { sampler, tagger, fingerprints: Fingerprints::default() }
    }

    /// Tags sockets that were open at the start. Appends an event for each connection that has ended meanwhile.
    pub fn tag(&mut self, sockets: &[HeldSocket], ended: &mut Vec<Event>) {
        self.tagger.tag(sockets, ended);
    }

    /// What the sampler did.
    pub fn sampler_counters(&self) -> SamplerCounters {
        self.sampler.as_ref().map(Sampler::counters).unwrap_or_default()
    }

    /// Which sockets were tagged.
    pub fn tagging_counters(&self) -> SocketTaggingCounters {
        self.tagger.counters()
    }
}

impl Probes for LiveProbes {
    fn ask(&mut self, request: &Request) -> Answer {
        match request {
            Request::SampleRounding(process) => {
                if let Some(sampler) = &self.sampler {
                    sampler.look_closer(process.pid);
                }
                Answer::UnderWay
            }
            Request::SocketOptions { owner, flow } => {
                let found = self.fingerprints.look(owner.clone(), *flow, host::now());
                found.map_or(Answer::UnderWay, |event| Answer::Event(Box::new(event)))
            }
            Request::WatchListeners(process) => {
                self.tagger.follow(process.clone());
                Answer::UnderWay
            }
            Request::DnsRole(process) => match snapshot::serves_names(process) {
                Some(serves) => Answer::Event(Box::new(Event {
                    time: host::now(),
                    subject: process.clone(),
                    body: EventBody::DnsServerRole(DnsServerRole { serves }),
                })),
                None => Answer::None,
            },
        }
    }

    fn tick(&mut self, now: BootTime, found: &mut Vec<Event>) {
        self.tagger.tick(now);
        found.extend(self.fingerprints.tick(now));
    }
}
