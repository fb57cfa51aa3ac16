//! Samples for tests that encode, record or render: one event of every kind, and an alert with every field.

mod alert;
mod report;
mod response;

use std::{net::SocketAddr, sync::Arc};

pub(crate) use self::{report::reports, response::responses};
use crate::model::{
    AccessedProcess, AppData, BootTime, Bytes, Close, Connect, Container, ContainerDescription,
    ContainerDetails, ContainerImage, ContainerRuntime, ControlRegister, CpuQuota, CpuUsage, Credentials,
    DeviceOpen, Direction, DnsAnswer, DnsData, DnsMessage, DnsRecord, Event, EventBody, Exchange, Exec,
    Executable, ExecutableFlags, Exit, FileAction, FileChange, FileId, Flow, FlowUpdate, Fork, GeoLocation,
    HashedFile, HiddenBy, HiddenProcess, HugePages, InputFile, Inspection, Labels, Mapping, MappingClass,
    MinerSettings, Namespaces, Payload, Pod, PrivilegedCall, ProcessKey, ProcessView, Protocol, Rounding,
    RoundingCounts, RunningFlow, RunningProcess, SchedulingPolicy, SentSignal, Subject, TlsHello, WallClock,
};
pub(crate) use alert::{alert, large_alert};

use crate::{
    ecs::{Encoder, EncoderSettings, MAX_ALERT_BYTES, Observed, SignalText},
    model::{AgentContext, CloudFields, ExtraFields, HostContext},
};

/// 2026-11-22T22:00:00Z.
const BOOT: i128 = 1_795_384_800_000_000_000;

/// Returns the settings of an encoder with every field.
pub(crate) fn encoder_settings() -> EncoderSettings {
    let host = HostContext {
        name: "web-1".into(),
        id: Some("0f1e2d3c4b5a69788796a5b4c3d2e1f0".into()),
        boot_id: "5e0b6d2a-6c0e-4d0e-9a55-3f1d6a1c2b3d".into(),
        clock: WallClock { boot: BOOT },
    };
    let text = |text: &str| Some(text.to_owned());
    EncoderSettings {
        host,
        agent: AgentContext {
            id: Some("9b2c8f10-4d3e-4a5b-8c7d-6e5f4a3b2c1d".into()),
            version: "0.1.0".into(),
        },
        fields: ExtraFields {
            tags: vec!["prod".to_owned()],
            labels: [("team".to_owned(), "web".to_owned())].into(),
            cloud: CloudFields {
                provider: text("aws"),
                region: text("eu-west-1"),
                availability_zone: text("eu-west-1a"),
                account_id: text("123456789012"),
                instance_id: text("i-0abc"),
            },
        },
        max_alert_bytes: MAX_ALERT_BYTES,
        cluster: Some("prod-eu".into()),
        redactor: None,
    }
}

pub(crate) fn encoder() -> Encoder {
    encoder_of(&encoder_settings())
}

pub(crate) fn encoder_of(settings: &EncoderSettings) -> Encoder {
    Encoder::new(settings, |signal| match signal.0.as_ref() {
        "B2" => Some(SignalText { name: "file written, then run", techniques: &["T1105", "T1059.004"] }),
        "C5" => Some(SignalText { name: "half the cores busy", techniques: &["T1496.001"] }),
        _ => None,
    })
}

/// Returns the boot time `milliseconds` after 23:14:05 on the wall clock.
fn at(milliseconds: u64) -> BootTime {
    BootTime((4_445_000 + milliseconds) * 1_000_000)
}

pub(crate) fn key(pid: u32) -> ProcessKey {
    ProcessKey::from_ticks(pid, 444_400 + u64::from(pid % 100))
}

fn arguments(words: &[&str]) -> Arc<[Arc<str>]> {
    words.iter().map(|word| Arc::from(*word)).collect()
}

pub(crate) fn container_details() -> Arc<ContainerDetails> {
    let labels = |pairs: &[(&str, &str)]| -> Labels {
        pairs.iter().map(|(name, value)| (Arc::from(*name), Arc::from(*value))).collect()
    };
    Arc::new(ContainerDetails {
        name: Some("cart".into()),
        image: Some(ContainerImage {
            name: "registry.example/shop/cart".into(),
            tag: Some("1.4".into()),
            digests: vec!["sha256:5a3cbd4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d".into()],
        }),
        labels: labels(&[("org.opencontainers.image.vendor", "Example")]),
        pod: Some(Pod {
            name: "cart-7d9".into(),
            namespace: "shop".into(),
            labels: labels(&[("app", "cart"), ("team", "payments")]),
        }),
        runtime: Some(ContainerRuntime::Containerd),
    })
}

