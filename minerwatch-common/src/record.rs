//! The table of records: one row for each kind that the eBPF programs send. Everything that has to be known about a
//! kind (its number, name, type, size and ring) comes from its row.

use core::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    CloseRecord, ConnectRecord, CpuRecord, ExecRecord, ExitRecord, FileRecord, FlowUpdateRecord, ForkRecord,
    MappingRecord, PayloadRecord, RecordHeader, RoundingRecord, numbered::numbered,
};

/// A ring that records travel on. A flood on one ring cannot push out the records of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Process life, connections and CPU use.
    Process,
    /// Files and memory mappings.
    File,
    /// Payloads and flow updates.
    Payload,
}

/// A record of a kind of its own. It starts with a field `header`, a [`RecordHeader`].
pub trait Record: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + 'static {
    /// The kind, as it stands in [`RecordHeader::kind`].
    const KIND: RecordKind;
}

macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal, $record:ident, $ring:ident;)+) => {
        numbered! {
            /// The kinds of record that the eBPF programs send, as they stand in [`RecordHeader::kind`].
            pub enum RecordKind: u16 { $($(#[$doc])* $kind = $number,)+ }
        }

        impl RecordKind {
            /// Every kind, in the order of its number.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$kind),+];

            /// How many kinds there are; they are numbered from 1 to this.
            pub const COUNT: usize = [$($number),+].len();

            /// The name used in metrics, in `minerwatch.lost` and on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// The ring that records of this kind travel on.
            #[inline]
            pub const fn ring(self) -> Ring {
                match self {
                    $(Self::$kind => Ring::$ring,)+
                }
            }
        }

        $(
            impl Record for $record {
                const KIND: RecordKind = RecordKind::$kind;
            }

            const _: () = assert!(offset_of!($record, header) == 0);
        )+
    };
}

records! {
    /// A process was created.
    Fork = 1, "fork", ForkRecord, Process;
    /// A process started another program.
    Exec = 2, "exec", ExecRecord, Process;
    /// The last thread of a process ended.
    Exit = 3, "exit", ExitRecord, Process;
    /// An outbound connection got its result.
    Connect = 4, "connect", ConnectRecord, Process;
    /// An outbound connection ended.
    Close = 5, "close", CloseRecord, Process;
    /// A file was opened for writing, created, renamed, deleted or changed in mode.
    File = 6, "file", FileRecord, File;
    /// How much CPU a busy process used.
    Cpu = 7, "cpu", CpuRecord, Process;
    /// A process uses another rounding mode than the default.
    Rounding = 8, "rounding", RoundingRecord, Process;
    /// A process asked for memory in a size that miners use.
    Mapping = 9, "mapping", MappingRecord, File;
    /// One of the first payloads of a connection.
    Payload = 10, "payload", PayloadRecord, Payload;
    /// How much went over a connection so far, and when.
    FlowUpdate = 11, "flow", FlowUpdateRecord, Payload;
}

// Counters and decoders are arrays with a place for each number.
const _: () = {
    let mut index = 0;
    while index < RecordKind::COUNT {
        assert!(RecordKind::ALL[index] as usize == index + 1);
        index += 1;
    }
};

impl RecordHeader {
    /// The header of a record of type `R` at `time`, about the same process. The length is that without a tail.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the eBPF programs must not call functions that return structures"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "a record without its tail is less than a page")]
    #[must_use]
    pub fn for_record<R: Record>(&self, time: u64) -> Self {
        Self { kind: R::KIND as u16, length: size_of::<R>() as u32, time, ..*self }
    }
}
