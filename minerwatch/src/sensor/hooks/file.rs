//! Changes to files.

use super::{Attachment, Hook, IDENTITY, Row, WALK};
use crate::model::DataSource;

const SYSTEM_CALL_CAVEAT: &str = "a system-call tracepoint: every system call of the host pays some nanoseconds, and io_uring goes round it";

/// An open file, and where its inode lies.
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

/// The way from a descriptor to its open file.
const DESCRIPTORS: &[&str] = &["task_files", "files_table", "table_files"];

/// An entry that changes; `struct renamedata` came with 5.12, and with it the arguments that the programs expect.
const CHANGED: &[&str] =
    &["inode_mode", "inode_number", "inode_superblock", "superblock_device", "dentry_inode", "rename_entry"];

/// The rows of the table.
pub(super) const ROWS: &[Row] = &[
    Row {
        purpose: DataSource::FileOpen,
        without: "no file that is written or created is seen",
        hooks: &[
            Hook {
                name: "end of security_file_open",
                attachments: &[Attachment::FunctionExit {
                    program: "open_allowed",
                    function: "security_file_open",
                }],
                fields: &[IDENTITY, WALK, OPENED],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoints of open",
                attachments: &[Attachment::SystemCalls {
                    program: "file_open",
                    tracepoints: &["sys_exit_openat", "sys_exit_open", "sys_exit_openat2", "sys_exit_creat"],
                }],
                fields: &[IDENTITY, WALK, OPENED, DESCRIPTORS],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
    Row {
        purpose: DataSource::FileChange,
        without: "no rename, deletion or change of mode is seen",
        hooks: &[
            Hook {
                name: "ends of the functions that rename, unlink and chmod",
                attachments: &[
                    Attachment::FunctionExit { program: "unlink_allowed", function: "security_path_unlink" },
                    Attachment::FunctionExit { program: "rename_allowed", function: "security_path_rename" },
                    Attachment::FunctionExit { program: "chmod_allowed", function: "security_path_chmod" },
                    Attachment::FunctionExit { program: "unlinked", function: "vfs_unlink" },
                    Attachment::FunctionExit { program: "renamed", function: "vfs_rename" },
                    Attachment::FunctionExit { program: "mode_changed", function: "notify_change" },
                ],
                fields: &[IDENTITY, WALK, CHANGED],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoints of rename, unlink and chmod",
                attachments: &[
                    Attachment::SystemCalls { program: "rename_enter", tracepoints: &["sys_enter_rename"] },
                    Attachment::SystemCalls {
                        program: "renameat_enter",
                        tracepoints: &["sys_enter_renameat", "sys_enter_renameat2"],
                    },
                    Attachment::SystemCalls { program: "unlink_enter", tracepoints: &["sys_enter_unlink"] },
                    Attachment::SystemCalls {
                        program: "unlinkat_enter",
                        tracepoints: &["sys_enter_unlinkat"],
                    },
                    Attachment::SystemCalls { program: "chmod_enter", tracepoints: &["sys_enter_chmod"] },
                    Attachment::SystemCalls {
                        program: "fchmodat_enter",
                        tracepoints: &["sys_enter_fchmodat", "sys_enter_fchmodat2"],
                    },
                    Attachment::SystemCalls { program: "fchmod_enter", tracepoints: &["sys_enter_fchmod"] },
                    Attachment::SystemCalls {
                        program: "file_call_exit",
                        tracepoints: &[
                            "sys_exit_rename",
                            "sys_exit_renameat",
                            "sys_exit_renameat2",
                            "sys_exit_unlink",
                            "sys_exit_unlinkat",
                            "sys_exit_chmod",
                            "sys_exit_fchmodat",
                            "sys_exit_fchmodat2",
                            "sys_exit_fchmod",
                        ],
                    },
                ],
                fields: &[IDENTITY, WALK, DESCRIPTORS, &["task_fs", "fs_directory", "file_path"]],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
];
