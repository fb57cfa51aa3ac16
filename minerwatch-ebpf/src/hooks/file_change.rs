//! Traces: renames, removals, links and changes of permission bits by any system call, io_uring included.
//! Kernel: security/security.c checks the permission first and receives the whole path: `security_path_unlink(const
//! struct path *dir, struct dentry *dentry)`, `security_path_rename(const struct path *old_dir, struct dentry
//! *old_dentry, const struct path *new_dir, struct dentry *new_dentry, unsigned int flags)`, `security_path_chmod(const
//! struct path *path, umode_t mode)`, `security_path_link(struct dentry *old_dentry, const struct path *new_dir, struct
//! dentry *new_dentry)`, `security_path_symlink(const struct path *dir, struct dentry *dentry, const char *old_name)`.
//! Then a function in fs/namei.c or fs/attr.c makes the change: `vfs_unlink`, `vfs_rename`, `notify_change`, `vfs_link`
//! or `vfs_symlink`. Their arguments are the same since 5.12, except that newer kernels added one to `vfs_symlink`. An
//! fexit program finds the result after the last argument, so its place differs. For both kinds of links, the programs
//! do not read the result, but check the new directory entry: it has an inode only if the link was created.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for changes that succeeded.
//! Overhead: two programs for each of these changes. Other changes of attributes (`notify_change`) cost a table lookup.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{fexit, map},
    maps::{HashMap, PerCpuArray},
    programs::FExitContext,
};
use minerwatch_common::{FileOperation, Loss, MAX_COMPONENT};

use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    files::{self, Entry, FileDetails, LinkTarget, Slot},
    kernel::{Address, Unreadable},
    path, task,
};

/// Limit of concurrent file changes that are tracked. Each entry takes about 600 bytes.
const MAX_CHANGES: u32 = 1_024;

/// The result of a security check that allows the change.
const ALLOW: i32 = 0;

/// A change in progress. Names are stored because a rename changes them. Directory entries outlive the change.
#[derive(Clone, Copy)]
#[repr(C)]
struct Change {
    operation: u16,
    mode: u16,
    device: u32,
    inode: u64,
    /// The `struct vfsmount` of the changed entry and of the directories.
    mount: Address,
    /// The directory entry that is changed. For a link, the new entry.
    entry: Address,
    /// For a rename, the old directory; for a hard link, the old entry of the file; otherwise 0.
    directory: Address,
    /// For a rename, the new directory.
    second_directory: Address,
    /// For an exchange, the inode number of the other file.
    second_inode: u64,
    /// For an exchange, type and permission bits of the other file.
    second_mode: u64,
    name: [u8; MAX_COMPONENT],
    second_name: [u8; MAX_COMPONENT],
}

impl Change {
    /// Returns the contents of the record, except the paths.
    #[inline(always)]
    fn details(&self, operation: FileOperation) -> FileDetails {
        FileDetails {
            operation,
            mode: u32::from(self.mode),
            inode: self.inode,
            second_inode: 0,
            second_mode: 0,
            device: self.device,
            special: 0,
            writable: false,
        }
    }
}

/// The changes in progress, by thread.
#[map]
static CHANGES: HashMap<u64, Change> = HashMap::with_max_entries(MAX_CHANGES, 0);

/// Scratch memory in which a change is built, by [`Slot`].
#[map]
static CHANGE_SCRATCH: PerCpuArray<Change> = PerCpuArray::with_max_entries(files::SLOTS, 0);

/// Returns the scratch memory of a slot.
#[inline(always)]
fn scratch(slot: Slot) -> Result<&'static mut Change, Unreadable> {
    let change = CHANGE_SCRATCH.get_ptr_mut(slot as u32).ok_or(Unreadable)?;
    // SAFETY: memory of this CPU and of this slot, whose programs do not nest.
    Ok(unsafe { &mut *change })
}

/// Fills in the fields that all changes share: the operation, the file and the directory entry.
#[inline(always)]
fn describe(change: &mut Change, operation: FileOperation, mount: Address, entry: Address) -> Outcome {
    let inode = entry.follow(offset!(dentry_inode))?;
    change.operation = operation as u16;
    change.mode = inode.read(offset!(inode_mode))?;
    change.inode = inode.read(offset!(inode_number))?;
    change.device = files::device_of(inode)?;
    change.mount = mount;
    change.entry = entry;
    change.directory = Address(0);
    Ok(())
}

#[inline(always)]
fn unlink(directory: Address, entry: Address) -> Result<&'static Change, Unreadable> {
    let change = scratch(Slot::Unlink)?;
    describe(change, FileOperation::Delete, directory.follow(offset!(path_mount))?, entry)?;
    // The record has the mode after the operation, and a removed file has none.
    change.mode = 0;
    Ok(change)
}

