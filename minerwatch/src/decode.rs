//! Bytes from the kernel become events.
//!
//! The bytes are treated as hostile: a record that is short, of an unknown kind or inconsistent in its
//! lengths is an error to be counted, never a panic, and what follows it is still read.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use minerwatch_common::{
    CloseRecord, ConnectRecord, CpuRecord, ExecFlags, ExecRecord, ExitRecord, FileOperation, FileRecord,
    FlowTuple, FlowUpdateRecord, ForkRecord, MappingRecord, PayloadRecord, RecordHeader, RecordKind,
    RoundingRecord, Transport,
};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::model::{
    AppData, BootTime, Bytes, Close, Connect, ControlRegister, CpuUsage, Credentials, DeviceOpen, Direction,
    Event, EventBody, Exec, Executable, ExecutableFlags, Exit, FileAction, FileChange, FileId, Flow,
    FlowUpdate, Fork, Mapping, MappingClass, Namespaces, Payload, PayloadSample, ProcessKey, Protocol,
    Rounding, RoundingCounts, SchedulingPolicy, Subject,
};

mod paths;

/// Address families of [`FlowTuple::family`].
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

// The kernel side and the model mark alike.
const _: () = assert!(crate::model::CGROUP_V1 == minerwatch_common::CGROUP_V1);

/// Why a record could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than the record's fixed part or its lengths promise.
    #[error("a record of {length} bytes is too short for its kind")]
    Short {
        /// Bytes there are.
        length: usize,
    },
    /// A kind this build does not know.
    #[error("a record of unknown kind {0}")]
    UnknownKind(u16),
    /// A field with a value that has no meaning.
    #[error("a record whose {0} has no meaning")]
    Meaningless(&'static str),
}

/// Decodes one record.
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let (header, _) = take::<RecordHeader>(bytes)?;
    let kind = RecordKind::from_number(header.kind).ok_or(DecodeError::UnknownKind(header.kind))?;
    let body = match kind {
        RecordKind::Fork => take::<ForkRecord>(bytes).map(|(record, _)| fork(&record))?,
        RecordKind::Exec => take::<ExecRecord>(bytes).and_then(|(record, tail)| exec(&record, tail))?,
        RecordKind::Exit => take::<ExitRecord>(bytes).map(|(record, _)| exit(&record))?,
        RecordKind::Connect => take::<ConnectRecord>(bytes).and_then(|(record, _)| connect(&record))?,
        RecordKind::Close => take::<CloseRecord>(bytes).and_then(|(record, _)| close(&record))?,
        RecordKind::File => take::<FileRecord>(bytes).and_then(|(record, tail)| file(&record, tail))?,
        RecordKind::Payload => take::<PayloadRecord>(bytes).and_then(|(record, _)| payload(&record))?,
        RecordKind::FlowUpdate => take::<FlowUpdateRecord>(bytes).and_then(|(record, _)| course(&record))?,
        RecordKind::Cpu => take::<CpuRecord>(bytes).map(|(record, _)| cpu(&record))?,
        RecordKind::Mapping => take::<MappingRecord>(bytes).and_then(|(record, _)| mapping(&record))?,
        RecordKind::Rounding => take::<RoundingRecord>(bytes).and_then(|(record, _)| rounding(&record))?,
    };
    Ok(Event {
        time: BootTime(header.time),
        subject: Subject {
            key: ProcessKey::new(header.pid, header.start),
            tid: header.tid,
            uid: header.uid,
            gid: header.gid,
            cgroup: header.cgroup,
            container: None,
        },
        body,
    })
}

fn take<Record: FromBytes + KnownLayout + Immutable>(bytes: &[u8]) -> Result<(Record, &[u8]), DecodeError> {
    Record::read_from_prefix(bytes).map_err(|_| DecodeError::Short { length: bytes.len() })
}

/// Cuts `length` bytes off the front of a tail.
fn cut<'a>(tail: &mut &'a [u8], length: u16) -> Result<&'a [u8], DecodeError> {
    let (piece, rest) =
        tail.split_at_checked(usize::from(length)).ok_or(DecodeError::Short { length: tail.len() })?;
    *tail = rest;
    Ok(piece)
}

fn fork(record: &ForkRecord) -> EventBody {
    EventBody::Fork(Fork {
        parent: ProcessKey::new(record.parent_pid, record.parent_start),
        name: paths::text(&record.comm),
    })
}

