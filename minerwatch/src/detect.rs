//! What speaks against a process: one file per signal, weights and thresholds in one table.
//!
//! A detector looks at one event in the light of the process table and says what it found. What the
//! findings of several processes mean together is the business of [`crate::incident`].

pub mod behavior;
pub mod compute;
pub mod network;

mod bounded;
mod finding;
mod path_kind;
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
pub use path_kind::PathKind;
pub use weights::{SignalInfo, catalogue, tuning};
pub use written::{WrittenFile, WrittenFiles};

pub(crate) use weights::signals;

/// What a detector sees.
#[derive(Clone, Copy, Debug)]
pub struct DetectionContext<'a> {
    /// What happened.
    pub event: &'a Event,
    /// To whom, as of now (an exec's new image already in place).
    pub process: &'a Process,
    /// Everybody else.
    pub table: &'a ProcessTable,
    /// Processors of the host, at least 1.
    pub processors: u32,
}

impl DetectionContext<'_> {
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
    stratum_sessions: network::wire::StratumSessions,
    beaconing: network::Beaconing,
    tls_without_sni: network::TlsWithoutSni,
    names: network::Names,
    encrypted_dns: network::EncryptedDns,
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
            stratum_sessions: network::wire::StratumSessions::default(),
            beaconing: network::Beaconing::default(),
            tls_without_sni: network::TlsWithoutSni::default(),
            names: network::Names::new(Arc::new(intel::built_in())),
            encrypted_dns: network::EncryptedDns::default(),
            dns_tunnels: network::DnsTunnels::default(),
        }
    }

    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Vec<Finding>) {
        match &context.event.body {
            EventBody::Exec(_) => {
                findings.extend(behavior::service_downloader(context));
                findings.extend(behavior::drop_and_run(context, &self.written));
                findings.extend(behavior::fileless(context));
                findings.extend(behavior::kernel_name(context));
                findings.extend(behavior::miner_command_line(context));
                findings.extend(compute::msr_driver(context));
                self.memory.forget(context.key());
                self.scheduling.exec(context);
            }
            EventBody::RunningProcess(running) => {
                if !running.kernel_thread {
                    findings.extend(behavior::fileless_at_start(context));
                    findings.extend(behavior::kernel_name(context));
                    findings.extend(behavior::miner_command_line(context));
                }
            }
            EventBody::Connect(connect) => {
                findings.extend(network::pool_port(context, connect));
                findings.extend(network::foreign_peer(context, connect));
                findings.extend(network::suspect_connection(context, connect));
                let destination = network::outbound(connect);
                findings
                    .extend(destination.and_then(|destination| self.names.connected(context, destination)));
                if connect.result == 0 {
                    self.scheduling.opened(context.key(), connect.flow.protocol, context.at());
                }
            }
            EventBody::RunningFlow(flow) => {
                findings.extend(network::pool_port_at_start(context, flow));
                findings.extend(network::foreign_peer_at_start(context, flow));
                let destination = network::outbound_at_start(flow);
                findings
                    .extend(destination.and_then(|destination| self.names.connected(context, destination)));
                self.scheduling.opened(context.key(), flow.protocol, context.at());
            }
            EventBody::Close(close) => {
                self.scheduling.closed(context.key(), close.flow.protocol, context.at());
                self.beaconing.closed(context, close);
            }
            EventBody::File(change) => {
                self.written.observe(context, change);
                findings.extend(behavior::preload(context, change));
                findings.extend(behavior::persistence(context, change));
                findings.extend(compute::gpu(context, change));
                findings.extend(compute::msr_opened(context, change));
            }
            EventBody::Cpu(usage) => self.scheduling.report(context, usage, findings),
            EventBody::Quota(quota) => findings.extend(self.scheduling.limited(context, quota)),
            EventBody::Mapping(mapping) => findings.extend(self.memory.mapped(context, mapping)),
            EventBody::HugePages(pool) => findings.extend(compute::huge_pages(context, pool)),
            EventBody::Rounding(rounding) => findings.extend(self.rounding.judge(context, rounding)),
            EventBody::Exit(_) => {
                self.scheduling.forget(context.key());
                self.rounding.forget(context.key());
                self.memory.forget(context.key());
                self.stratum_sessions.forget(context.key());
            }
            EventBody::Payload(payload) => {
                if let Some(message) = network::dns::message_in(payload) {
                    findings.extend(self.names.overheard(context, payload, &message));
                    if self.names.is_server(context.key(), context.at()) != Some(true) {
                        findings.extend(self.dns_tunnels.asked(context, &message));
                    }
                }
                if let Some(hello) = network::tls::hello_of(payload) {
                    self.beaconing.greeted(context, payload);
                    findings.extend(self.tls_without_sni.greeted(context, payload, &hello));
                    findings.extend(self.names.greeted(context, payload, &hello));
                    findings.extend(self.encrypted_dns.greeted(context, payload, &hello));
                }
                if let Some(tunnel) = network::wire::tunnel_of(payload) {
                    findings.extend(self.names.tunnelled(context, payload, &tunnel));
                }
                self.stratum_sessions.inspect(context, payload, findings);
            }
            EventBody::FlowUpdate(course) => {
                findings.extend(self.beaconing.went_on(context, course));
                findings.extend(self.names.went_on(context, course));
            }
            EventBody::SocketOptions(options) => {
                findings.extend(network::matches_xmrig_sockopts(context, options));
            }
            EventBody::DnsServerRole(serves) => self.names.serves(context, *serves),
            EventBody::HashedFile(hashed) => {
                findings.extend(network::listed_file(context, self.names.indicators(), &hashed.sha256));
            }
            EventBody::Fork(_) => {}
        }
    }

    /// Whether something might be said of a payload that depends on whether its process answers for names itself, which
    /// is not known.
    pub fn needs_dns_role(&mut self, event: &Event, payload: &Payload) -> bool {
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
    pub fn take_pool_clients(&mut self) -> Vec<Subject> {
        self.stratum_sessions.take_pool_clients()
    }

    /// The connections by TLS whose sockets should be looked at, since the last call.
    pub fn take_anonymous(&mut self) -> Vec<(Subject, Flow)> {
        self.tls_without_sni.take_waiting()
    }

    /// The connections that may be a miner's.
    pub fn stratum_sessions(&self) -> &network::wire::StratumSessions {
        &self.stratum_sessions
    }

    /// The connections by TLS.
    pub fn beaconing(&self) -> &network::Beaconing {
        &self.beaconing
    }

    /// The files written lately that may be run.
    pub fn written(&self) -> &WrittenFiles {
        &self.written
    }
}
