//! The types of eBPF program, and how to load, attach and detach each type. Each type has its own file. To add a type,
//! write a file with a struct that implements [`ProgramType`].

mod btf_tracepoint;
mod cgroup_address;
mod cgroup_packet;
mod cgroup_socket;
mod fentry;
mod fexit;
mod part_of;
mod program_type;
mod root_cgroup;
mod system_calls;

pub use self::{
    btf_tracepoint::BtfTracepoint, cgroup_address::CgroupAddress, cgroup_packet::CgroupPacket,
    cgroup_socket::CgroupSocket, fentry::Fentry, fexit::Fexit, part_of::PartOf, program_type::ProgramType,
    system_calls::SystemCalls,
};
