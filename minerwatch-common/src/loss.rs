//! Where the kernel side counts what it could not send or remember.

use crate::RecordKind;

/// Slots of the per-CPU loss counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// A record of this kind found no room in its ring.
    RingFull(RecordKind),
    /// A connection could not be remembered, so its result and end will not be reported.
    FlowTableFull,
    /// A process could not be remembered by the scheduler hook, so its CPU time is not counted.
    CpuTableFull,
    /// A process that asks for memory could not be remembered, so its mappings are not counted.
    MappingTableFull,
    /// A system call's arguments could not be kept until its end, so its change was not reported.
    CallTableFull,
    /// A socket found no memory for its state, so what it says was not looked at.
    SocketUnwatched,
}

impl Loss {
    /// How many slots the counters have; slot 0 is unused.
    pub const SLOTS: u32 = 32;

    /// The first slot behind those of the record kinds.
    const TABLES: u32 = 24;

    /// The slot of this loss, below [`Loss::SLOTS`].
    pub const fn slot(self) -> u32 {
        match self {
            Self::RingFull(kind) => kind as u32,
            Self::FlowTableFull => Self::TABLES,
            Self::CpuTableFull => Self::TABLES + 1,
            Self::CallTableFull => Self::TABLES + 2,
            Self::SocketUnwatched => Self::TABLES + 3,
            Self::MappingTableFull => Self::TABLES + 4,
        }
    }

    /// Every loss there is.
    pub fn all() -> impl Iterator<Item = Self> {
        RecordKind::ALL.into_iter().map(Self::RingFull).chain([
            Self::FlowTableFull,
            Self::CpuTableFull,
            Self::CallTableFull,
            Self::SocketUnwatched,
            Self::MappingTableFull,
        ])
    }

    /// The name used in metrics and in `minerwatch.lost`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RingFull(kind) => kind.name(),
            Self::FlowTableFull => "flow-table",
            Self::CpuTableFull => "cpu-table",
            Self::CallTableFull => "call-table",
            Self::SocketUnwatched => "socket",
            Self::MappingTableFull => "mapping-table",
        }
    }
}

const _: () = assert!(RecordKind::COUNT < Loss::TABLES as usize);
