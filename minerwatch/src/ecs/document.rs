//! The shape of one object. A field that is not known is left out.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use serde::Serialize;

use super::{
    ECS_VERSION, Encoder,
    alert::AlertFields,
    command_line::CommandLine,
    dns::DnsFields,
    names,
    timestamp::Timestamp,
    values::{CapabilitySet, Device, ErrorCode, Mode, Shown, known},
};
use crate::model::{
    Container, ContainerRuntime, CpuQuota, HugePages, Mapping, Namespaces, Rounding, RoundingCounts,
};

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

// Behind the semicolon stand the fields that can be missing.
fields! {
    /// One line.
    struct Document<'a> {
        #[serde(rename = "@timestamp")] timestamp: Timestamp,
        ecs: Version,
        event: EventFields,
        host: HostFields<'a>,
        ;
        message: &'a str,
        process: ProcessFields<'a>,
        container: ContainerFields<'a>,
        orchestrator: OrchestratorFields<'a>,
        network: NetworkFields,
        source: EndFields<'a>,
        destination: EndFields<'a>,
        tls: TlsFields<'a>,
        dns: DnsFields<'a>,
        file: FileFields<'a>,
        error: ErrorFields,
        rule: RuleFields<'a>,
        threat: ThreatFields<'a>,
        minerwatch: OwnFields<'a>,
    }

    struct HostFields<'a> { name: &'a str, boot: Identified<&'a str>, }

    struct ProcessFields<'a> {
        pid: u32,
        entity_id: Shown<crate::model::ProcessKey>,
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

    struct ContainerFields<'a> { id: &'a str, ; runtime: &'static str, }

    struct OrchestratorFields<'a> { r#type: &'static str, resource: Pod<'a>, }

    struct Pod<'a> { r#type: &'static str, id: &'a str, }

    struct TlsFields<'a> { client: TlsClient<'a>, }

    struct TlsClient<'a> { ; server_name: &'a str, ja4: &'a str, }

    struct OwnTls<'a> { protocols: &'a [String], }

    struct FileFields<'a> { path: &'a str, ; inode: Shown<u64>, device: Shown<Device>, mode: Shown<Mode>, }

    struct RuleFields<'a> { id: &'a str, ; name: &'a str, }

    struct ThreatFields<'a> { framework: &'static str, technique: Techniques<'a>, }

    struct Techniques<'a> { id: Vec<&'a str>, ; subtechnique: Identified<Vec<&'a str>>, }

    /// What ECS has no name for.
    struct OwnFields<'a> {
        #[serde(flatten)] alert: Option<&'a AlertFields<'a>>,
        ;
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
    }

    struct OwnFile<'a> { ; old_path: &'a str, }

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

/// A device that was opened.
#[derive(Debug, Serialize)]
pub(super) struct OwnDevice {
    pub number: Shown<Device>,
    pub access: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Version {
    version: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Identified<T> {
    pub id: T,
}

#[derive(Debug, Serialize)]
pub(super) struct Leader {
    pub pid: u32,
}

/// `event.*`.
#[derive(Debug, Serialize)]
pub(super) struct EventFields {
    pub kind: &'static str,
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
    /// What kind of thing happened, by the schema's classes.
    pub fn new(
        action: &'static str,
        category: &'static [&'static str],
        r#type: &'static [&'static str],
        sequence: u64,
    ) -> Self {
        Self {
            kind: "event",
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

#[derive(Debug, Serialize)]
pub(super) struct NetworkFields {
    pub transport: &'static str,
    pub r#type: &'static str,
    pub direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u32>,
}

/// One end of a connection.
#[derive(Debug, Serialize)]
pub(super) struct EndFields<'a> {
    pub ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geo: Option<GeoFields<'a>>,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub network: Option<AsFields<'a>>,
}

/// Where on the map an end is.
#[derive(Debug, Serialize)]
pub(super) struct GeoFields<'a> {
    pub country_iso_code: &'a str,
}

/// Which autonomous system an end belongs to.
#[derive(Debug, Serialize)]
pub(super) struct AsFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Named<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Named<'a> {
    pub name: &'a str,
}

impl<'a> EndFields<'a> {
    /// An end; the port is left out while none is bound.
    pub fn of(address: SocketAddr) -> Self {
        let port = address.port();
        Self {
            ip: address.ip().to_canonical(),
            domain: None,
            port: (port != 0).then_some(port),
            bytes: None,
            packets: None,
            geo: None,
            network: None,
        }
    }

