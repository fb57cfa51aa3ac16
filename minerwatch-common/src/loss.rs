//! Kinds of losses: records that the eBPF programs could not send, and table entries that they could not store.

use crate::RecordKind;

macro_rules! table_losses {
    ($($(#[$doc:meta])* $loss:ident = $index:literal, $name:literal;)+) => {
        /// A kind of loss. Each kind has a slot in the per-CPU loss counters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Loss {
            /// A record of this kind found no room in its ring.
            RingFull(RecordKind),
            $($(#[$doc])* $loss,)+
        }

        impl Loss {
            /// Returns the slot of this loss, which is less than [`Loss::SLOTS`].
            pub const fn slot(self) -> u32 {
                match self {
                    Self::RingFull(kind) => kind as u32,
                    $(Self::$loss => Self::TABLES + $index,)+
                }
            }

            /// Returns all kinds of losses.
            pub fn all() -> impl Iterator<Item = Self> {
                RecordKind::ALL.into_iter().map(Self::RingFull).chain([$(Self::$loss),+])
            }

            /// The name used in metrics and in `minerwatch.lost`.
            pub fn name(self) -> &'static str {
                match self {
                    Self::RingFull(kind) => kind.name(),
                    $(Self::$loss => $name,)+
                }
            }
        }
    };
}

table_losses! {
    /// The flow table had no room for a connection. The result and the end of the connection are not reported.
    FlowTableFull = 0, "flow-table";
    /// A table of the scheduler hook had no room for a process or a real-time thread, so its CPU time is not counted.
    CpuTableFull = 1, "cpu-table";
    /// The table of file changes in progress had no room for a change, so the change is not reported.
    CallTableFull = 2, "call-table";
    /// The kernel had no memory for the state of a socket, so the payloads of the socket are not read.
    SocketUnwatched = 3, "socket";
    /// The mapping table had no room for a process, so the mappings of the process are not counted.
    MappingTableFull = 4, "mapping-table";
    /// Details of a program start, a rename, a removal or a change of permissions could not be read, so it is not reported.
    Unread = 5, "unread";
}

impl Loss {
    /// Number of slots of the loss counters. Slot 0 is unused.
    pub const SLOTS: u32 = 32;

    /// The first slot after the slots of the record kinds.
    const TABLES: u32 = 24;
}

const _: () = assert!(RecordKind::COUNT < Loss::TABLES as usize);
const _: () = assert!(Loss::Unread.slot() < Loss::SLOTS);
