//! All raw reads of kernel and user memory.
//!
//! Reads use the probe-read helpers. The helpers check the address and return an error instead of faulting, so a stale
//! or hostile pointer does no harm.

use aya_ebpf::helpers::{
    bpf_probe_read_kernel,
    generated::{self, bpf_get_current_task},
};
use minerwatch_common::ABSENT;

/// An address in kernel memory. No program dereferences it directly.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Address(pub u64);

/// The error of a failed read: the kernel has no such field, or the address is not readable.
#[derive(Clone, Copy)]
pub struct Unreadable;

impl Address {
    /// Returns the address of the current task.
    #[inline(always)]
    pub fn current_task() -> Self {
        // SAFETY: the helper has no preconditions.
        Self(unsafe { bpf_get_current_task() })
    }

    /// Reads the field at `offset`.
    #[inline(always)]
    pub fn read<T: Copy>(self, offset: u32) -> Result<T, Unreadable> {
        if offset == ABSENT {
            return Err(Unreadable);
        }
        // SAFETY: the helper validates the address. All callers use plain data for `T` (integers, byte arrays), for
        // which any bytes are a valid value.
        unsafe { bpf_probe_read_kernel((self.0 + u64::from(offset)) as *const T) }.map_err(|_| Unreadable)
    }

    /// Reads the pointer in the field at `offset`. A null pointer is an error.
    #[inline(always)]
    pub fn follow(self, offset: u32) -> Result<Self, Unreadable> {
        let address = self.read::<u64>(offset)?;
        if address == 0 { Err(Unreadable) } else { Ok(Self(address)) }
    }

    /// Returns the address of the field at `offset`, for a structure that is nested in this one.
    #[inline(always)]
    pub fn field(self, offset: u32) -> Result<Self, Unreadable> {
        if offset == ABSENT { Err(Unreadable) } else { Ok(Self(self.0 + u64::from(offset))) }
    }

    /// Copies a string that ends with a NUL to `target`, and returns the number of bytes including the NUL. Truncates
    /// the string to `length` bytes including the NUL.
    ///
    /// # Safety
    /// `target` must be writable for `length` bytes, and the verifier must be able to see that.
    #[inline(always)]
    pub unsafe fn read_string(self, target: *mut u8, length: u32) -> Result<u32, Unreadable> {
        // SAFETY: the caller guarantees the target; the helper validates the source.
        let read = unsafe {
            generated::bpf_probe_read_kernel_str(target.cast(), length, self.0 as *const core::ffi::c_void)
        };
        if read <= 0 { Err(Unreadable) } else { Ok(read as u32) }
    }
}

/// Loads a field of an argument whose type the verifier knows: `load!(task, task_flags, u32)`. The kernel must have
/// this field.
macro_rules! load {
    ($object:expr, $field:ident, $type:ty) => {{
        let object: *const u8 = $object;
        let offset = $crate::constants::offset!($field) as usize;
        // SAFETY: the verifier knows the pointer's type and checks the offset against it. A fault in such a load
        // yields zero.
        unsafe { core::ptr::read_volatile(object.byte_add(offset).cast::<$type>()) }
    }};
}

/// Loads a field like [`load!`], or returns the last argument if the kernel has no such field.
macro_rules! load_or {
    ($object:expr, $field:ident, $type:ty, $otherwise:expr) => {
        if $crate::constants::offset!($field) == minerwatch_common::ABSENT {
            $otherwise
        } else {
            $crate::kernel::load!($object, $field, $type)
        }
    };
}

pub(crate) use {load, load_or};

/// An address in the memory of the current process.
#[derive(Clone, Copy)]
pub struct UserAddress(pub u64);

impl UserAddress {
    /// Copies a string from user memory in the same way as [`Address::read_string`].
    ///
    /// # Safety
    /// `target` must be writable for `length` bytes, and the verifier must be able to see that.
    #[inline(always)]
    pub unsafe fn read_string(self, target: *mut u8, length: u32) -> Result<u32, Unreadable> {
        // SAFETY: the caller guarantees the target; the helper validates the source.
        let read = unsafe {
            generated::bpf_probe_read_user_str(target.cast(), length, self.0 as *const core::ffi::c_void)
        };
        if read <= 0 { Err(Unreadable) } else { Ok(read as u32) }
    }

    /// Copies `length` bytes to `target`.
    ///
    /// # Safety
    /// `target` must be writable for `length` bytes, and the verifier must be able to see that.
    #[inline(always)]
    pub unsafe fn read_bytes(self, target: *mut u8, length: u32) -> Result<(), Unreadable> {
        // SAFETY: the caller guarantees the target; the helper validates the source.
        let status = unsafe {
            generated::bpf_probe_read_user(target.cast(), length, self.0 as *const core::ffi::c_void)
        };
        if status == 0 { Ok(()) } else { Err(Unreadable) }
    }
}
