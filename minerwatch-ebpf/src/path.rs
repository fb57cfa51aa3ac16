//! Paths, read from the kernel's directory entries: what the kernel resolved, not what a process claims.

use minerwatch_common::{MAX_COMPONENT, MAX_PATH};

use crate::{
    constants::offset,
    kernel::{Address, Unreadable},
};

/// Path components and mount points one walk passes at the most.
const MAX_STEPS: u32 = 48;
/// Where the last component may begin, so that all of it fits.
const LAST_START: u32 = (MAX_PATH - MAX_COMPONENT) as u32;

/// What a walk wrote.
#[derive(Clone, Copy)]
pub struct Walked {
    /// Bytes written: components from the leaf to the root, each NUL-ended.
    pub length: u32,
    /// Whether the path was longer or deeper than there was room.
    pub cut: bool,
    /// Whether the file hangs below no directory, as a `memfd` does; its own name is the only component.
    pub rootless: bool,
}

/// The mount and the entry of a `struct path` at `path`.
#[inline(always)]
pub fn mount_and_entry(path: Address) -> Result<(Address, Address), Unreadable> {
    Ok((path.follow(offset!(path_mount))?, path.follow(offset!(path_dentry))?))
}

/// Writes the components of an entry's path to `target`, up to the root of the outermost mount the
/// process's namespace has above it.
///
/// The position is kept in `position`, memory of a map: read back in each round it is an unknown number
/// to the verifier, which can then prune the rounds as alike.
///
/// # Safety
/// `target` must be writable for [`MAX_PATH`] bytes, in a way the verifier can see.
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
    // SAFETY: the caller's memory, as for all accesses to `position` below.
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
        // SAFETY: `start` leaves room for a whole component within the caller's memory.
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
