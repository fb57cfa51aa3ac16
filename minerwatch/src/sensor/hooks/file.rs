//! The hooks for opened and changed files.

use super::{
    super::program_types::{Fexit, SystemCalls},
    fields::{IDENTITY, WALK},
    row::{Hook, Row, program},
};
use crate::model::DataSource;

const SYSTEM_CALL_CAVEAT: &str = "a system-call tracepoint: it adds some nanoseconds to every system call of the host, and io_uring bypasses it";

/// The fields of an open file and its inode.
const OPENED: &[&str] = &[
    "file_mode",
    "file_inode",
    "file_path",
    "inode_mode",
    "inode_special",
    "inode_number",
    "inode_superblock",
    "superblock_device",
];

/// The fields that lead from a file descriptor to the open file.
const DESCRIPTORS: &[&str] = &["task_files", "files_table", "table_files"];

/// The fields of a changed directory entry. `struct renamedata` is included because it came with Linux 5.12, like the
/// arguments that the programs expect.
const CHANGED: &[&str] =
    &["inode_mode", "inode_number", "inode_superblock", "superblock_device", "dentry_inode", "rename_entry"];

/// The rows of this family.
pub(super) const ROWS: &[Row] = &[
    Row {
        source: DataSource::FileOpen,
        only_with: None,
        if_unavailable: "files that are written or created are not seen",
        hooks: &[
            Hook {
                name: "end of security_file_open",
                programs: &[program("open_allowed", &Fexit("security_file_open"))],
                fields: &[IDENTITY, WALK, OPENED],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoints of open",
                programs: &[program(
                    "file_open",
                    &SystemCalls(&["sys_exit_openat", "sys_exit_open", "sys_exit_openat2", "sys_exit_creat"]),
                )],
                fields: &[IDENTITY, WALK, OPENED, DESCRIPTORS],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
    Row {
        source: DataSource::FileChange,
        only_with: None,
        if_unavailable: "renames, deletions, links and changes of mode are not seen",
        hooks: &[
            Hook {
                name: "ends of the functions that rename, unlink, link and chmod",
                programs: &[
                    program("unlink_allowed", &Fexit("security_path_unlink")),
                    program("rename_allowed", &Fexit("security_path_rename")),
                    program("chmod_allowed", &Fexit("security_path_chmod")),
                    program("link_allowed", &Fexit("security_path_link")),
                    program("symlink_allowed", &Fexit("security_path_symlink")),
                    program("unlinked", &Fexit("vfs_unlink")),
                    program("renamed", &Fexit("vfs_rename")),
                    program("mode_changed", &Fexit("notify_change")),
                    program("linked", &Fexit("vfs_link")),
                    program("symlinked", &Fexit("vfs_symlink")),
                ],
                fields: &[IDENTITY, WALK, CHANGED],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoints of rename, unlink, link and chmod",
                programs: &[
                    program("rename_enter", &SystemCalls(&["sys_enter_rename"])),
                    program("renameat_enter", &SystemCalls(&["sys_enter_renameat"])),
                    program("renameat2_enter", &SystemCalls(&["sys_enter_renameat2"])),
                    program("link_enter", &SystemCalls(&["sys_enter_link"])),
                    program("linkat_enter", &SystemCalls(&["sys_enter_linkat"])),
                    program("symlink_enter", &SystemCalls(&["sys_enter_symlink"])),
                    program("symlinkat_enter", &SystemCalls(&["sys_enter_symlinkat"])),
                    program("unlink_enter", &SystemCalls(&["sys_enter_unlink"])),
                    program("unlinkat_enter", &SystemCalls(&["sys_enter_unlinkat"])),
                    program("chmod_enter", &SystemCalls(&["sys_enter_chmod"])),
                    program("fchmodat_enter", &SystemCalls(&["sys_enter_fchmodat", "sys_enter_fchmodat2"])),
                    program("fchmod_enter", &SystemCalls(&["sys_enter_fchmod"])),
                    program(
                        "file_call_exit",
                        &SystemCalls(&[
                            "sys_exit_rename",
                            "sys_exit_renameat",
                            "sys_exit_renameat2",
                            "sys_exit_link",
                            "sys_exit_linkat",
                            "sys_exit_symlink",
                            "sys_exit_symlinkat",
                            "sys_exit_unlink",
                            "sys_exit_unlinkat",
                            "sys_exit_chmod",
                            "sys_exit_fchmodat",
                            "sys_exit_fchmodat2",
                            "sys_exit_fchmod",
                        ]),
                    ),
                ],
                fields: &[IDENTITY, WALK, DESCRIPTORS, &["task_fs", "fs_directory", "file_path"]],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
];
