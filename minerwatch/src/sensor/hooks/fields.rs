//! What several hooks share: groups of kernel fields, and the caveat of system-call tracepoints.

/// The identity of a process.
pub(super) const IDENTITY: &[&str] = &["task_leader", "task_start"];

/// The fields for the walk from a directory entry up to the root of its mount namespace.
pub(super) const WALK: &[&str] = &[
    "path_mount",
    "path_dentry",
    "dentry_parent",
    "dentry_name",
    "vfsmount_root",
    "mount_vfsmount",
    "mount_parent",
    "mount_mountpoint",
];

/// The caveat of hooks on system-call tracepoints.
pub(super) const SYSTEM_CALL_CAVEAT: &str =
    "a system-call tracepoint: it adds some nanoseconds to every system call of the host";
