//! Turns records from the kernel into events.
//!
//! The bytes are not trusted. A record that is too short, has an unknown kind or has inconsistent lengths gives an
//! error, which the caller counts. Such a record never causes a panic, and the records after it are still read.
//!
//! To add a record, implement [`Decode`] for the record in the file of its family and add a row to [`DECODERS`].

mod compute;
mod file;
mod network;
mod paths;
mod payload;
mod process;
mod record;

use minerwatch_common::{
    CloseRecord, ConnectRecord, CpuRecord, ExecRecord, ExitRecord, FileRecord, FlowUpdateRecord, ForkRecord,
    MappingRecord, PayloadRecord, PrivilegedRecord, RecordHeader, RecordKind, RoundingRecord, SignalRecord,
};
use zerocopy::FromBytes as _;

use self::record::Decode;
pub use self::record::DecodeError;
use crate::model::{BootTime, Event, EventBody, ProcessKey, Subject};

/// The decoder for the bodies of one kind of record.
struct Decoder {
    kind: RecordKind,
    body: fn(&[u8]) -> Result<EventBody, DecodeError>,
}

/// The decoder of each kind of record, in the order of [`RecordKind::ALL`].
static DECODERS: [Decoder; RecordKind::COUNT] = [
    decoder::<ForkRecord>(),
    decoder::<ExecRecord>(),
    decoder::<ExitRecord>(),
    decoder::<ConnectRecord>(),
    decoder::<CloseRecord>(),
    decoder::<FileRecord>(),
    decoder::<CpuRecord>(),
    decoder::<RoundingRecord>(),
    decoder::<MappingRecord>(),
    decoder::<PayloadRecord>(),
    decoder::<FlowUpdateRecord>(),
    decoder::<SignalRecord>(),
    decoder::<PrivilegedRecord>(),
];

// Checks at compile time that no row is missing or misplaced.
const _: () = {
    let mut index = 0;
    while index < RecordKind::COUNT {
        assert!(DECODERS[index].kind as u16 == RecordKind::ALL[index] as u16);
        index += 1;
    }
};

const fn decoder<R: Decode>() -> Decoder {
    Decoder { kind: R::KIND, body: body::<R> }
}

/// Decodes a record from its fixed part and its tail.
fn body<R: Decode>(bytes: &[u8]) -> Result<EventBody, DecodeError> {
    let (record, tail) =
        R::read_from_prefix(bytes).map_err(|_| DecodeError::Short { length: bytes.len() })?;
    record.decode(tail)
}

// The kernel side and the model must use the same bit.
const _: () = assert!(crate::model::CGROUP_V1 == minerwatch_common::CGROUP_V1);

/// Decodes one record.
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let (header, _) =
        RecordHeader::read_from_prefix(bytes).map_err(|_| DecodeError::Short { length: bytes.len() })?;
    let decoder = usize::from(header.kind).checked_sub(1).and_then(|index| DECODERS.get(index));
    let decoder = decoder.ok_or(DecodeError::UnknownKind(header.kind))?;
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
        body: (decoder.body)(bytes)?,
    })
}

#[cfg(test)]
mod tests;
