//! Parses a line of JSON into the fields that the text shows. Every field may be missing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

macro_rules! optional_fields {
    ($($(#[$note:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$note])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name {
            $($(#[$attribute])* pub $field: $type,)*
        }
    )*};
}

optional_fields! {
    /// One line of JSON: an event or an alert.
    Line {
        #[serde(rename = "@timestamp")] timestamp: String,
        event: Event,
        message: String,
        process: Process,
        container: Place,
        orchestrator: Orchestrator,
        network: Network,
        source: End,
        destination: End,
        tls: Tls,
        dns: Dns,
        file: File,
        error: Error,
        threat: Threat,
        minerwatch: Own,
    }
    Event {
        kind: String,
        action: String,
        outcome: String,
        duration: Option<u64>,
    }
    Process {
        pid: Option<u32>,
        entity_id: String,
        name: String,
        executable: String,
        command_line: String,
        exit_code: Option<i64>,
        user: User,
        parent: Option<Box<Process>>,
    }
    User { id: String, name: String, }
    Identified { id: String, }
    Place { id: String, name: String, image: Image, }
    Image { name: String, tag: Vec<String>, }
    Orchestrator { namespace: String, resource: Resource, }
    Resource { name: String, }
    Network { transport: String, }
    End { ip: String, domain: String, port: Option<u16>, bytes: Option<u64>, }
    Tls { client: TlsClient, }
    TlsClient { server_name: String, ja4: String, }
    Dns { response_code: String, question: DnsQuestion, resolved_ip: Vec<String>, }
    DnsQuestion { name: String, }
    File { path: String, target_path: String, mode: String, }
    Error { code: String, }
    Threat { technique: Technique, }
    Technique { id: Vec<String>, subtechnique: Subtechnique, }
    Subtechnique { id: Vec<String>, }
    /// The fields below `minerwatch`.
    Own {
        process: OwnProcess,
        exit: Exit,
        file: OwnFile,
        cpu: Cpu,
        quota: Quota,
        rounding: Rounding,
        memory: Memory,
        sent_signal: SentSignal,
        access: Access,
        bpf: Bpf,
        module: Module,
        incident: Identified,
        verdict: String,
        /// Why the alert was sent. Older daemons left this field out.
        reason: String,
        score: u64,
        score_parts: Option<ScoreParts>,
        /// The suspects, the subject of the alert first. Older daemons left this field out.
        suspects: Vec<Suspect>,
        more_suspects: u64,
        members: Vec<Member>,
        signals: Vec<Signal>,
        chain: Vec<Edge>,
        folded: u64,
        excepted: Excepted,
        latency_ms: Option<f64>,
        lost: BTreeMap<String, Value>,
        blind: Vec<String>,
    }
    /// What exceptions hide.
    Excepted { incident: bool, suspects: Vec<ExceptedSuspect>, }
    ExceptedSuspect { process: Process, hidden: bool, exceptions: Vec<String>, signal_ids: Vec<String>, }
    OwnProcess {
        memfd: bool,
        deleted: bool,
        kernel_thread: bool,
        args_cut: bool,
        capabilities_gained: Vec<String>,
    }
    Quota { cgroup: String, processors: Option<f64>, periods: u64, throttled_periods: u64, }
    Rounding { flushing: Counts, plain: Counts, }
    Counts { nearest: u64, down: u64, up: u64, zero: u64, }
    Memory {
        class: String,
        size: Option<u64>,
        count: Option<u64>,
        huge: bool,
        pages_before: Option<u64>,
        pages_after: Option<u64>,
    }
    SentSignal { name: String, target: Target, }
    Target { pid: Option<u32>, name: String, }
    Access { target: Target, }
    Bpf { r#type: String, name: String, }
    Module { name: String, }
    Exit { signal: String, }
    OwnFile { old_path: String, exchange: bool, }
    Cpu {
        usage: Option<f64>,
        total_ns: Option<u64>,
        threads: Option<u32>,
        voluntary_switches: Option<u64>,
        involuntary_switches: Option<u64>,
    }
    Signal {
        id: String,
        name: String,
        class: String,
        weight: u64,
        at: String,
        last: String,
        conclusive: bool,
        detail: String,
        evidence: BTreeMap<String, Value>,
        /// The evidence with its thresholds. Older daemons wrote only `evidence`.
        measured: Vec<Measured>,
        /// Points that the signal adds to the score. Older daemons left this field out.
        points: Option<f64>,
        age_s: u64,
        half_life_s: u64,
        counted: bool,
        process: Process,
    }
    Measured { name: String, value: Value, threshold: Option<Value>, unit: Option<Value>, }
    ScoreParts { verdict: Option<String>, next: Option<NextVerdict>, }
    NextVerdict { verdict: String, missing: Vec<String>, }
    /// A suspect of an incident.
    Suspect {
        verdict: String,
        score: u64,
        alive: bool,
        processes: u64,
        returns: u64,
        process: SuspectProcess,
        container: String,
        signal_ids: Vec<String>,
        peers: Vec<Peer>,
        accounts: Vec<Account>,
    }
    SuspectProcess { pid: Option<u32>, entity_id: String, name: String, executable: String, user: String, }
    Peer { ip: String, port: Option<u16>, domain: String, }
    Account { shown: String, }
    /// A process that takes part in an incident.
    Member { entity_id: String, role: String, }
    /// A step of the chain.
    Edge { kind: String, at: String, process: Process, object: String, }
}
