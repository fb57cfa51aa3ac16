//! Read-only globals that the daemon fills in before the programs load. The verifier knows their values and removes dead
//! branches, so a check for an absent field costs nothing at run time.

use minerwatch_common::{KernelLayout, Settings};

/// The offsets of kernel fields. The daemon replaces this static by its name.
#[unsafe(no_mangle)]
pub static LAYOUT: KernelLayout = zerocopy::transmute!([0_u8; size_of::<KernelLayout>()]);

/// The settings of this load. The daemon replaces this static by its name.
#[unsafe(no_mangle)]
pub static SETTINGS: Settings = zerocopy::transmute!([0_u8; size_of::<Settings>()]);

/// The offset of a field in the running kernel, [`minerwatch_common::ABSENT`] if the kernel has no such field.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: a read of our own static. It is volatile so that the compiler does not use the placeholder's value.
        unsafe { core::ptr::read_volatile(&raw const $crate::constants::LAYOUT.$field) }
    };
}

/// One of the settings.
macro_rules! setting {
    ($field:ident) => {
        // SAFETY: as for `offset!`.
        unsafe { core::ptr::read_volatile(&raw const $crate::constants::SETTINGS.$field) }
    };
}

pub(crate) use {offset, setting};
