//! The table of records, with one row for each kind that the eBPF programs send. A row gives the number, name, type,
//! ring and urgency of the kind. The type gives the size.

use core::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    CloseRecord, ConnectRecord, CpuRecord, ExecRecord, ExitRecord, FileRecord, FlowUpdateRecord, ForkRecord,
    MappingRecord, PayloadRecord, PrivilegedRecord, RecordHeader, RoundingRecord, SignalRecord,
    numbered::numbered,
};

/// An event ring from the eBPF programs to the daemon. A flood on one ring cannot push out records on another ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Process lifecycle, connections and CPU use.
    Process,
    /// Files, memory mappings, signals and privileged calls.
    File,
    /// Payloads and flow updates.
    Payload,
}

/// Whether a record wakes the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// The record wakes the daemon if the daemon waits.
    Wakes,
    /// The record lies in its ring until the daemon wakes for another reason, at the latest at its next tick. Nothing is
    /// decided by such a record alone.
    Waits,
}

/// A type of record, with a kind of its own. The first field is `header`, a [`RecordHeader`].
pub trait Record: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + 'static {
    /// The kind of the record, stored in [`RecordHeader::kind`].
    const KIND: RecordKind;
}

macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal, $record:ident, $ring:ident, $urgency:ident;)+) => {
        numbered! {
            /// The kinds of records that the eBPF programs send, stored in [`RecordHeader::kind`].
            pub enum RecordKind: u16 { $($(#[$doc])* $kind = $number,)+ }
        }

        impl RecordKind {
            /// All kinds in numeric order.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$kind),+];

            /// Number of kinds. The kinds are numbered from 1 to `COUNT`.
            pub const COUNT: usize = [$($number),+].len();

            /// The name used in metrics, in `minerwatch.lost` and on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Returns the ring that carries records of this kind.
            #[inline]
            pub const fn ring(self) -> Ring {
                match self {
                    $(Self::$kind => Ring::$ring,)+
                }
            }

            /// Returns whether records of this kind wake the daemon.
            #[inline]
            pub const fn urgency(self) -> Urgency {
                match self {
                    $(Self::$kind => Urgency::$urgency,)+
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
    Fork = 1, "fork", ForkRecord, Process, Waits;
    /// A process executed another program.
    Exec = 2, "exec", ExecRecord, Process, Wakes;
    /// The last thread of a process ended.
    Exit = 3, "exit", ExitRecord, Process, Waits;
    /// An outbound connection attempt got its result.
    Connect = 4, "connect", ConnectRecord, Process, Wakes;
    /// An outbound connection ended.
    Close = 5, "close", CloseRecord, Process, Waits;
    /// A file was opened for writing, created, renamed, deleted or changed in mode, or a watched device was opened.
    File = 6, "file", FileRecord, File, Wakes;
    /// The CPU use of a busy process.
    Cpu = 7, "cpu", CpuRecord, Process, Waits;
    /// A process uses a rounding mode other than the default.
    Rounding = 8, "rounding", RoundingRecord, Process, Wakes;
    /// A process requested memory in a size that miners use.
    Mapping = 9, "mapping", MappingRecord, File, Wakes;
    /// One of the first payloads of a connection.
    Payload = 10, "payload", PayloadRecord, Payload, Wakes;
    /// Totals of a connection so far, with the sizes and times of its latest payloads.
    FlowUpdate = 11, "flow", FlowUpdateRecord, Payload, Waits;
    /// A process sent a signal to another one.
    Signal = 12, "signal", SignalRecord, File, Wakes;
    /// A process made a privileged call.
    Privileged = 13, "privileged", PrivilegedRecord, File, Wakes;
}

// Counters and decoders are arrays indexed by the number of the kind, so the numbers must have no gap.
const _: () = {
    let mut index = 0;
    while index < RecordKind::COUNT {
        assert!(RecordKind::ALL[index] as usize == index + 1);
        index += 1;
    }
};

impl RecordHeader {
    /// Returns the header of a record of type `R` about the same process at `time`. The length does not include a tail.
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