fn exec(record: &ExecRecord, mut tail: &[u8]) -> Result<EventBody, DecodeError> {
    let path = cut(&mut tail, record.path_length)?;
    let directory = cut(&mut tail, record.directory_length)?;
    let invoked = cut(&mut tail, record.name_length)?;
    let arguments = cut(&mut tail, record.arguments_length)?;
    let has = |flag: u16| record.flags & flag != 0;
    let file = (record.inode != 0).then_some(FileId { device: record.device, inode: record.inode });
    Ok(EventBody::Exec(Box::new(Exec {
        parent: ProcessKey::new(record.parent_pid, record.parent_start),
        executable: Executable {
            path: paths::absolute(path, has(ExecFlags::PATH_CUT)),
            file,
            flags: ExecutableFlags { memfd: has(ExecFlags::MEMFD), deleted: has(ExecFlags::DELETED) },
        },
        invoked: paths::text(invoked),
        name: paths::text(&record.comm),
        arguments: split_arguments(arguments),
        arguments_cut: has(ExecFlags::ARGUMENTS_CUT),
        directory: paths::absolute(directory, has(ExecFlags::DIRECTORY_CUT)),
        credentials: Credentials {
            uid: record.header.uid,
            gid: record.header.gid,
            user: None,
            capabilities: record.capabilities,
        },
        capabilities_gained: record.capabilities & !record.parent_capabilities,
        namespaces: Namespaces {
            mount: record.mount_namespace,
            pid: record.pid_namespace,
            network: record.network_namespace,
            user: record.user_namespace,
        },
        session: record.session,
    })))
}

fn split_arguments(bytes: &[u8]) -> Arc<[Arc<str>]> {
    if bytes.is_empty() {
        return Arc::from([]);
    }
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(paths::text).collect()
}

fn exit(record: &ExitRecord) -> EventBody {
    let signal = (record.status & 0x7f) as u8;
    let code = (record.status >> 8 & 0xff) as u8;
    EventBody::Exit(Exit {
        code: (signal == 0).then_some(code),
        signal: (signal != 0).then_some(signal),
        on_cpu: record.on_cpu,
    })
}

fn connect(record: &ConnectRecord) -> Result<EventBody, DecodeError> {
    if record.result < 0 {
        return Err(DecodeError::Meaningless("result"));
    }
    Ok(EventBody::Connect(Connect {
        flow: flow(&record.flow, record.opened)?,
        result: record.result,
        network_namespace: record.network_namespace,
        peer: None,
    }))
}

fn close(record: &CloseRecord) -> Result<EventBody, DecodeError> {
    let time = |at: u64| (at != 0).then_some(BootTime(at));
    // Ticks are coarse: a last payload before the first was the first.
    let last = time(record.last_payload).map(|last| last.max(BootTime(record.first_payload)));
    Ok(EventBody::Close(Close {
        flow: flow(&record.flow, record.opened)?,
        bytes: (record.counted != 0).then_some((record.bytes_sent, record.bytes_received)),
        segments: (record.counted != 0 && record.flow.transport == Transport::Tcp as u16)
            .then_some((record.segments_sent, record.segments_received)),
        first_payload: time(record.first_payload),
        last_payload: last,
        network_namespace: record.network_namespace,
        peer: None,
    }))
}

fn payload(record: &PayloadRecord) -> Result<EventBody, DecodeError> {
    let bytes = record.data.get(..usize::from(record.captured));
    let bytes = bytes.filter(|_| u32::from(record.captured) <= record.length);
    Ok(EventBody::Payload(Box::new(Payload {
        flow: flow(&record.flow, record.opened)?,
        direction: direction(record.direction)?,
        index: record.index,
        length: record.length,
        accepted: record.accepted != 0,
        bytes: Bytes(bytes.ok_or(DecodeError::Meaningless("captured length"))?.into()),
        app: AppData::default(),
    })))
}

fn direction(number: u16) -> Result<Direction, DecodeError> {
    match minerwatch_common::Direction::from_number(number) {
        Some(minerwatch_common::Direction::Sent) => Ok(Direction::Sent),
        Some(minerwatch_common::Direction::Received) => Ok(Direction::Received),
        None => Err(DecodeError::Meaningless("direction")),
    }
}

fn course(record: &FlowUpdateRecord) -> Result<EventBody, DecodeError> {
    let course = &record.progress;
    let taken = usize::try_from(course.count).ok().and_then(|count| course.samples.get(..count));
    let samples = taken.ok_or(DecodeError::Meaningless("number of samples"))?.iter().map(|beat| {
        Ok(PayloadSample { at: beat.at, direction: direction(beat.direction)?, length: beat.length })
    });
    Ok(EventBody::FlowUpdate(Box::new(FlowUpdate {
        flow: flow(&record.flow, record.opened)?,
        accepted: record.accepted != 0,
        interval: record.interval != 0,
        first: BootTime(course.first),
        bytes: course.bytes.into(),
        payloads: course.payloads.into(),
        samples: samples.collect::<Result<_, _>>()?,
    })))
}