pub(crate) fn container() -> Arc<Container> {
    Arc::new(Container {
        cgroup: "/kubepods/burstable/pod0f6e/4f3c2b1a".into(),
        id: Some("4f3c2b1a9d8e7f60514233241506f7e8d9cabb0c1d2e3f405162738495a6b7c8".into()),
        runtime: Some(ContainerRuntime::Containerd),
        pod_uid: Some("0f6e4a1c-7a43-4a57-8a3f-1d2c3b4a5968".into()),
        outer: None,
        unit: Some("kubelet.service".into()),
        details: Some(container_details()),
    })
}

fn credentials() -> Credentials {
    Credentials { uid: 0, gid: 0, user: Some("root".into()), capabilities: 1 << 21 }
}

pub(crate) fn bash() -> ProcessView {
    ProcessView {
        key: key(4700),
        name: "bash".into(),
        executable: Executable {
            path: "/usr/bin/bash".into(),
            file: Some(FileId { device: 8 << 20 | 1, inode: 4242 }),
            flags: ExecutableFlags::default(),
        },
        arguments: arguments(&["bash", "/root/run.sh"]),
        directory: "/root".into(),
        credentials: credentials(),
        container: Some(container()),
        sha256: Some("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".into()),
    }
}

pub(crate) fn curl() -> ProcessView {
    ProcessView {
        key: key(4711),
        name: "curl".into(),
        executable: Executable {
            path: "/usr/bin/curl".into(),
            file: Some(FileId { device: 8 << 20 | 1, inode: 4711 }),
            flags: ExecutableFlags { memfd: true, deleted: true, foreign: false },
        },
        arguments: arguments(&["curl", "-o", "/tmp/x", "http://10.0.0.1:8000/x y"]),
        ..bash()
    }
}

pub(crate) fn event(time: BootTime, body: EventBody) -> Event {
    let subject =
        Subject { key: key(4711), tid: 4712, uid: 0, gid: 0, cgroup: 77, container: Some(container()) };
    Event { time, subject, body }
}

fn flow(protocol: Protocol, source: &str, destination: &str) -> Flow {
    let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
    Flow { protocol, source: address(source), destination: address(destination), opened: at(200) }
}

fn change(action: FileAction, path: &str) -> FileChange {
    FileChange {
        action,
        path: path.into(),
        old_path: None,
        host_path: None,
        elsewhere: false,
        file: Some(FileId { device: 8 << 20 | 1, inode: 131_072 }),
        mode: 0o100_644,
        device: None,
        exchange: None,
    }
}

fn geo() -> GeoLocation {
    GeoLocation {
        country: Some("NL".into()),
        as_number: Some(64_500),
        as_organization: Some("Example Networks".into()),
        foreign: true,
    }
}

