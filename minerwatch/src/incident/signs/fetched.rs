//! Whether a shell that opened a connection fetched a program through it. Shells also wait for a port to open.

use crate::{
    detect::{WrittenFiles, behavior::is_downloader},
    model::ProcessKey,
    process::{Process, ProcessTable, Role},
};

/// Whether a process is a shell itself, and not an applet of `BusyBox` that fetches.
pub(in crate::incident) fn is_shell(process: &Process) -> bool {
    process.role == Role::Shell && !is_downloader(process)
}

/// Whether a connected shell is where the files of its tree come from: it or what it started wrote one, or no downloader
/// wrote any. An interactive shell is connected to the person who types into it, and they may call a downloader.
pub(in crate::incident) fn fetches(table: &ProcessTable, written: &WrittenFiles, shell: ProcessKey) -> bool {
    let is_interactive =
        |shell: &Process| shell.view.arguments.get(1).is_some_and(|option| &**option == "-i");
    if table.get(shell).is_some_and(is_interactive) {
        return true;
    }
    let mut by_downloader = false;
    for file in written.of_tree(table.tree_root(shell)).filter(|file| file.content) {
        if table.get(file.writer).is_some_and(is_downloader) {
            by_downloader = true;
        } else if table.tree_path(file.writer, |_| false).any(|above| above.key() == shell) {
            return true;
        }
    }
    !by_downloader
}
