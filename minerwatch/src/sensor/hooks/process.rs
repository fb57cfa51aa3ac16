//! Process life: creation, images, the end.

use super::{Attachment, Hook, IDENTITY, Row, WALK};
use crate::model::DataSource;

/// The rows of the table.
pub(super) const ROWS: &[Row] = &[
    Row {
        purpose: DataSource::Fork,
        without: "processes are known only once they run another program",
        hooks: &[Hook {
            name: "raw tracepoint sched_process_fork",
            attachments: &[Attachment::RawTracepoint {
                program: "process_fork",
                tracepoint: "sched_process_fork",
            }],
            fields: &[IDENTITY, &["task_pid", "task_tgid", "task_comm"]],
            caveat: None,
        }],
    },
    Row {
        purpose: DataSource::Exec,
        without: "no program that is started is seen, and little can be detected",
        hooks: &[Hook {
            name: "raw tracepoint sched_process_exec",
            attachments: &[Attachment::RawTracepoint {
                program: "process_exec",
                tracepoint: "sched_process_exec",
            }],
            fields: &[
                IDENTITY,
                WALK,
                &[
                    "task_tgid",
                    "task_real_parent",
                    "task_comm",
                    "task_mm",
                    "task_fs",
                    "mm_exe_file",
                    "mm_arg_start",
                    "mm_arg_end",
                    "file_path",
                    "file_inode",
                    "fs_directory",
                    "binprm_filename",
                ],
            ],
            caveat: None,
        }],
    },
    Row {
        purpose: DataSource::Exit,
        without: "ended processes are kept until the table is full",
        hooks: &[Hook {
            name: "raw tracepoint sched_process_exit",
            attachments: &[Attachment::RawTracepoint {
                program: "process_exit",
                tracepoint: "sched_process_exit",
            }],
            fields: &[
                IDENTITY,
                &["task_signal", "signal_live", "signal_flags", "signal_group_exit_code", "task_exit_code"],
            ],
            caveat: None,
        }],
    },
];
