//! Encodes events as objects.

use std::net::SocketAddr;

use super::{
    Encoder, Observed,
    dns::DnsFields,
    document::{
        AccessFields, BpfFields, Document, ErrorFields, EventFields, ExitFields, FileFields, ModuleFields,
        OwnDevice, OwnFile, OwnProcess, OwnTls, ProcessFields, SentSignalFields, TargetFields, TlsClient,
        TlsFields,
    },
    load::{CpuFields, MemoryFields, QuotaFields, RoundingFields},
    names,
    network::{EndpointFields, NetworkFields, OwnNetwork},
    values::{Device, ErrorCode, Identified, Mode, Shown},
};
use crate::model::{
    BootTime, Close, Connect, Container, CpuUsage, DnsAnswer, Event, EventBody, Exit, FileAction, FileChange,
    Flow, FlowUpdate, GeoLocation, Payload, PrivilegedCall, ProcessKey, ProcessView, Protocol, RunningFlow,
    Subject, TlsHello,
};

const PROCESS: &[&str] = &["process"];
const NETWORK: &[&str] = &["network"];
const DRIVER: &[&str] = &["driver"];
const HOST: &[&str] = &["host"];
const FILE: &[&str] = &["file"];

/// The errno of a connection whose peer has not answered yet (`EINPROGRESS`).
const UNANSWERED: i32 = 115;

impl Encoder {
    pub(super) fn encode_event(&self, observed: &Observed<'_>, lines: &mut Vec<u8>) -> bool {
        let Observed { event, process: view, parent: parent_view, domain, incident, sequence } = *observed;
        let Some(fields) = classify(&event.body, sequence) else { return false };
        let subject = &event.subject;

        let parent_key = parent_key(event).or(parent_view.map(|parent| parent.key));
        let parent = parent_key.map(|key| ProcessFields::of(self, key, parent_view));
        let view = view.filter(|view| view.key == subject.key);
        let mut process = ProcessFields::of(self, subject.key, view);
        process.show_user_id(subject.uid);
        process.show_thread(subject.tid);
        process.parent = parent.as_ref();

        let mut document = Document::new(self.time(event.time), fields);
        if let Some(container) = place(subject, view) {
            document.set_container(container, self.settings.cluster.as_deref());
        }
        if let Some(flags) = view.and_then(|view| OwnProcess::of_flags(view.executable.flags)) {
            document.own().process = Some(flags);
        }

        if let Some(incident) = incident {
            document.own().incident = Some(Identified { id: Shown(incident) });
        }

        match &event.body {
            EventBody::Fork(fork) => process.name = Some(&fork.name),
            EventBody::Exec(exec) => {
                process.exec(exec);
                document.own().process = Some(OwnProcess::of_exec(exec));
            }
            EventBody::Exit(exit) => document.exit(exit, &mut process),
            EventBody::Connect(connect) => document.connect(connect),
            EventBody::Close(close) => document.close(self, close, event.time),
            EventBody::File(change) => document.file(change),
            EventBody::Cpu(usage) => document.cpu(usage),
            EventBody::Quota(quota) => {
                document.event.duration = Some(quota.window);
                document.own().quota = Some(QuotaFields::of(quota));
            }
            EventBody::Mapping(mapping) => document.own().memory = Some(MemoryFields::of_mapping(mapping)),
            EventBody::HugePages(pool) => {
                document.own().memory = Some(MemoryFields::of_pool(pool));
                document.file = Some(FileFields {
                    path: &pool.path,
                    target_path: None,
                    inode: None,
                    device: None,
                    mode: None,
                });
            }
            EventBody::SentSignal(sent) => {
                document.own().sent_signal = Some(SentSignalFields {
                    number: sent.signal,
                    name: Shown(names::SignalName(sent.signal)),
                    target: TargetFields {
                        pid: sent.target.pid,
                        entity_id: Some(Shown(sent.target)),
                        name: Some(&sent.target_name),
                    },
                });
            }
            EventBody::Privileged(call) => document.privileged(call),
            EventBody::Rounding(rounding) => document.own().rounding = Some(RoundingFields::of(rounding)),
            EventBody::RunningProcess(running) => {
                process.running(running);
                document.own().process = Some(OwnProcess::of_running(running));
            }
            EventBody::RunningFlow(flow) => document.running_flow(flow),
            EventBody::Payload(payload) => match (&payload.app.tls, payload.dns_answer()) {
                (Some(hello), _) => document.tls(payload, hello),
                (None, Some(answer)) => document.dns(payload, answer),
                (None, None) => return false,
            },
            EventBody::FlowUpdate(update) => document.flow_update(self, update, event.time),
            EventBody::SocketOptions(_)
            | EventBody::DnsServerRole(_)
            | EventBody::HashedFile(_)
            | EventBody::ContainerDescription(_)
            | EventBody::Hidden(_)
            | EventBody::Inspection(_) => return false,
        }
        if let Some(destination) = &mut document.destination {
            destination.domain = domain;
        }
        // In an event, only arguments have secrets. A search in them is much faster than one in the whole line.
        let arguments = [process.args, parent.as_ref().and_then(|parent| parent.args)];
        let arguments = arguments.into_iter().flatten().flatten().map(|argument| &**argument);
        let redactor = self.settings.redactor.as_ref();
        let may_have_secrets = redactor.is_some_and(|redactor| redactor.may_match(arguments));
        document.process = Some(process);
        self.append_with(&document, may_have_secrets, lines)
    }
}

