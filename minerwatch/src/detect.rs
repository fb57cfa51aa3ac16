//! What speaks against a process: one file per signal, weights and thresholds in one table.
//!
//! A detector looks at one event in the light of the process table and says what it found. What the
//! findings of several processes mean together is the business of [`crate::incident`].

pub mod behavior;
pub mod compute;
pub mod network;

mod bounded;
mod finding;
mod places;
mod wallet;
mod weights;
mod written;

use std::sync::Arc;

use crate::{
    intel,
    model::{BootTime, Event, EventBody, Flow, Payload, ProcessKey, Subject},
    process::{Process, ProcessTable},
};

pub use compute::LoadThresholds;
pub use finding::{Fact, Finding, THRESHOLD_SUFFIX};
pub use places::Place;
pub use weights::{SignalInfo, catalogue, tuning};
pub use written::{WrittenFile, WrittenFiles};

pub(crate) use weights::signals;

/// What a detector sees.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What happened.
    pub event: &'a Event,
    /// To whom, as of now (an exec's new image already in place).
    pub process: &'a Process,
    /// Everybody else.
    pub table: &'a ProcessTable,
    /// Processors of the host, at least 1.
    pub processors: u32,
}

impl Scene<'_> {
    /// When it happened.
    pub fn at(&self) -> BootTime {
        self.event.time
    }

    /// The process it happened to.
    pub fn key(&self) -> ProcessKey {
        self.event.subject.key
    }
}

/// All detectors, and what they remember between events.
#[derive(Debug)]
pub struct Detectors {
    written: WrittenFiles,
    scheduling: compute::Scheduling,
    rounding: compute::RoundingWitness,
    memory: compute::MemoryWitness,
    conversations: network::wire::Conversations,
    cadences: network::Cadences,
    anonymous_tls: network::AnonymousTls,
    names: network::Names,
    private_dns: network::PrivateDns,
    dns_tunnels: network::DnsTunnels,
}

impl Default for Detectors {
    fn default() -> Self {
        Self::new(LoadThresholds::default())
    }
}