/// Returns one event of each kind, and of each variant that is encoded differently, with the names of their snapshots.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn events() -> Vec<(&'static str, Event)> {
    let tcp = flow(Protocol::Tcp, "10.0.0.2:40000", "10.0.0.1:8000");
    let udp = flow(Protocol::Udp, "[fd00::2]:0", "[fd00::1]:53");
    let connect = |flow, result| {
        EventBody::Connect(Connect { flow, result, network_namespace: 4_026_531_840, peer: None })
    };
    let peer = || Some(Box::new(geo()));
    let close = |flow, bytes: Option<_>| {
        let segments = bytes.map(|_| (3, 850));
        let (first_payload, last_payload) = (bytes.map(|_| at(205)), bytes.map(|_| at(280)));
        let network_namespace = 0;
        EventBody::Close(Close {
            flow,
            bytes,
            segments,
            first_payload,
            last_payload,
            network_namespace,
            peer: peer(),
        })
    };
    let exec = Exec {
        parent: key(4700),
        executable: curl().executable,
        invoked: "/usr/bin/curl".into(),
        name: "curl".into(),
        arguments: curl().arguments,
        arguments_cut: true,
        directory: "/root".into(),
        credentials: credentials(),
        capabilities_gained: 1 << 12 | 1 << 21,
        namespaces: Namespaces { mount: 1, pid: 2, network: 3, user: 4 },
        session: 4700,
        chroots_to_host: false,
    };
    let running = RunningProcess {
        parent: Some(key(4700)),
        executable: exec.executable.clone(),
        name: "curl".into(),
        arguments: exec.arguments.clone(),
        directory: "/root".into(),
        credentials: credentials(),
        namespaces: exec.namespaces,
        session: 4700,
        kernel_thread: false,
    };
    let thread = RunningProcess {
        parent: None,
        executable: Executable { path: "".into(), file: None, flags: ExecutableFlags::default() },
        name: "kswapd0".into(),
        arguments: arguments(&[]),
        directory: "".into(),
        credentials: Credentials::default(),
        namespaces: Namespaces::default(),
        session: 0,
        kernel_thread: true,
    };
    let renamed = FileChange { old_path: Some("/tmp/x.part".into()), ..change(FileAction::Rename, "/tmp/x") };
    let exchange = Some(Exchange {
        file: Some(FileId { device: 8 << 20 | 1, inode: 4_711 }),
        mode: 0o100_755,
        first: true,
    });
    let exchanged = FileChange {
        old_path: Some("/tmp/x".into()),
        exchange,
        ..change(FileAction::Rename, "/etc/ld.so.preload")
    };
    let linked = FileChange { old_path: Some("/tmp/x".into()), ..change(FileAction::Link, "/usr/bin/x") };
    let symlink = FileChange {
        old_path: Some("/tmp/x".into()),
        mode: 0o120_777,
        ..change(FileAction::Symlink, "/etc/cron.d/x")
    };
    let device = FileChange {
        mode: 0o020_600,
        device: Some(DeviceOpen { major: 202, minor: 3, writable: true, result: 1 }),
        ..change(FileAction::DeviceOpen, "/dev/cpu/3/msr")
    };
    let running_flow =
        RunningFlow { protocol: tcp.protocol, source: tcp.source, destination: tcp.destination, peer: None };
    let usage = CpuUsage {
        window: 1_000_000_000,
        on_cpu: 1_875_000_000,
        total_on_cpu: 60_000_000_000,
        voluntary: 12,
        involuntary: 345,
        threads: 2,
        nice: -5,
        yields: 6,
        stops: 7,
        policy: SchedulingPolicy::Idle,
        allowed_processors: 2,
    };
    let description =
        ContainerDescription { id: container().id.clone().expect("an id"), details: container_details() };
    let accessed = PrivilegedCall::AccessProcess(AccessedProcess {
        pid: 812,
        key: Some(key(812)),
        name: "auditd".into(),
    });
    let program = PrivilegedCall::LoadProgram { program_type: 2, name: "hide".into() };
    let module = PrivilegedCall::LoadModule { name: "veil".into() };
    let hash = HashedFile { file: FileId { device: 1, inode: 2 }, sha256: "ab".into() };
    let process = Some(running.clone());
    let hidden = HiddenProcess { by: HiddenBy::Mount, source: None, preloaded: Vec::new(), process };
    let dataset = Mapping { class: MappingClass::Dataset, size: 2_181_038_080, count: 1, huge: true };
    let pool = HugePages { path: "/proc/sys/vm/nr_hugepages".into(), before: 0, after: 1168 };
    let exit = |code, signal| EventBody::Exit(Exit { code, signal, on_cpu: 12_345_678 });
    [
        ("fork", EventBody::Fork(Fork { parent: key(4700), name: "bash".into() })),
        ("exec", EventBody::Exec(Box::new(exec))),
        ("exit", exit(Some(7), None)),
        ("exit-by-signal", exit(None, Some(9))),
        ("connect", connect(tcp, 0)),
        ("connect-unanswered", connect(tcp, 115)),
        ("connect-refused", connect(udp, 111)),
        ("connect-odd-error", connect(tcp, 4_000)),
        ("close", close(tcp, Some((517, 1_234_567)))),
        ("close-uncounted", close(udp, None)),
        ("file-write", EventBody::File(Box::new(change(FileAction::Write, "/etc/crontab")))),
        ("file-create", EventBody::File(Box::new(change(FileAction::Create, "/tmp/x.part")))),
        ("file-rename", EventBody::File(Box::new(renamed))),
        ("file-delete", EventBody::File(Box::new(change(FileAction::Delete, "/tmp/x")))),
        (
            "file-chmod",
            EventBody::File(Box::new(FileChange { mode: 0o104_755, ..change(FileAction::Chmod, "/tmp/x") })),
        ),
        ("file-link", EventBody::File(Box::new(linked))),
        ("file-symlink", EventBody::File(Box::new(symlink))),
        ("device-open", EventBody::File(Box::new(device))),
        ("cpu", EventBody::Cpu(usage)),
        ("running", EventBody::RunningProcess(Box::new(running))),
        ("running-kernel-thread", EventBody::RunningProcess(Box::new(thread))),
        ("connection-running", EventBody::RunningFlow(running_flow)),
        ("rounding", EventBody::Rounding(rounding())),
        ("memory-map", EventBody::Mapping(dataset)),
        ("huge-pages", EventBody::HugePages(pool)),
        ("hash", EventBody::HashedFile(hash)),
        ("container", EventBody::ContainerDescription(Box::new(description))),
        ("tls", EventBody::Payload(Box::new(hello(tcp)))),
        ("dns", EventBody::Payload(Box::new(hello(udp)))),
        (
            "flow",
            EventBody::FlowUpdate(Box::new(FlowUpdate {
                flow: tcp,
                accepted: false,
                interval: true,
                first: tcp.opened,
                bytes: (2_048, 8_192),
                payloads: (9, 17),
                samples: Box::default(),
            })),
        ),
        ("cpu-quota", EventBody::Quota(Box::new(quota()))),
        ("hidden", EventBody::Hidden(Box::new(hidden))),
        ("inspection", EventBody::Inspection(Box::new(inspection()))),
        ("file-exchange", EventBody::File(Box::new(exchanged))),
        (
            "signal-sent",
            EventBody::SentSignal(SentSignal { signal: 19, target: key(812), target_name: "auditd".into() }),
        ),
        ("process-access", EventBody::Privileged(Box::new(accessed))),
        ("bpf-load", EventBody::Privileged(Box::new(program))),
        ("bpf-detach", EventBody::Privileged(Box::new(PrivilegedCall::DetachProgram))),
        ("module-load", EventBody::Privileged(Box::new(module))),
    ]
    .into_iter()
    .zip(0..)
    .map(|((name, body), index)| (name, event(at(123 + 200 * index), body)))
    .collect()
}

