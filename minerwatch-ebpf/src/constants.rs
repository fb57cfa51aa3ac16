//! Read-only globals that the daemon fills in before it loads the programs. The verifier knows the values and removes
//! dead branches, so a check for an absent field costs nothing at run time.

use minerwatch_common::{KernelLayout, Settings};

/// The offsets of kernel fields. The daemon replaces this static by its name.
#[unsafe(no_mangle)]
pub static LAYOUT: KernelLayout = zerocopy::transmute!([0_u8; size_of::<KernelLayout>()]);

/// The settings of the programs. The daemon replaces this static by its name.
#[unsafe(no_mangle)]
pub static SETTINGS: Settings = zerocopy::transmute!([0_u8; size_of::<Settings>()]);

/// Reads the offset of a kernel field, which is [`minerwatch_common::ABSENT`] if the running kernel has no such field.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: reads our own static. The read is volatile so that the compiler does not assume the initial zeros.
        unsafe { core::ptr::read_volatile(&raw const $crate::constants::LAYOUT.$field) }
    };
}

/// Reads a setting.
macro_rules! setting {
    ($field:ident) => {
        // SAFETY: as for `offset!`.
        unsafe { core::ptr::read_volatile(&raw const $crate::constants::SETTINGS.$field) }
    };
}

pub(crate) use {offset, setting};
