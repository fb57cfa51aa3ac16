//! The host that events come from.

use std::sync::Arc;

use super::WallClock;

/// The fields that every JSON object of a host contains.
#[derive(Clone, Debug)]
pub struct HostContext {
    /// The host's name.
    pub name: Arc<str>,
    /// Identity of this boot (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: Arc<str>,
    /// Converts boot time to wall time.
    pub clock: WallClock,
}
