//! The hooks, one file each. Each file starts with what the hook traces, the prototype in the kernel's source, the
//! records that the hook produces and its overhead. The daemon has the table of where each program is attached
//! (`sensor/hooks`).

mod bpf_call;
mod file_call;
mod file_change;
mod file_open;
mod file_security;
mod memory_map;
mod module_load;
mod packet;
mod process_access;
mod process_exec;
mod process_exit;
mod process_fork;
mod sched_switch;
mod sched_yield;
mod signal_send;
mod tcp_retransmit;
mod tcp_state;
mod udp_flow;
