//! The probes on a live host.

use super::{
    Answer, Probes,
    fingerprints::Fingerprints,
    hidden::HiddenProcesses,
    sampler::{Sampler, SamplerCounters},
    socket_tagging::{SocketTagger, SocketTaggingCounters},
};
use crate::{
    enrich::snapshot,
    host,
    model::{BootTime, DnsServerRole, Event, EventBody, HeldSocket, Request},
};

/// All probes of this host.
#[derive(Debug)]
pub struct LiveProbes {
    /// `None` if sampling is switched off, or the kernel side does not report FPU state.
    sampler: Option<Sampler>,
    tagger: SocketTagger,
    fingerprints: Fingerprints,
    hidden: HiddenProcesses,
}

impl LiveProbes {
    /// Creates the probes.
    pub fn new(sampler: Option<Sampler>, tagger: SocketTagger, hidden: HiddenProcesses) -> Self {
        Self { sampler, tagger, fingerprints: Fingerprints::default(), hidden }
    }

    /// Tags sockets that were open at the start. Appends a close event for each connection that has ended meanwhile.
    pub fn tag(&mut self, sockets: &[HeldSocket], ended: &mut Vec<Event>) {
        self.tagger.tag(sockets, ended);
    }

    /// Counters of the sampler.
    pub fn sampler_counters(&self) -> SamplerCounters {
        self.sampler.as_ref().map(Sampler::counters).unwrap_or_default()
    }

    /// Counters of socket tagging.
    pub fn tagging_counters(&self) -> SocketTaggingCounters {
        self.tagger.counters()
    }
}

impl Probes for LiveProbes {
    fn ask(&mut self, request: &Request) -> Answer {
        match request {
            Request::SampleRounding { process, span } => {
                if let Some(sampler) = &self.sampler {
                    sampler.boost(process.pid, *span);
                }
                Answer::Pending
            }
            Request::SocketOptions { owner, flow } => {
                let found = self.fingerprints.read(owner.clone(), *flow, host::now());
                found.map_or(Answer::Pending, |event| Answer::Event(Box::new(event)))
            }
            Request::WatchListeners(process) => {
                self.tagger.watch_listeners(process.clone());
                Answer::Pending
            }
            Request::Visibility(process) => {
                self.hidden.ask(process.clone());
                Answer::Pending
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
        self.hidden.tick(now, found);
    }
}
