//! Groups of kernel fields that several hooks need.

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
