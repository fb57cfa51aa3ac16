//! Paths, read from the kernel's directory entries. They are what the kernel resolved, not what a process claims.

use minerwatch_common::{MAX_COMPONENT, MAX_PATH};

use crate::{
    constants::offset,
    kernel::{Address, Unreadable},
};

/// The most path components and mount points of one walk.
const MAX_STEPS: u32 = 48;
/// The last position at which a whole component still fits.
const LAST_START: u32 = (MAX_PATH - MAX_COMPONENT) as u32;

/// The result of a walk.
#[derive(Clone, Copy)]
pub struct Walked {
    /// Bytes written: components from the leaf to the root, each ending with a NUL.
    pub length: u32,
    /// Whether the path was too long or too deep.
    pub cut: bool,
    /// Whether the file is in no directory, like a `memfd`; then its own name is the only component.
    pub rootless: bool,
}

/// The mount and the directory entry of the `struct path` at `path`.
#[inline(always)]
pub fn mount_and_entry(path: Address) -> Result<(Address, Address), Unreadable> {
    Ok((path.follow(offset!(path_mount))?, path.follow(offset!(path_dentry))?))
}

/// Writes the components of an entry's path to `target`, up to the root of the outermost mount in the process's
/// namespace.
///
/// The position is stored in `position`, which is memory of a map. The verifier does not know a value that is read back
/// from there, so all rounds of the loop look the same to it and it checks only one.
///
/// # Safety
/// `target` must be writable for [`MAX_PATH`] bytes, and the verifier must be able to see that.
#[inline(always)]
pub unsafe fn walk(
    (vfsmount, entry): (Address, Address),
    target: *mut u8,
    position: *mut u32,
) -> Result<Walked, Unreadable> {
    let mount_offset = u64::from(offset!(mount_vfsmount));
    let mut vfsmount = vfsmount;
    let mut entry = entry;
    let mut walked = Walked { length: 0, cut: true, rootless: false };
    // SAFETY: the caller guarantees the memory, here and for all accesses to `position` below.
    unsafe { position.write_volatile(0) };
    for _ in 0..MAX_STEPS {
        let parent = entry.follow(offset!(dentry_parent))?;
        if entry == vfsmount.follow(offset!(vfsmount_root))? {
            let mount = Address(vfsmount.0 - mount_offset);
            let above = mount.follow(offset!(mount_parent))?;
            if above == mount {
                walked.cut = false;
                break;
            }
            entry = mount.follow(offset!(mount_mountpoint))?;
            vfsmount = Address(above.0 + mount_offset);
            continue;
        }
        // SAFETY: as above.
        let start = unsafe { position.read_volatile() };
        if start > LAST_START {
            break;
        }
        let name = entry.follow(offset!(dentry_name))?;
        // SAFETY: after `start` there is room for a whole component in the caller's memory.
        let length = unsafe { name.read_string(target.add(start as usize), MAX_COMPONENT as u32) }?;
        // SAFETY: as above.
        unsafe { position.write_volatile(start + length) };
        if entry == parent {
            walked.cut = false;
            walked.rootless = true;
            break;
        }
        entry = parent;
    }
    // SAFETY: as above.
    walked.length = unsafe { position.read_volatile() };
    Ok(walked)
}
