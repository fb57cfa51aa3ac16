//! The structure of one JSON object. A field without a known value is left out.

use std::sync::Arc;

use serde::Serialize;

use super::{
    agent_fields::AgentReportFields,
    alert_fields::AlertFields,
    command_line::CommandLine,
    dns::DnsFields,
    event_id::EventId,
    load::{CpuFields, MemoryFields, QuotaFields, RoundingFields},
    names,
    network::{EndpointFields, NetworkFields, OwnNetwork},
    place::{ContainerFields, OrchestratorFields},
    response_fields::ResponseFields,
    timestamp::Timestamp,
    values::{CapabilitySet, Device, ErrorCode, Identified, Mode, Shown, known},
};
use crate::model::{Container, IncidentId, Namespaces, ProcessKey};

macro_rules! fields {
    ($($(#[$note:meta])* struct $name:ident<'a> {
        $($(#[$attribute:meta])* $field:ident: $type:ty,)*
        $(; $($(#[$optional_attribute:meta])* $optional:ident: $optional_type:ty,)*)?
    })*) => {$(
        $(#[$note])*
        #[derive(Debug, Serialize)]
        pub(super) struct $name<'a> {
            $($(#[$attribute])* pub $field: $type,)*
            $($($(#[$optional_attribute])* #[serde(skip_serializing_if = "Option::is_none")]
                pub $optional: Option<$optional_type>,)*)?
        }
    )*};
}

// The fields after the semicolon are optional.
fields! {
    /// The object of one line, without the fields that every object contains.
    struct Document<'a> {
        #[serde(rename = "@timestamp")] timestamp: Timestamp,
        event: EventFields,
        ;
        message: &'a str,
        process: ProcessFields<'a>,
        container: ContainerFields<'a>,
        orchestrator: OrchestratorFields<'a>,
        network: NetworkFields,
        source: EndpointFields<'a>,
        destination: EndpointFields<'a>,
        tls: TlsFields<'a>,
        dns: DnsFields<'a>,
        file: FileFields<'a>,
        error: ErrorFields,
        rule: RuleFields<'a>,
        threat: ThreatFields<'a>,
        minerwatch: OwnFields<'a>,
    }

    struct ProcessFields<'a> {
        pid: u32,
        entity_id: Shown<ProcessKey>,
        start: Timestamp,
        ;
        name: &'a str,
        executable: &'a str,
        args: &'a [Arc<str>],
        command_line: CommandLine<'a>,
        working_directory: &'a str,
        user: UserFields<'a>,
        thread: Identified<u32>,
        session_leader: Leader,
        hash: HashFields<'a>,
        exit_code: u8,
        parent: &'a ProcessFields<'a>,
    }

    struct UserFields<'a> { id: Shown<u32>, ; name: &'a str, }

    struct HashFields<'a> { sha256: &'a str, }

    struct TlsFields<'a> { client: TlsClient<'a>, }

    struct TlsClient<'a> { ; server_name: &'a str, ja4: &'a str, }

    struct OwnTls<'a> { protocols: &'a [String], }

    struct FileFields<'a> {
        path: &'a str,
        ;
        target_path: &'a str,
        inode: Shown<u64>,
        device: Shown<Device>,
        mode: Shown<Mode>,
    }

    struct RuleFields<'a> { id: &'a str, ; name: &'a str, }

    struct ThreatFields<'a> { framework: &'static str, technique: Techniques<'a>, }

    struct Techniques<'a> { id: Vec<&'a str>, ; subtechnique: Identified<Vec<&'a str>>, }

    /// `minerwatch.*`, the fields that ECS does not define.
    struct OwnFields<'a> {
        #[serde(flatten)] alert: Option<&'a AlertFields<'a>>,
        ;
        incident: Identified<Shown<IncidentId>>,
        agent: &'a AgentReportFields<'a>,
        response: &'a ResponseFields<'a>,
        process: OwnProcess<'a>,
        cgroup: &'a str,
        unit: &'a str,
        exit: ExitFields,
        file: OwnFile<'a>,
        device: OwnDevice,
        network: OwnNetwork,
        tls: OwnTls<'a>,
        cpu: CpuFields,
        quota: QuotaFields<'a>,
        rounding: RoundingFields,
        memory: MemoryFields,
        sent_signal: SentSignalFields<'a>,
        access: AccessFields<'a>,
        bpf: BpfFields<'a>,
        module: ModuleFields<'a>,
    }

    /// `minerwatch.sent_signal.*`.
    struct SentSignalFields<'a> { number: u8, name: Shown<names::SignalName>, target: TargetFields<'a>, }

    /// `minerwatch.access.*`.
    struct AccessFields<'a> { target: TargetFields<'a>, }

    struct TargetFields<'a> { pid: u32, ; entity_id: Shown<ProcessKey>, name: &'a str, }

    /// `minerwatch.bpf.*`.
    struct BpfFields<'a> { r#type: Shown<names::BpfProgramType>, ; name: &'a str, }

    /// `minerwatch.module.*`.
    struct ModuleFields<'a> { name: &'a str, }

    struct OwnFile<'a> { ; old_path: &'a str, exchange: bool, }

    struct OwnProcess<'a> {
        ;
        invoked: &'a str,
        args_cut: bool,
        memfd: bool,
        deleted: bool,
        kernel_thread: bool,
        capabilities_gained: CapabilitySet,
        namespaces: Namespaces,
    }
}