/// Returns the action, the ECS categories and the ECS types of an event, or `None` if the event has no line.
fn classify(body: &EventBody, sequence: u64) -> Option<EventFields> {
    let (action, category, kinds): (_, _, &[&str]) = match body {
        EventBody::Fork(_) => ("fork", PROCESS, &["start"]),
        EventBody::Exec(_) => ("exec", PROCESS, &["start"]),
        EventBody::Exit(_) => ("exit", PROCESS, &["end"]),
        EventBody::Connect(_) => ("connect", NETWORK, &["connection", "start"]),
        EventBody::Close(_) => ("close", NETWORK, &["connection", "end"]),
        EventBody::File(change) => match change.action {
            FileAction::Write => ("file-write", FILE, &["change"]),
            FileAction::Create => ("file-create", FILE, &["creation"]),
            FileAction::Rename => ("file-rename", FILE, &["change"]),
            FileAction::Delete => ("file-delete", FILE, &["deletion"]),
            FileAction::Chmod => ("file-chmod", FILE, &["change"]),
            FileAction::DeviceOpen => ("device-open", FILE, &["access"]),
            FileAction::Link => ("file-link", FILE, &["creation"]),
            FileAction::Symlink => ("file-symlink", FILE, &["creation"]),
            // Nobody knows which process mounted it when the event is written.
            FileAction::Mount => return None,
        },
        EventBody::Cpu(_) => ("cpu", PROCESS, &["info"]),
        EventBody::Quota(_) => ("cpu-quota", PROCESS, &["info"]),
        EventBody::Rounding(_) => ("rounding", PROCESS, &["info"]),
        EventBody::Mapping(_) => ("memory-map", PROCESS, &["info"]),
        EventBody::HugePages(_) => ("huge-pages", HOST, &["change"]),
        EventBody::SentSignal(_) => ("signal-sent", PROCESS, &["info"]),
        EventBody::Privileged(call) => match **call {
            PrivilegedCall::AccessProcess(_) => ("process-access", PROCESS, &["access"]),
            PrivilegedCall::LoadProgram { .. } => ("bpf-load", DRIVER, &["start"]),
            PrivilegedCall::DetachProgram => ("bpf-detach", DRIVER, &["end"]),
            PrivilegedCall::LoadModule { .. } => ("module-load", DRIVER, &["start"]),
        },
        EventBody::RunningProcess(_) => ("running", PROCESS, &["info"]),
        EventBody::RunningFlow(_) => ("connection-running", NETWORK, &["connection", "info"]),
        EventBody::Payload(payload) if payload.app.tls.is_some() => {
            ("tls", NETWORK, &["connection", "protocol"])
        }
        EventBody::Payload(payload) if payload.dns_answer().is_some() => {
            ("dns", NETWORK, &["info", "protocol"])
        }
        EventBody::FlowUpdate(update) if update.interval => ("flow", NETWORK, &["connection", "info"]),
        EventBody::Payload(_)
        | EventBody::FlowUpdate(_)
        | EventBody::SocketOptions(_)
        | EventBody::DnsServerRole(_)
        | EventBody::HashedFile(_)
        | EventBody::Hidden(_)
        | EventBody::Inspection(_)
        | EventBody::ContainerDescription(_) => return None,
    };
    let mut fields = EventFields::new(action, category, kinds, sequence);
    if matches!(body, EventBody::Cpu(_) | EventBody::Quota(_) | EventBody::Rounding(_)) {
        fields.kind = "metric";
        fields.dataset = "minerwatch.metric";
    }
    Some(fields)
}

