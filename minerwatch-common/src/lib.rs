//! The contract between the eBPF programs and the daemon.
//!
//! There is one `repr(C)` record per kind. Records consist of integers and byte arrays only. [`record`](RecordKind)
//! holds the table of all kinds. Every record starts with a [`RecordHeader`]. Records with paths or arguments end with
//! a tail of variable length, and the fixed part of such a record holds the length of each piece of the tail. An
//! assertion next to each record checks its size. A record with hidden padding does not compile.
#![no_std]
#![forbid(unsafe_code)]

mod cpu;
mod file;
mod flow_update;
mod header;
mod layout;
mod loss;
mod memory;
mod network;
mod numbered;
mod payload;
mod privileged;
mod process;
mod record;
mod rounding;
mod settings;
mod signal;

pub use cpu::{CpuRecord, RunningTask};
pub use file::{FileOperation, FileRecord, MAX_FILE_TAIL, MAX_NAME};
pub use flow_update::{FlowProgress, FlowUpdateRecord, PAYLOAD_SAMPLES, PayloadSample};
pub use header::{CGROUP_V1, RecordHeader};
pub use layout::{ABSENT, KernelField, KernelLayout};
pub use loss::Loss;
pub use memory::{MappingClass, MappingRecord};
pub use network::{
    AF_INET, AF_INET6, CloseRecord, ConnectRecord, FlowState, FlowTuple, Transport, UNANSWERED,
};
pub use payload::{CaptureBudget, Direction, MAX_PAYLOAD, Opening, PayloadRecord, WatchedSocket};
pub use privileged::{MAX_PRIVILEGED_NAME, PrivilegedOperation, PrivilegedRecord};
pub use process::{
    COMM_LENGTH, ExecFlags, ExecRecord, ExitRecord, ForkRecord, MAX_ARGUMENTS, MAX_COMPONENT, MAX_EXEC_TAIL,
    MAX_PATH,
};
pub use record::{Record, RecordKind, Ring, Urgency};
pub use rounding::{ControlRegister, RoundingCounts, RoundingRecord};
pub use settings::{Settings, WATCHED_DEVICES, WatchedDevices};
pub use signal::{SignalRecord, sent_signal};