#[inline(always)]
fn rename(
    directory: Address,
    entry: Address,
    second_directory: Address,
    second_entry: Address,
    flags: u32,
) -> Result<&'static Change, Unreadable> {
    let change = scratch(Slot::Rename)?;
    let (mount, directory) = path::mount_and_entry(directory)?;
    let operation = files::rename_operation(flags);
    describe(change, operation, mount, entry)?;
    if matches!(operation, FileOperation::Exchange) {
        let second = second_entry.follow(offset!(dentry_inode))?;
        change.second_inode = second.read(offset!(inode_number))?;
        change.second_mode = u64::from(second.read::<u16>(offset!(inode_mode))?);
    }
    change.directory = directory;
    change.second_directory = second_directory.follow(offset!(path_dentry))?;
    for (entry, target) in [(entry, &mut change.name), (second_entry, &mut change.second_name)] {
        let name = entry.follow(offset!(dentry_name))?;
        // SAFETY: the target has the given length.
        unsafe { name.read_string(target.as_mut_ptr(), MAX_COMPONENT as u32) }?;
    }
    Ok(change)
}

#[inline(always)]
fn chmod(path: Address, mode: u64) -> Result<&'static Change, Unreadable> {
    let change = scratch(Slot::Chmod)?;
    let (mount, entry) = path::mount_and_entry(path)?;
    describe(change, FileOperation::Chmod, mount, entry)?;
    change.mode = change.mode & !0o7777 | mode as u16 & 0o7777;
    Ok(change)
}

#[inline(always)]
fn link(old_entry: Address, directory: Address, entry: Address) -> Result<&'static Change, Unreadable> {
    let change = scratch(Slot::Link)?;
    describe(change, FileOperation::Link, directory.follow(offset!(path_mount))?, old_entry)?;
    change.directory = old_entry;
    change.entry = entry;
    Ok(change)
}

#[inline(always)]
fn symlink(directory: Address, entry: Address) -> Result<&'static Change, Unreadable> {
    let change = scratch(Slot::Symlink)?;
    change.operation = FileOperation::Symlink as u16;
    change.mount = directory.follow(offset!(path_mount))?;
    change.entry = entry;
    Ok(change)
}

/// Stores a change until it ends.
#[inline(always)]
fn remember(change: Result<&'static Change, Unreadable>) {
    if let Ok(change) = change
        && !task::is_agent()
        && CHANGES.insert(bpf_get_current_pid_tgid(), change, 0).is_err()
    {
        emit::count(Loss::CallTableFull);
    }
}

/// Returns this thread's change in progress, if it is one of `entry`. A stacked file system changes an entry in each
/// layer. Only the change in the upper layer is reported.
#[inline(always)]
fn in_progress(entry: Address) -> Option<&'static Change> {
    let change = CHANGES.get_ptr(bpf_get_current_pid_tgid())?;
    // SAFETY: a live row that only this thread inserts and removes.
    let change = unsafe { &*change };
    (entry == change.entry).then_some(change)
}

/// Removes this thread's change in progress.
#[inline(always)]
fn forget() {
    let _ = CHANGES.remove(bpf_get_current_pid_tgid());
}

/// Handles the end of a change of `entry`: reports the change if it succeeded, and removes it from the table.
#[inline(always)]
fn ended(context: Context, slot: Slot, entry: Address, result: i32) {
    let Some(change) = in_progress(entry) else { return };
    if result == 0 {
        emit::count_if_unread(report(context, slot, change));
    }
    forget();
}

#[inline(always)]
fn report(context: Context, slot: Slot, change: &Change) -> Outcome {
    let operation = match slot {
        Slot::Rename if change.operation == FileOperation::Exchange as u16 => FileOperation::Exchange,
        Slot::Rename => FileOperation::Rename,
        Slot::Chmod => FileOperation::Chmod,
        _ => FileOperation::Delete,
    };
    if change.operation != operation as u16 {
        return Ok(());
    }
    let mut details = change.details(operation);
    if matches!(operation, FileOperation::Exchange) {
        details.second_inode = change.second_inode;
        details.second_mode = change.second_mode as u32;
    }
    if !matches!(slot, Slot::Rename) {
        return files::send(
            context,
            slot,
            &details,
            &Entry::whole(change.mount, change.entry),
            None::<&Entry>,
        );
    }
    let named = |directory: Address, name: &[u8; MAX_COMPONENT]| Entry {
        mount: change.mount,
        entry: directory,
        name: Address(name.as_ptr() as u64),
    };
    let first = named(change.directory, &change.name);
    files::send(context, slot, &details, &first, Some(&named(change.second_directory, &change.second_name)))
}

