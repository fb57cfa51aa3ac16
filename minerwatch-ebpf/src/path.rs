//! Reads paths from the kernel's directory entries. The result is the path that the kernel resolved, not the path that
//! the process passed.

use minerwatch_common::{MAX_COMPONENT, MAX_PATH};

use crate::{
    constants::offset,
    kernel::{Address, Unreadable},
};

/// Maximum number of path components and mount points in one walk.
const MAX_STEPS: u32 = 256;
/// The last position at which the longest component still fits.
const LAST_START: u32 = (MAX_PATH - MAX_COMPONENT) as u32;
/// Number of bytes after which the end of a long path is complete. What lies above is left out, except for the top.
const END: u32 = MAX_PATH as u32 / 3;

/// Where a walk writes, in memory of a map. The verifier does not track values in map memory, so all iterations of the
/// loop look the same to the verifier, and it checks only one.
#[repr(C)]
pub struct Cursor {
    position: u32,
    /// Where the end of the path is complete; 0 before.
    gap: u32,
}

/// The result of a walk.
#[derive(Clone, Copy)]
pub struct Walked {
    /// Number of bytes written: components from the leaf to the root, each ending with a NUL. An empty component stands
    /// for the ones that were left out of a long path.
    pub length: u32,
    /// Whether the path was too deep, so that its top is missing.
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
/// namespace. Of a path that is too long, the end and the top are written.
///
/// # Safety
/// `target` must be writable for [`MAX_PATH`] bytes, and the verifier must be able to see that. `cursor` must point to
/// memory of a map.
#[inline(always)]
pub unsafe fn walk(
    (vfsmount, entry): (Address, Address),
    target: *mut u8,
    cursor: *mut Cursor,
) -> Result<Walked, Unreadable> {
    let mount_offset = u64::from(offset!(mount_vfsmount));
    let mut vfsmount = vfsmount;
    let mut entry = entry;
    let mut walked = Walked { length: 0, cut: true, rootless: false };
    // SAFETY: the caller guarantees the memory.
    let (position, gap) = unsafe { (&raw mut (*cursor).position, &raw mut (*cursor).gap) };
    // SAFETY: as above, here and for all accesses to both below.
    unsafe {
        position.write_volatile(0);
        gap.write_volatile(0);
    }
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
        let reached = unsafe { position.read_volatile() };
        if reached > END {
            // SAFETY: as above.
            let end = unsafe { gap.read_volatile() };
            if end == 0 {
                // SAFETY: as above.
                unsafe { gap.write_volatile(reached) };
            } else if reached > LAST_START {
                if end > LAST_START {
                    return Err(Unreadable);
                }
                // SAFETY: `end` lies in the caller's memory.
                unsafe {
                    target.add(end as usize).write(0);
                    position.write_volatile(end + 1);
                }
            }
        }
        // The position is read back, so that the compiler checks and uses the same register.
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
