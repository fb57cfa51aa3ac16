//! Offsets of fields in the structures of the running kernel.
//!
//! Rust cannot emit CO-RE relocations, so the object contains no offsets. The daemon looks up every field in the
//! kernel's type information (BTF, `/sys/kernel/btf/vmlinux`) and passes the offsets to the programs as a read-only
//! global.
//!
//! To read another field, add a row to the table at the end of this file.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The offset of a field that the running kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// A field of [`KernelLayout`], and the structure and member to look up.
#[derive(Clone, Copy, Debug)]
pub struct KernelField {
    /// The name of the offset in [`KernelLayout`].
    pub name: &'static str,
    /// The structure, as in the kernel's source.
    pub structure: &'static str,
    /// The member, with dots for nested structures and `|` between the names in different kernel versions. The word
    /// `sizeof` stands for the end of the structure.
    pub member: &'static str,
}

macro_rules! kernel_layout {
    ($($field:ident: $structure:literal, $member:literal;)*) => {
        /// Byte offsets into kernel structures, [`ABSENT`] where this kernel has no such field. Each offset is named
        /// after the structure and the member.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub struct KernelLayout {
            $(#[doc = concat!("`", $structure, "`: `", $member, "`.")] pub $field: u32,)*
            /// Not an offset: the index of the pids controller in `css_set.subsys` (`enum cgroup_subsys_id`).
            pub pids_controller: u32,
        }

        impl KernelLayout {
            /// Builds a layout: calls `offset_of` for every field and stores [`ABSENT`] for `None`.
            pub fn resolve(
                pids_controller: Option<u32>,
                mut offset_of: impl FnMut(KernelField) -> Option<u32>,
            ) -> Self {
                Self {
                    $($field: offset_of(KernelField { name: stringify!($field), structure: $structure, member: $member })
                        .unwrap_or(ABSENT),)*
                    pids_controller: pids_controller.unwrap_or(ABSENT),
                }
            }

            /// Returns the fields that this kernel lacks.
            pub fn absent(&self) -> impl Iterator<Item = KernelField> {
                [$((self.$field, KernelField { name: stringify!($field), structure: $structure, member: $member }),)*]
                    .into_iter()
                    .filter_map(|(offset, field)| (offset == ABSENT).then_some(field))
            }
        }
    };
}

