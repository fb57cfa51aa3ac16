//! INTERIM: what is not in the list yet; goes away file by file.

use std::sync::Arc;

use super::{DetectionContext, Findings, network};
use crate::{
    intel,
    model::{EventBody, Request},
};

/// INTERIM: the detectors that are not in the list yet.
#[derive(Debug)]
pub struct Interim {
    pub stratum_sessions: network::wire::StratumSessions,
    pub beaconing: network::Beaconing,
    pub tls_without_sni: network::TlsWithoutSni,
    pub names: network::Names,
    pub encrypted_dns: network::EncryptedDns,
    pub dns_tunnels: network::DnsTunnels,
}

impl Interim {
    /// Detectors that know nothing yet.
    pub fn new() -> Self {
        Self {
            stratum_sessions: network::wire::StratumSessions::default(),
            beaconing: network::Beaconing::default(),
            tls_without_sni: network::TlsWithoutSni::default(),
            names: network::Names::new(Arc::new(intel::built_in())),
            encrypted_dns: network::EncryptedDns::default(),
            dns_tunnels: network::DnsTunnels::default(),
        }
    }

    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, context: &DetectionContext<'_>, out: &mut Findings) {
        let findings = out.found_mut();
        match &context.event.body {
            EventBody::Connect(connect) => {
                findings.extend(network::pool_port(context, connect));
                findings.extend(network::foreign_peer(context, connect));
                findings.extend(network::suspect_connection(context, connect));
                let destination = network::outbound(connect);
                findings
                    .extend(destination.and_then(|destination| self.names.connected(context, destination)));
            }
            EventBody::RunningFlow(flow) => {
                findings.extend(network::pool_port_at_start(context, flow));
                findings.extend(network::foreign_peer_at_start(context, flow));
                let destination = network::outbound_at_start(flow);
                findings
                    .extend(destination.and_then(|destination| self.names.connected(context, destination)));
            }
            EventBody::Close(close) => self.beaconing.closed(context, close),
            EventBody::Exit(_) => self.stratum_sessions.forget(context.key()),
            EventBody::Payload(payload) => {
                if let Some(message) = payload.app.dns.as_deref() {
                    findings.extend(self.names.overheard(context, payload, message));
                    if self.names.is_server(context.key(), context.at()) != Some(true) {
                        findings.extend(self.dns_tunnels.asked(context, message));
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
            _ => {}
        }
        self.stratum_sessions
            .take_pool_clients()
            .into_iter()
            .for_each(|subject| out.request(Request::WatchListeners(subject)));
        self.tls_without_sni
            .take_waiting()
            .into_iter()
            .for_each(|(owner, flow)| out.request(Request::SocketOptions { owner, flow }));
    }
}
