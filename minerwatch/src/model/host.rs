//! The host that events come from.

use std::sync::Arc;

use super::WallClock;

/// What is the same in every object.
#[derive(Clone, Debug)]
pub struct HostContext {
    /// The host's name.
    pub name: Arc<str>,
    /// Identity of this boot (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: Arc<str>,
    /// Turns boot time into wall time.
    pub clock: WallClock,
}