kernel_layout! {
    task_pid: "task_struct", "pid";
    task_tgid: "task_struct", "tgid";
    task_start: "task_struct", "start_boottime";
    task_leader: "task_struct", "group_leader";
    task_real_parent: "task_struct", "real_parent";
    task_mm: "task_struct", "mm";
    task_files: "task_struct", "files";
    task_fs: "task_struct", "fs";
    task_cred: "task_struct", "cred";
    task_nsproxy: "task_struct", "nsproxy";
    task_signal: "task_struct", "signal";
    task_comm: "task_struct", "comm";
    task_flags: "task_struct", "flags";
    task_exit_code: "task_struct", "exit_code";
    task_state: "task_struct", "__state|state";
    task_static_prio: "task_struct", "static_prio";
    task_policy: "task_struct", "policy";
    task_allowed_processors: "task_struct", "nr_cpus_allowed";
    task_cgroups: "task_struct", "cgroups";
    task_sum_exec_runtime: "task_struct", "se.sum_exec_runtime";
    task_thread_node: "task_struct", "thread_node";
    task_voluntary: "task_struct", "nvcsw";
    task_involuntary: "task_struct", "nivcsw";
    // The saved state of the floating-point unit. Since 6.16 it follows the task directly (arch/x86/include/asm/fpu.h).
    task_fpu: "task_struct", "thread.fpu|sizeof";
    fpu_mxcsr: "fpu", "state.xsave.i387.mxcsr";
    fpu_fpstate: "fpu", "fpstate";
    fpstate_mxcsr: "fpstate", "regs.xsave.i387.mxcsr";
    task_fpcr: "task_struct", "thread.uw.fpsimd_state.fpcr";
    // The registers with the arguments of a system call. They have names on x86_64 and numbers on arm64.
    registers_si: "pt_regs", "si";
    registers_dx: "pt_regs", "dx";
    registers_numbered: "pt_regs", "regs";
    signal_live: "signal_struct", "live";
    signal_threads: "signal_struct", "nr_threads";
    signal_voluntary: "signal_struct", "nvcsw";
    signal_involuntary: "signal_struct", "nivcsw";
    signal_thread_head: "signal_struct", "thread_head";
    signal_flags: "signal_struct", "flags";
    signal_group_exit_code: "signal_struct", "group_exit_code";
    signal_pids: "signal_struct", "pids";
    signal_runtime: "signal_struct", "sum_sched_runtime";
    pid_number: "pid", "numbers";
    module_name: "module", "name";
    mm_arg_start: "mm_struct", "arg_start";
    mm_arg_end: "mm_struct", "arg_end";
    mm_exe_file: "mm_struct", "exe_file";
    file_path: "file", "f_path|__f_path";
    file_inode: "file", "f_inode";
    file_mode: "file", "f_mode";
    path_mount: "path", "mnt";
    path_dentry: "path", "dentry";
    inode_number: "inode", "i_ino";
    inode_superblock: "inode", "i_sb";
    inode_mode: "inode", "i_mode";
    inode_special: "inode", "i_rdev";
    inode_links: "inode", "i_nlink";
    superblock_device: "super_block", "s_dev";
    dentry_parent: "dentry", "d_parent";
    dentry_inode: "dentry", "d_inode";
    rename_entry: "renamedata", "old_dentry";
    dentry_name: "dentry", "d_name.name|__d_name.name";
    vfsmount_root: "vfsmount", "mnt_root";
    mount_vfsmount: "mount", "mnt";
    mount_parent: "mount", "mnt_parent";
    mount_mountpoint: "mount", "mnt_mountpoint";
    files_table: "files_struct", "fdt";
    table_files: "fdtable", "fd";
    table_size: "fdtable", "max_fds";
    fs_directory: "fs_struct", "pwd";
    cred_uid: "cred", "uid";
    cred_gid: "cred", "gid";
    cred_effective: "cred", "cap_effective";
    cred_user_namespace: "cred", "user_ns";
    nsproxy_mount: "nsproxy", "mnt_ns";
    nsproxy_pid: "nsproxy", "pid_ns_for_children";
    nsproxy_network: "nsproxy", "net_ns";
    mount_namespace_inode: "mnt_namespace", "ns.inum";
    pid_namespace_inode: "pid_namespace", "ns.inum";
    network_namespace_inode: "net", "ns.inum";
    user_namespace_inode: "user_namespace", "ns.inum";
    css_set_default: "css_set", "dfl_cgrp";
    css_set_subsystems: "css_set", "subsys";
    css_cgroup: "cgroup_subsys_state", "cgroup";
    cgroup_node: "cgroup", "kn";
    node_id: "kernfs_node", "id";
    binprm_filename: "linux_binprm", "filename";
    sock_family: "sock", "__sk_common.skc_family";
    sock_destination: "sock", "__sk_common.skc_daddr";
    sock_source: "sock", "__sk_common.skc_rcv_saddr";
    sock_destination_port: "sock", "__sk_common.skc_dport";
    sock_destination_v6: "sock", "__sk_common.skc_v6_daddr";
    sock_source_v6: "sock", "__sk_common.skc_v6_rcv_saddr";
    sock_network: "sock", "__sk_common.skc_net.net";
    sock_cookie: "sock", "__sk_common.skc_cookie";
    sock_error: "sock", "sk_err";
    sock_flags: "sock", "__sk_common.skc_flags";
    inet_source_port: "inet_sock", "inet_sport";
    tcp_bytes_sent: "tcp_sock", "bytes_sent";
    tcp_bytes_resent: "tcp_sock", "bytes_retrans";
    tcp_bytes_received: "tcp_sock", "bytes_received";
    tcp_segments_sent: "tcp_sock", "data_segs_out";
    tcp_segments_received: "tcp_sock", "data_segs_in";
    tcp_all_segments_received: "tcp_sock", "segs_in";
    tcp_last_sent: "tcp_sock", "lsndtime";
    connection_last_received: "inet_connection_sock", "icsk_ack.lrcvtime";
}