    /// What a database says of it.
    pub fn place(&mut self, country: Option<&'a str>, number: Option<u32>, organization: Option<&'a str>) {
        self.geo = country.map(|country_iso_code| GeoFields { country_iso_code });
        if number.is_some() || organization.is_some() {
            self.network = Some(AsFields { number, organization: organization.map(|name| Named { name }) });
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ErrorFields {
    pub code: Shown<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct OwnNetwork {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_payload: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_payload: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
pub(super) struct ExitFields {
    pub signal: Shown<names::SignalName>,
}

/// `minerwatch.memory.*`.
#[derive(Debug, Default, Serialize)]
pub(super) struct MemoryFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huge: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages_before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages_after: Option<u64>,
}

impl MemoryFields {
    /// Memory that a process asked for.
    pub fn of_mapping(mapping: &Mapping) -> Self {
        Self {
            class: Some(mapping.class.name()),
            size: Some(mapping.size),
            count: Some(mapping.count),
            huge: Some(mapping.huge),
            ..Self::default()
        }
    }

    /// The pool of huge pages.
    pub fn of_pool(pool: &HugePages) -> Self {
        Self { pages_before: Some(pool.before), pages_after: Some(pool.after), ..Self::default() }
    }
}

/// `minerwatch.quota.*`.
#[derive(Debug, Serialize)]
pub(super) struct QuotaFields<'a> {
    pub cgroup: &'a str,
    pub processors: f64,
    pub periods: u64,
    pub throttled_periods: u64,
    pub throttled_ns: u64,
    pub on_cpu_ns: u64,
}

impl<'a> QuotaFields<'a> {
    /// What a limit did.
    pub fn of(quota: &'a CpuQuota) -> Self {
        Self {
            cgroup: &quota.cgroup,
            processors: quota.processors(),
            periods: quota.periods,
            throttled_periods: quota.throttled,
            throttled_ns: quota.throttled_time,
            on_cpu_ns: quota.on_cpu,
        }
    }
}

/// `minerwatch.rounding.*`.
#[derive(Debug, Serialize)]
pub(super) struct RoundingFields {
    pub register: &'static str,
    pub flushing: CountFields,
    pub plain: CountFields,
}

/// Looks, by the rounding mode they found.
#[derive(Debug, Serialize)]
pub(super) struct CountFields {
    pub nearest: u64,
    pub down: u64,
    pub up: u64,
    pub zero: u64,
}

impl RoundingFields {
    /// As an event has it.
    pub fn of(rounding: &Rounding) -> Self {
        let counts = |counts: &RoundingCounts| CountFields {
            nearest: counts.nearest,
            down: counts.down,
            up: counts.up,
            zero: counts.zero,
        };
        Self {
            register: rounding.register.name(),
            flushing: counts(&rounding.flushing),
            plain: counts(&rounding.plain),
        }
    }
}

/// `minerwatch.cpu.*`; counters run from when the process was first seen.
#[derive(Debug, Default, Serialize)]
pub(super) struct CpuFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_cpu_ns: Option<u64>,
    pub total_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voluntary_switches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub involuntary_switches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_processors: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yields: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<u64>,
}

impl<'a> Document<'a> {
    /// What every object has.
    pub fn new(encoder: &'a Encoder, timestamp: Timestamp, event: EventFields) -> Self {
        Self {
            timestamp,
            ecs: Version { version: ECS_VERSION },
            event,
            host: HostFields { name: &encoder.host.name, boot: Identified { id: &encoder.host.boot_id } },
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

    /// Where the process belongs.
    pub fn place(&mut self, container: &'a Container) {
        self.container = container
            .id
            .as_deref()
            .map(|id| ContainerFields { id, runtime: container.runtime.and_then(runtime) });
        self.orchestrator = container
            .pod_uid
            .as_deref()
            .map(|id| OrchestratorFields { r#type: "kubernetes", resource: Pod { r#type: "pod", id } });
        if let Some(cgroup) = known(&container.cgroup) {
            self.own().cgroup = Some(cgroup);
        }
        if let Some(unit) = container.unit.as_deref() {
            self.own().unit = Some(unit);
        }
    }

    /// The part ECS has no names for, made when first asked for.
    pub fn own(&mut self) -> &mut OwnFields<'a> {
        self.minerwatch.get_or_insert(OwnFields {
            alert: None,
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
        })
    }
}

fn runtime(runtime: ContainerRuntime) -> Option<&'static str> {
    match runtime {
        ContainerRuntime::Docker => Some("docker"),
        ContainerRuntime::Containerd => Some("containerd"),
        ContainerRuntime::CriO => Some("cri-o"),
        ContainerRuntime::Podman => Some("podman"),
        ContainerRuntime::Unknown => None,
    }
}
