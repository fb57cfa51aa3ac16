//! Reads paths from the kernel's directory entries. The result is the path that the kernel resolved, not the path that
//! the process passed.

use minerwatch_common::{MAX_COMPONENT, MAX_PATH};

use crate::{
    constants::offset,
    kernel::{Address, Unreadable},
};

/// Maximum number of path components and mount points in one walk.
const MAX_STEPS: u32 = 48;
/// The last position at which the longest component still fits.
const LAST_START: u32 = (MAX_PATH - MAX_COMPONENT) as u32;

/// The result of a walk.
#[derive(Clone, Copy)]
pub struct Walked {
    /// Number of bytes written: components from the leaf to the root, each ending with a NUL.
    pub length: u32,
    /// Whether the path was too long or too deep and was truncated.
    pub cut: bool,
    /// Whether the file is in no directory, like a `memfd`. The name of the file is then the only component.
    pub rootless: bool,
}

/// Reads the mount and the directory entry of the `struct path` at `path`.
#[inline(always)]
pub fn mount_and_entry(path: Address) -> Result<(Address, Address), Unreadable> {
    Ok((path.follow(offset!(path_mount))?, path.follow(offset!(path_dentry))?))
}

/// Writes the components of an entry's path to `target`, up to the root of the outermost mount in the process's
/// namespace.
///
/// `position` holds the position in `target`, in memory of a map. The verifier does not track values in map memory, so
/// all iterations of the loop look the same to the verifier, and it checks only one.
///
/// # Safety
/// `target` must be writable for [`MAX_PATH`] bytes, and the verifier must be able to see that. `position` must point
/// to memory of a map.
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
        // SAFETY: the caller's memory has room for the longest component after `start`.
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
