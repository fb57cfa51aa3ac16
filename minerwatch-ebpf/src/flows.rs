//! The connections under way: who opened each, when and to where.

use aya_ebpf::{bindings::bpf_sock, macros::map, maps::HashMap};
use minerwatch_common::{CloseRecord, ConnectRecord, FlowState, FlowTuple, Loss, RecordHeader, RecordKind};

use crate::{
    emit::{self, Context},
    task,
};

/// Connections remembered at once, of each transport; about 150 bytes each.
const MAX_FLOWS: u32 = 32_768;

/// TCP connections by the address of their socket; those that were there before the daemon by its cookie.
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

/// Notes at a TCP connection when its first payload was seen.
#[inline(always)]
pub fn note_first_payload(socket: *mut bpf_sock, at: u64) {
    // A program with CAP_PERFMON may use the address of a socket as a number (`check_stack_range_initialized`,
    // kernel/bpf/verifier.c).
    if let Some(state) = TCP_FLOWS.get_ptr_mut(socket as u64) {
        // SAFETY: a live row. Both directions' first packets may come at once, and either time will do.
        unsafe { (&raw mut (*state).first_payload).write(at) };
    }
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
    /// As [`CloseRecord::last_payload`].
    pub last_payload: u64,
}

impl Counts {
    /// Nobody counted.
    pub const NONE: Self = Self { sent: 0, received: 0, segments: (0, 0), counted: false, last_payload: 0 };
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
            first_payload: state.first_payload,
            last_payload: counts.last_payload,
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
