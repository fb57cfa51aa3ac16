//! The connections under way: who opened each, when and to where.

use aya_ebpf::{macros::map, maps::HashMap};
use minerwatch_common::{CloseRecord, ConnectRecord, FlowTuple, Loss, RecordHeader, RecordKind};

use crate::{
    emit::{self, Context},
    task,
};

/// Connections remembered at once, of each transport; about 150 bytes each.
const MAX_FLOWS: u32 = 32_768;

/// A connection under way.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FlowState {
    /// The process that opened it, as at that moment.
    pub owner: RecordHeader,
    /// Its ends.
    pub flow: FlowTuple,
    /// Payload bytes sent so far, where we count them ourselves (UDP).
    pub bytes_sent: u64,
    /// Payload bytes received so far, where we count them ourselves (UDP).
    pub bytes_received: u64,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// How many peers it was reported with (UDP), or 1 once it is established (TCP).
    pub reported: u32,
}

/// TCP connections by the address of their socket.
#[map]
pub static TCP_FLOWS: HashMap<u64, FlowState> = HashMap::with_max_entries(MAX_FLOWS, 0);

/// UDP flows by the cookie of their socket.
#[map]
pub static UDP_FLOWS: HashMap<u64, FlowState> = HashMap::with_max_entries(MAX_FLOWS, 0);

/// Remembers a connection; one that finds no room is counted and will not be reported.
#[inline(always)]
pub fn remember(flows: &HashMap<u64, FlowState>, key: u64, state: &FlowState) -> bool {
    let kept = flows.insert(key, state, 0).is_ok();
    if !kept {
        emit::count(Loss::FlowTableFull);
    }
    kept
}

/// Reports the result of a connection attempt.
#[inline(always)]
pub fn report_connect(context: Context, state: &FlowState, flow: FlowTuple, result: i32) {
    emit::record(
        context,
        RecordKind::Connect,
        ConnectRecord {
            header: RecordHeader { time: task::now(), ..header(state, RecordKind::Connect) },
            opened: state.owner.time,
            flow,
            result,
            network_namespace: state.network_namespace,
        },
    );
}

/// What went over a connection.
///
/// No `Option`: the compiler may load the numbers of one that is `None` before it drops them, and the verifiers of
/// 5.10 and 6.1 refuse to read stack memory that was never written.
#[derive(Clone, Copy)]
pub struct Counts {
    /// Payload bytes sent.
    pub sent: u64,
    /// Payload bytes received.
    pub received: u64,
    /// Segments with payload, sent and received; 0 where nobody counts them (UDP).
    pub segments: (u32, u32),
    /// Whether these were counted at all.
    pub counted: bool,
}

impl Counts {
    /// Nobody counted.
    pub const NONE: Self = Self { sent: 0, received: 0, segments: (0, 0), counted: false };
}

/// Reports the end of a connection.
#[inline(always)]
pub fn report_close(context: Context, state: &FlowState, counts: Counts) {
    emit::record(
        context,
        RecordKind::Close,
        CloseRecord {
            header: RecordHeader { time: task::now(), ..header(state, RecordKind::Close) },
            opened: state.owner.time,
            flow: state.flow,
            bytes_sent: counts.sent,
            bytes_received: counts.received,
            segments_sent: counts.segments.0,
            segments_received: counts.segments.1,
            counted: u32::from(counts.counted),
            network_namespace: state.network_namespace,
        },
    );
}

#[inline(always)]
fn header(state: &FlowState, kind: RecordKind) -> RecordHeader {
    let length = match kind {
        RecordKind::Connect => size_of::<ConnectRecord>(),
        _ => size_of::<CloseRecord>(),
    };
    RecordHeader { kind: kind as u16, length: length as u32, ..state.owner }
}
