//! Read-only globals that the daemon fills in before the programs load. The verifier knows their values, so
//! a branch on an absent field costs nothing at run time.

use minerwatch_common::{KernelLayout, Settings};

/// Replaced by the daemon, by this name.
#[unsafe(no_mangle)]
pub static LAYOUT: KernelLayout = zerocopy::transmute!([0_u8; size_of::<KernelLayout>()]);

/// Replaced by the daemon, by this name.
#[unsafe(no_mangle)]
pub static SETTINGS: Settings = zerocopy::transmute!([0_u8; size_of::<Settings>()]);

/// The offset of a kernel field in the running kernel, [`minerwatch_common::ABSENT`] if it has none.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: a read of our own static. Volatile, because the compiler must not fold the placeholder in.
        unsafe { core::ptr::read_volatile(&raw const $crate::constants::LAYOUT.$field) }
    };
}

/// A setting of this load.
macro_rules! setting {
    ($field:ident) => {
        // SAFETY: as for `offset!`.
        unsafe { core::ptr::read_volatile(&raw const $crate::constants::SETTINGS.$field) }
    };
}

pub(crate) use {offset, setting};