/// `minerwatch.device.*`, a device that was opened.
#[derive(Debug, Serialize)]
pub(super) struct OwnDevice {
    pub number: Shown<Device>,
    pub access: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Leader {
    pub pid: u32,
}

/// `event.*`.
#[derive(Debug, Serialize)]
pub(super) struct EventFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Shown<EventId>>,
    pub kind: &'static str,
    pub dataset: &'static str,
    pub category: &'static [&'static str],
    pub r#type: &'static [&'static str],
    pub action: &'static str,
    pub module: &'static str,
    pub sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<u32>,
}

impl EventFields {
    /// Creates the fields of an event with its ECS categories and types.
    pub fn new(
        action: &'static str,
        category: &'static [&'static str],
        r#type: &'static [&'static str],
        sequence: u64,
    ) -> Self {
        Self {
            id: None,
            kind: "event",
            dataset: "minerwatch.event",
            category,
            r#type,
            action,
            module: "minerwatch",
            sequence,
            outcome: None,
            start: None,
            duration: None,
            severity: None,
        }
    }
}

/// `error.*`.
#[derive(Debug, Serialize)]
pub(super) struct ErrorFields {
    pub code: Shown<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
}

/// `minerwatch.exit.*`.
#[derive(Debug, Serialize)]
pub(super) struct ExitFields {
    pub signal: Shown<names::SignalName>,
}

impl<'a> Document<'a> {
    /// Creates a document with a time and the fields of the event.
    pub fn new(timestamp: Timestamp, event: EventFields) -> Self {
        Self {
            timestamp,
            event,
            message: None,
            process: None,
            container: None,
            orchestrator: None,
            network: None,
            source: None,
            destination: None,
            tls: None,
            dns: None,
            file: None,
            error: None,
            rule: None,
            threat: None,
            minerwatch: None,
        }
    }

    /// Sets the fields that describe where the process runs: its container, pod, systemd unit and cgroup. `cluster` is
    /// the name of the cluster, if the configuration has one.
    pub fn set_container(&mut self, container: &'a Container, cluster: Option<&'a str>) {
        self.container = ContainerFields::of(container);
        self.orchestrator = OrchestratorFields::of(container, cluster);
        if let Some(cgroup) = known(&container.cgroup) {
            self.own().cgroup = Some(cgroup);
        }
        if let Some(unit) = container.unit.as_deref() {
            self.own().unit = Some(unit);
        }
    }

    /// Returns the fields that ECS does not define. Creates them on first use.
    pub fn own(&mut self) -> &mut OwnFields<'a> {
        self.minerwatch.get_or_insert(OwnFields {
            alert: None,
            incident: None,
            agent: None,
            response: None,
            process: None,
            cgroup: None,
            unit: None,
            exit: None,
            file: None,
            device: None,
            network: None,
            tls: None,
            cpu: None,
            quota: None,
            rounding: None,
            memory: None,
            sent_signal: None,
            access: None,
            bpf: None,
            module: None,
        })
    }
}
