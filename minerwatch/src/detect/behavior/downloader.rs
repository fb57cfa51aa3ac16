//! Which processes fetch files.

use crate::process::{Process, Role, base_name};

/// Whether a process runs a program that fetches files. `BusyBox` has the role of a shell, and fetches under the name of an
/// applet: `wget URL`, `busybox wget URL`.
pub fn is_downloader(process: &Process) -> bool {
    if base_name(&process.view.executable.path) != "busybox" {
        return process.role == Role::Downloader;
    }
    let mut names = process.view.arguments.iter().map(|argument| base_name(argument));
    let applet = names.next().filter(|name| *name != "busybox").or_else(|| names.next());
    applet.is_some_and(|name| Role::of_name(name) == Role::Downloader)
}