fn parent_key(event: &Event) -> Option<ProcessKey> {
    match &event.body {
        EventBody::Fork(fork) => Some(fork.parent),
        EventBody::Exec(exec) => Some(exec.parent),
        EventBody::RunningProcess(running) => running.parent,
        EventBody::Exit(_)
        | EventBody::Connect(_)
        | EventBody::Close(_)
        | EventBody::File(_)
        | EventBody::Cpu(_)
        | EventBody::Rounding(_)
        | EventBody::Mapping(_)
        | EventBody::HugePages(_)
        | EventBody::SentSignal(_)
        | EventBody::Privileged(_)
        | EventBody::Quota(_)
        | EventBody::RunningFlow(_)
        | EventBody::HashedFile(_)
        | EventBody::Hidden(_)
        | EventBody::Inspection(_)
        | EventBody::Payload(_)
        | EventBody::FlowUpdate(_)
        | EventBody::SocketOptions(_)
        | EventBody::DnsServerRole(_)
        | EventBody::ContainerDescription(_) => None,
    }
}

/// Returns the container of the subject. The table may know more about the same place than the event says.
fn place<'a>(subject: &'a Subject, view: Option<&'a ProcessView>) -> Option<&'a Container> {
    let known = view.and_then(|view| view.container.as_deref());
    match (subject.container.as_deref(), known) {
        (Some(own), Some(known)) if own.details.is_none() && own.is_same_place(known) => Some(known),
        (Some(own), _) => Some(own),
        (None, known) => known,
    }
}

impl<'a> Document<'a> {
    fn exit(&mut self, exit: &Exit, process: &mut ProcessFields<'_>) {
        process.exit_code = exit.code;
        let own = self.own();
        own.exit = exit.signal.map(|signal| ExitFields { signal: Shown(names::SignalName(signal)) });
        own.cpu = Some(CpuFields { total_ns: exit.on_cpu, ..CpuFields::default() });
    }