impl Detectors {
    /// Detectors that know nothing yet.
    pub fn new(load: LoadThresholds) -> Self {
        Self {
            written: WrittenFiles::new(tuning::WRITTEN_FILES),
            scheduling: compute::Scheduling::new(load),
            rounding: compute::RoundingWitness::new(tuning::ROUNDING_PROCESSES),
            memory: compute::MemoryWitness::new(tuning::MEMORY_PROCESSES),
            conversations: network::wire::Conversations::default(),
            cadences: network::Cadences::default(),
            anonymous_tls: network::AnonymousTls::default(),
            names: network::Names::new(Arc::new(intel::built_in())),
            private_dns: network::PrivateDns::default(),
            dns_tunnels: network::DnsTunnels::default(),
        }
    }

    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, scene: &Scene<'_>, findings: &mut Vec<Finding>) {
        match &scene.event.body {
            EventBody::Exec(_) => {
                findings.extend(behavior::service_downloader(scene));
                findings.extend(behavior::drop_and_run(scene, &self.written));
                findings.extend(behavior::fileless(scene));
                findings.extend(behavior::kernel_name(scene));
                findings.extend(behavior::miner_command_line(scene));
                findings.extend(compute::msr_driver(scene));
                self.memory.forget(scene.key());
                self.scheduling.exec(scene);
            }
            EventBody::RunningProcess(running) => {
                if !running.kernel_thread {
                    findings.extend(behavior::fileless_at_start(scene));
                    findings.extend(behavior::kernel_name(scene));
                    findings.extend(behavior::miner_command_line(scene));
                }
            }
            EventBody::Connect(connect) => {
                findings.extend(network::pool_port(scene, connect));
                findings.extend(network::foreign_peer(scene, connect));
                findings.extend(network::suspect_connection(scene, connect));
                let destination = network::outbound(connect);
                findings.extend(destination.and_then(|destination| self.names.connected(scene, destination)));
                if connect.result == 0 {
                    self.scheduling.opened(scene.key(), connect.flow.protocol, scene.at());
                }
            }
            EventBody::RunningFlow(flow) => {
                findings.extend(network::pool_port_at_start(scene, flow));
                findings.extend(network::foreign_peer_at_start(scene, flow));
                let destination = network::outbound_at_start(flow);
                findings.extend(destination.and_then(|destination| self.names.connected(scene, destination)));
                self.scheduling.opened(scene.key(), flow.protocol, scene.at());
            }
            EventBody::Close(close) => {
                self.scheduling.closed(scene.key(), close.flow.protocol, scene.at());
                self.cadences.closed(scene, close);
            }
            EventBody::File(change) => {
                self.written.observe(scene, change);
                findings.extend(behavior::preload(scene, change));
                findings.extend(behavior::persistence(scene, change));
                findings.extend(compute::gpu(scene, change));
                findings.extend(compute::msr_opened(scene, change));
            }
            EventBody::Cpu(usage) => self.scheduling.report(scene, usage, findings),
            EventBody::Quota(quota) => findings.extend(self.scheduling.limited(scene, quota)),
            EventBody::Mapping(mapping) => findings.extend(self.memory.mapped(scene, mapping)),
            EventBody::HugePages(pool) => findings.extend(compute::huge_pages(scene, pool)),
            EventBody::Rounding(rounding) => findings.extend(self.rounding.judge(scene, rounding)),
            EventBody::Exit(_) => {
                self.scheduling.forget(scene.key());
                self.rounding.forget(scene.key());
                self.memory.forget(scene.key());
                self.conversations.forget(scene.key());
            }
            EventBody::Payload(payload) => {
                if let Some(message) = network::dns::message_in(payload) {
                    findings.extend(self.names.overheard(scene, payload, &message));
                    if self.names.is_server(scene.key(), scene.at()) != Some(true) {
                        findings.extend(self.dns_tunnels.asked(scene, &message));
                    }
                }
                if let Some(hello) = network::tls::hello_of(payload) {
                    self.cadences.greeted(scene, payload);
                    findings.extend(self.anonymous_tls.greeted(scene, payload, &hello));
                    findings.extend(self.names.greeted(scene, payload, &hello));
                    findings.extend(self.private_dns.greeted(scene, payload, &hello));
                }
                if let Some(tunnel) = network::wire::tunnel_of(payload) {
                    findings.extend(self.names.tunnelled(scene, payload, &tunnel));
                }
                self.conversations.inspect(scene, payload, findings);
            }
            EventBody::Course(course) => {
                findings.extend(self.cadences.went_on(scene, course));
                findings.extend(self.names.went_on(scene, course));
            }
            EventBody::SocketOptions(options) => {
                findings.extend(network::set_up_as_a_miner_s(scene, options));
            }
            EventBody::ServesNames(serves) => self.names.serves(scene, *serves),
            EventBody::HashedFile(hashed) => {
                findings.extend(network::listed_file(scene, self.names.indicators(), &hashed.sha256));
            }
            EventBody::Fork(_) => {}
        }
    }

    /// Whether something might be said of a payload that depends on whether its process answers for names itself, which
    /// is not known.
    pub fn wonders(&mut self, event: &Event, payload: &Payload) -> bool {
        network::dns::message_in(payload).is_some_and(|message| {
            (self.names.lists(&message) || network::carries_data(&message))
                && self.names.is_server(event.subject.key, event.time).is_none()
        })
    }

    /// What names addresses have, and the lists.
    pub fn names(&self) -> &network::Names {
        &self.names
    }

    /// The same, to look names up and to replace the lists.
    pub fn names_mut(&mut self) -> &mut network::Names {
        &mut self.names
    }

    /// The scheduling witness.
    pub fn scheduling(&self) -> &compute::Scheduling {
        &self.scheduling
    }

    /// The scheduling witness, to hand it what an earlier daemon left.
    pub fn scheduling_mut(&mut self) -> &mut compute::Scheduling {
        &mut self.scheduling
    }

    /// The processes whose CPUs should be sampled more often for a while, since the last call.
    pub fn take_undecided(&mut self) -> Vec<ProcessKey> {
        self.rounding.take_undecided()
    }

    /// The processes that were found to speak to a pool, since the last call.
    pub fn take_speakers(&mut self) -> Vec<Subject> {
        self.conversations.take_speakers()
    }

    /// The connections by TLS whose sockets should be looked at, since the last call.
    pub fn take_anonymous(&mut self) -> Vec<(Subject, Flow)> {
        self.anonymous_tls.take_waiting()
    }

    /// The connections that may be a miner's.
    pub fn conversations(&self) -> &network::wire::Conversations {
        &self.conversations
    }

    /// The connections by TLS.
    pub fn cadences(&self) -> &network::Cadences {
        &self.cadences
    }

    /// The files written lately that may be run.
    pub fn written(&self) -> &WrittenFiles {
        &self.written
    }
}
