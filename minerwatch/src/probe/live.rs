//! The probes on a live host.

use super::{
    Answer, Probes,
    fingerprints::Fingerprints,
    hidden::HiddenProcesses,
    inspector::Inspector,
    sampler::{Sampler, SamplerCounters},
    socket_tagging::{SocketTagger, SocketTaggingCounters},
};
use crate::{
    containers::{self, ContainerCounters, ContainerNames},
    enrich::snapshot,
    host,
    model::{BootTime, Event, EventBody, HeldSocket, Request},
};

/// All probes of this host.
#[derive(Debug)]
pub struct LiveProbes {
    /// `None` if sampling is switched off, or the kernel side does not report FPU state.
    sampler: Option<Sampler>,
    tagger: SocketTagger,
    fingerprints: Fingerprints,
    /// `None` if containers are not named.
    containers: Option<ContainerNames>,
    hidden: HiddenProcesses,
    /// `None` if its thread cannot be started.
    inspector: Option<Inspector>,
}

impl LiveProbes {
    /// Creates the probes. Without `containers`, containers are not named.
    pub fn new(
        sampler: Option<Sampler>,
        tagger: SocketTagger,
        containers: Option<ContainerNames>,
        hidden: HiddenProcesses,
        inspector: Option<Inspector>,
    ) -> Self {
        Self { sampler, tagger, fingerprints: Fingerprints::default(), containers, hidden, inspector }
    }

    /// Counters of the names of containers.
    pub fn container_counters(&self) -> ContainerCounters {
        self.containers.as_ref().map(ContainerNames::counters).unwrap_or_default()
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
            Request::Inspect(request) => {
                let is_asked = self.inspector.as_mut().is_some_and(|inspector| inspector.ask(request));
                if is_asked { Answer::Pending } else { Answer::None }
            }
            // The answer must come at once: later events of the process need the names that it decides about.
            Request::DnsRole(process) => match snapshot::dns_role(process) {
                Some(role) => Answer::Event(Box::new(Event {
                    time: host::now(),
                    subject: process.clone(),
                    body: EventBody::DnsServerRole(role),
                })),
                None => Answer::None,
            },
            Request::DescribeContainer(process) => {
                if self.containers.as_ref().is_some_and(|containers| containers.ask(process)) {
                    return Answer::Pending;
                }
                // Tells the engine that no name will come, because an alert may wait for it.
                containers::no_answer(process).map_or(Answer::None, |description| {
                    Answer::Event(Box::new(Event {
                        time: host::now(),
                        subject: process.clone(),
                        body: EventBody::ContainerDescription(Box::new(description)),
                    }))
                })
            }
        }
    }

    fn take_answers(&mut self, now: BootTime, found: &mut Vec<Event>) {
        if let Some(containers) = &self.containers {
            containers.take_answers(now, found);
        }
        if let Some(inspector) = &self.inspector {
            inspector.take_answers(now, found);
        }
    }

    fn tick(&mut self, now: BootTime, found: &mut Vec<Event>) {
        self.tagger.tick(now);
        found.extend(self.fingerprints.tick(now));
        self.hidden.tick(now, found);
    }
}