    fn privileged(&mut self, call: &'a PrivilegedCall) {
        let own = self.own();
        match call {
            PrivilegedCall::AccessProcess(target) => {
                let name = (!target.name.is_empty()).then_some(&*target.name);
                let target = TargetFields { pid: target.pid, entity_id: target.key.map(Shown), name };
                own.access = Some(AccessFields { target });
            }
            PrivilegedCall::LoadProgram { program_type, name } => {
                let r#type = Shown(names::BpfProgramType(*program_type));
                own.bpf = Some(BpfFields { r#type, name: (!name.is_empty()).then_some(name) });
            }
            PrivilegedCall::DetachProgram => {}
            PrivilegedCall::LoadModule { name } => own.module = Some(ModuleFields { name }),
        }
    }

    fn connect(&mut self, connect: &'a Connect) {
        self.set_flow(&connect.flow, connect.network_namespace);
        self.set_peer_geo(connect.peer.as_deref());
        let outcome = match connect.result {
            0 => "success",
            UNANSWERED => "unknown",
            _ => "failure",
        };
        self.event.outcome = Some(outcome);
        self.set_error(connect.result);
    }

    /// Sets the error of a result that is not 0.
    fn set_error(&mut self, result: i32) {
        self.error = (result != 0).then(|| ErrorFields {
            code: Shown(ErrorCode(result)),
            message: names::errno(result).map(|(_, message)| message),
        });
    }

    fn close(&mut self, encoder: &Encoder, close: &'a Close, now: BootTime) {
        self.set_flow(&close.flow, close.network_namespace);
        self.set_peer_geo(close.peer.as_deref());
        self.set_duration(encoder, &close.flow, now);
        self.set_volume(close.bytes, close.segments);
        self.set_payload_times(encoder, close.first_payload, close.last_payload);
    }

    fn flow_update(&mut self, encoder: &Encoder, update: &FlowUpdate, now: BootTime) {
        self.set_addresses(update.flow.protocol, update.flow.source, update.flow.destination);
        self.set_duration(encoder, &update.flow, now);
        self.set_volume(Some(update.bytes), Some(update.payloads));
        self.set_payload_times(encoder, Some(update.first), Some(now));
        if let Some(network) = &mut self.network
            && update.accepted
        {
            network.direction = "ingress";
        }
    }

    fn set_duration(&mut self, encoder: &Encoder, flow: &Flow, now: BootTime) {
        let lasted = now.since(flow.opened);
        self.event.start = Some(encoder.time(flow.opened));
        self.event.duration = Some(u64::try_from(lasted.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Sets the times of the first and the last payload, if known.
    fn set_payload_times(&mut self, encoder: &Encoder, first: Option<BootTime>, last: Option<BootTime>) {
        if first.is_some() || last.is_some() {
            let network = self.own().network.get_or_insert_default();
            network.first_payload = first.map(|first| encoder.time(first));
            network.last_payload = last.map(|last| encoder.time(last));
        }
    }

    /// Sets the numbers of bytes and packets, if counted.
    fn set_volume(&mut self, bytes: Option<(u64, u64)>, packets: Option<(u32, u32)>) {
        let (Some(source), Some(destination), Some(network)) =
            (&mut self.source, &mut self.destination, &mut self.network)
        else {
            return;
        };
        if let Some((sent, received)) = bytes {
            source.bytes = Some(sent);
            destination.bytes = Some(received);
            network.bytes = Some(sent.saturating_add(received));
        }
        if let Some((sent, received)) = packets {
            source.packets = Some(sent);
            destination.packets = Some(received);
            network.packets = Some(sent.saturating_add(received));
        }
    }

    fn set_flow(&mut self, flow: &Flow, namespace: u32) {
        self.set_addresses(flow.protocol, flow.source, flow.destination);
        if namespace != 0 {
            self.own().network = Some(OwnNetwork { namespace: Some(namespace), ..OwnNetwork::default() });
        }
    }

    fn set_peer_geo(&mut self, geo: Option<&'a GeoLocation>) {
        if let (Some(destination), Some(geo)) = (&mut self.destination, geo) {
            let GeoLocation { country, as_number, as_organization, foreign: _ } = geo;
            destination.set_geo(country.as_deref(), *as_number, as_organization.as_deref());
        }
    }

    fn running_flow(&mut self, flow: &'a RunningFlow) {
        self.set_addresses(flow.protocol, flow.source, flow.destination);
        self.set_peer_geo(flow.peer.as_deref());
    }

    fn tls(&mut self, payload: &Payload, hello: &'a TlsHello) {
        self.set_addresses(payload.flow.protocol, payload.flow.source, payload.flow.destination);
        let client = TlsClient { server_name: hello.server_name.as_deref(), ja4: hello.ja4.as_deref() };
        self.tls = (client.server_name.is_some() || client.ja4.is_some()).then_some(TlsFields { client });
        self.own().tls = (!hello.protocols.is_empty()).then_some(OwnTls { protocols: &hello.protocols });
    }

    fn dns(&mut self, payload: &Payload, answer: &'a DnsAnswer) {
        self.set_addresses(payload.flow.protocol, payload.flow.source, payload.flow.destination);
        self.dns = Some(DnsFields::of(answer));
    }

    fn set_addresses(&mut self, protocol: Protocol, source: SocketAddr, destination: SocketAddr) {
        let destination_ip = destination.ip().to_canonical();
        self.network = Some(NetworkFields {
            transport: match protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            },
            r#type: if destination_ip.is_ipv4() { "ipv4" } else { "ipv6" },
            direction: "egress",
            bytes: None,
            packets: None,
        });
        self.source = Some(EndpointFields::of(source));
        self.destination = Some(EndpointFields::of(destination));
    }

    fn file(&mut self, change: &'a FileChange) {
        let target_path = change.link_target();
        self.file = Some(FileFields {
            path: &change.path,
            target_path,
            inode: change.file.map(|file| Shown(file.inode)),
            device: change.file.map(|file| Shown(Device(file.device))),
            mode: (change.mode != 0).then_some(Shown(Mode(change.mode))),
        });
        if let Some(old_path) = change.old_path.as_deref().filter(|_| target_path.is_none()) {
            let exchange = change.exchange.map(|_| true);
            self.own().file = Some(OwnFile { old_path: Some(old_path), exchange });
        }
        if let Some(device) = change.device {
            self.event.outcome = Some(if device.result == 0 { "success" } else { "failure" });
            self.set_error(device.result);
            self.own().device = Some(OwnDevice {
                number: Shown(Device(device.major << 20 | device.minor)),
                access: if device.writable { "write" } else { "read" },
            });
        }
    }

    fn cpu(&mut self, usage: &CpuUsage) {
        self.event.duration = Some(usage.window);
        let share = (usage.window > 0).then(|| usage.on_cpu as f64 / usage.window as f64);
        self.own().cpu = Some(CpuFields {
            usage: share,
            on_cpu_ns: Some(usage.on_cpu),
            total_ns: usage.total_on_cpu,
            threads: Some(usage.threads),
            nice: Some(usage.nice),
            policy: Some(usage.policy.name()),
            allowed_processors: (usage.allowed_processors != 0).then_some(usage.allowed_processors),
            yields: Some(usage.yields),
            stops: Some(usage.stops),
            voluntary_switches: Some(usage.voluntary),
            involuntary_switches: Some(usage.involuntary),
        });
    }
}