fn flow(tuple: &FlowTuple, opened: u64) -> Result<Flow, DecodeError> {
    let protocol = match Transport::from_number(tuple.transport) {
        Some(Transport::Tcp) => Protocol::Tcp,
        Some(Transport::Udp) => Protocol::Udp,
        None => return Err(DecodeError::Meaningless("transport")),
    };
    Ok(Flow {
        protocol,
        source: SocketAddr::new(address(tuple.family, &tuple.source)?, tuple.source_port),
        destination: SocketAddr::new(address(tuple.family, &tuple.destination)?, tuple.destination_port),
        opened: BootTime(opened),
    })
}

/// An IPv4 address carried by an IPv6 socket is shown as what it is.
fn address(family: u16, bytes: &[u8; 16]) -> Result<IpAddr, DecodeError> {
    match family {
        AF_INET => {
            let [a, b, c, d, ..] = *bytes;
            Ok(Ipv4Addr::new(a, b, c, d).into())
        }
        AF_INET6 => Ok(IpAddr::from(Ipv6Addr::from(*bytes)).to_canonical()),
        _ => Err(DecodeError::Meaningless("address family")),
    }
}

fn file(record: &FileRecord, mut tail: &[u8]) -> Result<EventBody, DecodeError> {
    let action = match FileOperation::from_number(record.operation) {
        Some(FileOperation::Write) => FileAction::Write,
        Some(FileOperation::Create) => FileAction::Create,
        Some(FileOperation::Rename) => FileAction::Rename,
        Some(FileOperation::Delete) => FileAction::Delete,
        Some(FileOperation::Chmod) => FileAction::Chmod,
        Some(FileOperation::OpenDevice) => FileAction::DeviceOpen,
        None => return Err(DecodeError::Meaningless("file operation")),
    };
    let is_cut = record.cut != 0;
    let directory = cut(&mut tail, record.directory_length)?;
    let name = cut(&mut tail, record.name_length)?;
    let first = paths::joined(directory, name, is_cut);
    let (path, old_path) = if action == FileAction::Rename {
        let directory = cut(&mut tail, record.second_directory_length)?;
        let name = cut(&mut tail, record.second_name_length)?;
        (paths::joined(directory, name, is_cut), Some(first))
    } else {
        (first, None)
    };
    Ok(EventBody::File(Box::new(FileChange {
        action,
        path,
        old_path,
        file: (record.inode != 0).then_some(FileId { device: record.device, inode: record.inode }),
        mode: record.mode,
        device: (action == FileAction::DeviceOpen).then_some(DeviceOpen {
            major: record.special >> 20,
            minor: record.special & 0xf_ffff,
            writable: record.writable != 0,
            result: record.result.max(0),
        }),
    })))
}

fn cpu(record: &CpuRecord) -> EventBody {
    EventBody::Cpu(CpuUsage {
        window: record.window,
        on_cpu: record.window_on_cpu,
        total_on_cpu: record.on_cpu,
        voluntary: record.voluntary,
        involuntary: record.involuntary,
        threads: record.threads,
        yields: record.yields,
        stops: record.stops,
        nice: record.nice.clamp(-20, 19),
        policy: SchedulingPolicy::from_number(record.policy),
        allowed_processors: record.allowed_processors,
    })
}

fn rounding(record: &RoundingRecord) -> Result<EventBody, DecodeError> {
    let register = match minerwatch_common::ControlRegister::from_number(record.register) {
        Some(minerwatch_common::ControlRegister::Mxcsr) => ControlRegister::Mxcsr,
        Some(minerwatch_common::ControlRegister::Fpcr) => ControlRegister::Fpcr,
        None => return Err(DecodeError::Meaningless("register")),
    };
    let counts = |counts: &minerwatch_common::RoundingCounts| RoundingCounts {
        nearest: counts.nearest,
        down: counts.down,
        up: counts.up,
        zero: counts.zero,
    };
    Ok(EventBody::Rounding(Rounding {
        register,
        flushing: counts(&record.flushing),
        plain: counts(&record.plain),
    }))
}

fn mapping(record: &MappingRecord) -> Result<EventBody, DecodeError> {
    use minerwatch_common::MappingClass as Class;
    let class = match Class::from_number(record.class) {
        Some(Class::Dataset) => MappingClass::Dataset,
        Some(Class::Cache) => MappingClass::Cache,
        Some(Class::Code) => MappingClass::Code,
        Some(Class::Scratchpad) => MappingClass::Scratchpad,
        None => return Err(DecodeError::Meaningless("class of mapping")),
    };
    Ok(EventBody::Mapping(Mapping { class, size: record.size, count: record.count, huge: record.huge != 0 }))
}

#[cfg(test)]
mod tests;