/// Returns an inspection with everything in it.
fn inspection() -> Inspection {
    Inspection {
        name: Some("kworker/0:1".into()),
        title: Some("[kworker/0:1]".into()),
        deleted: true,
        input: Some(InputFile { path: "/tmp/x.sh".into(), file: FileId { device: 1, inode: 3 } }),
        preloaded: vec!["/tmp/x.so".into()],
        settings: Some(MinerSettings {
            file: Some("/tmp/config.json".into()),
            arguments: vec!["--url".into(), "stratum+tcp://pool.example:3333".into()],
        }),
    }
}

/// Returns a quota report of a process that uses all of its quota of half a processor.
fn quota() -> CpuQuota {
    CpuQuota {
        cgroup: "/kubepods/pod1".into(),
        quota: 50_000,
        period: 100_000,
        window: 10_000_000_000,
        periods: 100,
        throttled: 97,
        throttled_time: 4_900_000_000,
        on_cpu: 4_800_000_000,
    }
}

/// Returns the rounding modes of a process that runs RandomX for part of the time.
fn rounding() -> Rounding {
    Rounding {
        register: ControlRegister::Mxcsr,
        flushing: RoundingCounts { nearest: 40, down: 11, up: 12, zero: 13 },
        plain: RoundingCounts { nearest: 7, down: 0, up: 0, zero: 0 },
    }
}

/// Returns a DNS answer with a CNAME record and the address of the canonical name.
fn resolved() -> DnsAnswer {
    let record = |kind, data| DnsRecord { kind, ttl: 300, data };
    DnsAnswer {
        question: "files.example".into(),
        question_type: 1,
        code: 0,
        records: vec![
            record(5, DnsData::Name("cdn.example".into())),
            record(1, DnsData::Address([192, 0, 2, 7].into())),
        ],
    }
}

fn hello(flow: Flow) -> Payload {
    Payload {
        flow,
        direction: Direction::Sent,
        index: 0,
        length: 517,
        accepted: false,
        bytes: Bytes([0x16, 3, 1, 2, 0, 1].into()),
        app: AppData::default(),
    }
}

fn greeting() -> TlsHello {
    TlsHello {
        server_name: Some("files.example".into()),
        names_host: true,
        protocols: vec!["h2".into(), "http/1.1".into()],
        offers_protocols: true,
        whole: true,
        ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
    }
}

/// Encodes all samples. Returns the name and the JSON of each, without the newline.
pub(crate) fn lines() -> Vec<(&'static str, String)> {
    let encoder = encoder();
    let (curl, bash) = (curl(), bash());
    let mut lines = Vec::new();
    for ((name, mut event), sequence) in events().into_iter().zip(1..) {
        let domain = matches!(name, "connect" | "close" | "tls" | "flow").then_some("files.example");
        if let EventBody::Payload(payload) = &mut event.body {
            match name {
                "tls" => payload.app.tls = Some(Box::new(greeting())),
                "dns" => {
                    payload.direction = Direction::Received;
                    payload.app.dns =
                        Some(Box::new(DnsMessage { id: 1, response: true, answer: resolved() }));
                }
                _ => {}
            }
        }
        let observed = Observed {
            event: &event,
            process: Some(&curl),
            parent: Some(&bash),
            domain,
            incident: None,
            sequence,
        };
        let mut line = Vec::new();
        if encoder.event(&observed, &mut line) {
            lines.push((name, text(line)));
        }
    }
    let mut line = Vec::new();
    encoder.alert(&alert(), 99, &mut line);
    lines.push(("alert", text(line)));
    lines
}

fn text(line: Vec<u8>) -> String {
    let line = String::from_utf8(line).unwrap();
    let inner = line.strip_suffix('\n').unwrap();
    assert!(!inner.contains('\n'), "one object, one line: {inner}");
    inner.to_owned()
}