/// Handles the end of `vfs_link`: reports the hard link if it was created, and removes it from the table.
#[inline(always)]
fn link_ended(context: Context, entry: Address) {
    let Some(change) = in_progress(entry) else { return };
    let is_link = change.operation == FileOperation::Link as u16;
    if is_link && entry.follow(offset!(dentry_inode)).is_ok() {
        let details = change.details(FileOperation::Link);
        let old = Entry::whole(change.mount, change.directory);
        let new = Entry::whole(change.mount, entry);
        emit::count_if_unread(files::send(context, Slot::Link, &details, &old, Some(&new)));
    }
    forget();
}

/// Handles the end of `vfs_symlink`: reports the symbolic link if it was created, and removes it from the table.
#[inline(always)]
fn symlink_ended(context: Context, entry: Address, target: Address) {
    let Some(change) = in_progress(entry) else { return };
    let is_symlink = change.operation == FileOperation::Symlink as u16;
    if is_symlink && let Ok(inode) = entry.follow(offset!(dentry_inode)) {
        emit::count_if_unread(report_symlink(context, change, inode, target));
    }
    forget();
}

#[inline(always)]
fn report_symlink(context: Context, change: &Change, inode: Address, target: Address) -> Outcome {
    let details = FileDetails {
        operation: FileOperation::Symlink,
        mode: u32::from(inode.read::<u16>(offset!(inode_mode))?),
        inode: inode.read(offset!(inode_number))?,
        second_inode: 0,
        second_mode: 0,
        device: files::device_of(inode)?,
        special: 0,
        writable: false,
    };
    let link = Entry::whole(change.mount, change.entry);
    files::send(context, Slot::Symlink, &details, &LinkTarget(target), Some(&link))
}

/// Returns the address in a pointer argument.
macro_rules! address {
    ($context:expr, $index:literal) => {
        Address($context.arg::<u64>($index))
    };
}

/// The last argument of this program and of the next four is the result of the security check.
#[fexit(function = "security_path_unlink")]
fn unlink_allowed(context: FExitContext) -> i32 {
    if context.arg::<i32>(2) == ALLOW {
        remember(unlink(address!(context, 0), address!(context, 1)));
    }
    0
}

#[fexit(function = "security_path_rename")]
fn rename_allowed(context: FExitContext) -> i32 {
    if context.arg::<i32>(5) == ALLOW {
        remember(rename(
            address!(context, 0),
            address!(context, 1),
            address!(context, 2),
            address!(context, 3),
            context.arg(4),
        ));
    }
    0
}

#[fexit(function = "security_path_chmod")]
fn chmod_allowed(context: FExitContext) -> i32 {
    if context.arg::<i32>(2) == ALLOW {
        remember(chmod(address!(context, 0), context.arg(1)));
    }
    0
}

#[fexit(function = "security_path_link")]
fn link_allowed(context: FExitContext) -> i32 {
    if context.arg::<i32>(3) == ALLOW {
        remember(link(address!(context, 0), address!(context, 1), address!(context, 2)));
    }
    0
}

#[fexit(function = "security_path_symlink")]
fn symlink_allowed(context: FExitContext) -> i32 {
    if context.arg::<i32>(3) == ALLOW {
        remember(symlink(address!(context, 0), address!(context, 1)));
    }
    0
}

/// Runs when `vfs_unlink(idmap, dir, dentry, delegated_inode)` returns.
#[fexit(function = "vfs_unlink")]
fn unlinked(context: FExitContext) -> i32 {
    ended(Context::of(&context), Slot::Unlink, address!(context, 2), context.arg(4));
    0
}

/// Runs when `vfs_rename(struct renamedata *)` returns.
#[fexit(function = "vfs_rename")]
fn renamed(context: FExitContext) -> i32 {
    if let Ok(entry) = address!(context, 0).follow(offset!(rename_entry)) {
        ended(Context::of(&context), Slot::Rename, entry, context.arg(1));
    }
    0
}

/// Runs when `notify_change(idmap, dentry, attr, delegated_inode)` returns.
#[fexit(function = "notify_change")]
fn mode_changed(context: FExitContext) -> i32 {
    ended(Context::of(&context), Slot::Chmod, address!(context, 1), context.arg(4));
    0
}

/// Runs when `vfs_link(old_dentry, idmap, dir, new_dentry, …)` returns.
#[fexit(function = "vfs_link")]
fn linked(context: FExitContext) -> i32 {
    link_ended(Context::of(&context), address!(context, 3));
    0
}

/// Runs when `vfs_symlink(idmap, dir, dentry, oldname, …)` returns.
#[fexit(function = "vfs_symlink")]
fn symlinked(context: FExitContext) -> i32 {
    symlink_ended(Context::of(&context), address!(context, 2), address!(context, 3));
    0
}
