//! The tables of open connections, with the owner, start time and peer of each connection.

use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, bpf_sock},
    macros::map,
    maps::HashMap,
};
use minerwatch_common::{CloseRecord, ConnectRecord, FlowState, FlowTuple, Loss};

use crate::{
    emit::{self, Context},
    task,
};

/// Maximum number of open connections per transport protocol.
///
/// The kernel allocates each entry, of about 190 bytes, when it is added. Two full tables take 12 MiB. Kernels before 6.1
/// print a warning if the program of a kprobe, a raw tracepoint or a system-call tracepoint uses such a table
/// (`check_map_prog_compatibility`, kernel/bpf/verifier.c). So only BTF tracepoints and cgroup programs use these tables.
const MAX_FLOWS: u32 = 32_768;

/// TCP connections. The key is the address of the socket, or its cookie if the connection was open before the daemon
/// started.
#[map]
pub static TCP_FLOWS: HashMap<u64, FlowState> = HashMap::with_max_entries(MAX_FLOWS, BPF_F_NO_PREALLOC);

/// UDP flows. The key is the cookie of the socket.
#[map]
pub static UDP_FLOWS: HashMap<u64, FlowState> = HashMap::with_max_entries(MAX_FLOWS, BPF_F_NO_PREALLOC);

/// Stores a connection and returns whether the table had room. If not, the loss is counted.
#[inline(always)]
pub fn remember(flows: &HashMap<u64, FlowState>, key: u64, state: &FlowState) -> bool {
    let kept = flows.insert(key, state, 0).is_ok();
    if !kept {
        emit::count(Loss::FlowTableFull);
    }
    kept
}

/// Stores the time of the first payload of a TCP connection.
#[inline(always)]
pub fn note_first_payload(socket: *mut bpf_sock, at: u64) {
    // A program with CAP_PERFMON may use the address of a socket as a number (`check_stack_range_initialized`,
    // kernel/bpf/verifier.c).
    if let Some(state) = TCP_FLOWS.get_ptr_mut(socket as u64) {
        // SAFETY: a live row. The first packets of both directions may come at the same time, and either time is fine.
        unsafe { (&raw mut (*state).first_payload).write(at) };
    }
}

/// Reports the result of a connection attempt.
#[inline(always)]
pub fn report_connect(context: Context, state: &FlowState, flow: FlowTuple, result: i32) {
    emit::record(
        context,
        ConnectRecord {
            header: state.owner.for_record::<ConnectRecord>(task::now()),
            opened: state.owner.time,
            flow,
            result,
            network_namespace: state.network_namespace,
        },
    );
}

/// The byte and segment counts of a connection.
///
/// `counted` replaces an `Option`. The compiler may load the fields of a `None` before it discards them, and the
/// verifiers of 5.10 and 6.1 reject reads of stack memory that was never written.
#[derive(Clone, Copy)]
pub struct Counts {
    /// Payload bytes sent.
    pub sent: u64,
    /// Payload bytes received.
    pub received: u64,
    /// Number of segments with payload: sent, received. 0 for UDP.
    pub segments: (u32, u32),
    /// Whether anything was counted.
    pub counted: bool,
    /// See [`CloseRecord::last_payload`].
    pub last_payload: u64,
}

impl Counts {
    /// The counts of a connection for which nothing was counted.
    pub const NONE: Self = Self { sent: 0, received: 0, segments: (0, 0), counted: false, last_payload: 0 };
}

/// Reports the end of a connection.
#[inline(always)]
pub fn report_close(context: Context, state: &FlowState, counts: Counts) {
    emit::record(
        context,
        CloseRecord {
            header: state.owner.for_record::<CloseRecord>(task::now()),
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
