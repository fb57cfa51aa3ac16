//! The counters of what the eBPF programs could not send or remember.

use crate::RecordKind;

macro_rules! table_losses {
    ($($(#[$doc:meta])* $loss:ident = $index:literal, $name:literal;)+) => {
        /// A reason why something was lost. Each has a slot in the per-CPU loss counters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Loss {
            /// A record of this kind found no room in its ring.
            RingFull(RecordKind),
            $($(#[$doc])* $loss,)+
        }

        impl Loss {
            /// The slot of this loss, below [`Loss::SLOTS`].
            pub const fn slot(self) -> u32 {
                match self {
                    Self::RingFull(kind) => kind as u32,
                    $(Self::$loss => Self::TABLES + $index,)+
                }
            }

            /// Every loss there is.
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
    /// A connection could not be remembered, so its result and its end are not reported.
    FlowTableFull = 0, "flow-table";
    /// The scheduler hook could not remember a process, so its CPU time is not counted.
    CpuTableFull = 1, "cpu-table";
    /// The arguments of a system call could not be kept until it ended, so its change is not reported.
    CallTableFull = 2, "call-table";
    /// The kernel had no memory for the state of a socket, so its payloads are not read.
    SocketUnwatched = 3, "socket";
    /// A process that asks for memory could not be remembered, so its mappings are not counted.
    MappingTableFull = 4, "mapping-table";
}

impl Loss {
    /// How many slots the counters have; slot 0 is unused.
    pub const SLOTS: u32 = 32;

    /// The first slot after those of the record kinds.
    const TABLES: u32 = 24;
}

const _: () = assert!(RecordKind::COUNT < Loss::TABLES as usize);
const _: () = assert!(Loss::MappingTableFull.slot() < Loss::SLOTS);
