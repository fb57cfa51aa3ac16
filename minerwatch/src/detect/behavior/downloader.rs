//! Which processes fetch files.

use crate::process::{Command, Process, Role};

/// Whether a process runs a program that fetches files. BusyBox is a shell, and fetches under the name of an applet.
pub fn is_downloader(process: &Process) -> bool {
    let command = || Command::of(process);
    process.role == Role::Downloader
        || (process.view.executable.path.ends_with("/busybox") && command().is(&["wget", "ftpget", "tftp"]))
}
