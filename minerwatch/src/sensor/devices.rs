//! The devices whose opens are reported: GPUs, and model-specific registers (MSRs), which miners write to become
//! faster.

use std::fs;

use minerwatch_common::{WATCHED_DEVICES, WatchedDevices};

/// Character devices with fixed numbers (Documentation/admin-guide/devices.txt): `/dev/cpu/*/msr`, the `NVIDIA` cards,
/// and the nodes of graphics cards that are only for rendering and computing (`/dev/dri/renderD*`).
const FIXED: [WatchedDevices; 3] =
    [WatchedDevices::of_major(202, 0), WatchedDevices::of_major(195, 0), WatchedDevices::of_major(226, 128)];

/// Drivers that get their major number when they load: the unified memory of `CUDA` and the compute interface of `AMD`.
const NAMED: [&str; 2] = ["nvidia-uvm", "kfd"];

/// Returns the devices of this host. A driver of [`NAMED`] that loads later is not included.
pub fn watched() -> [WatchedDevices; WATCHED_DEVICES] {
    let listing = fs::read_to_string("/proc/devices").unwrap_or_default();
    let mut all = [WatchedDevices::NONE; WATCHED_DEVICES];
    let named = NAMED.iter().filter_map(|name| major_of(&listing, name));
    let found = FIXED.into_iter().chain(named.map(|major| WatchedDevices::of_major(major, 0)));
    for (slot, devices) in all.iter_mut().zip(found) {
        *slot = devices;
    }
    all
}

/// Finds the major number of a character driver in the text of `/proc/devices`.
fn major_of(listing: &str, name: &str) -> Option<u32> {
    let characters = listing.lines().take_while(|line| !line.starts_with("Block"));
    characters
        .filter_map(|line| line.trim().split_once(' '))
        .find(|(_, driver)| *driver == name)?
        .0
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_found_among_the_character_devices() {
        let listing = "Character devices:\n  1 mem\n195 nvidia\n509 nvidia-uvm\n\nBlock devices:\n  7 kfd\n";
        assert_eq!(major_of(listing, "nvidia-uvm"), Some(509));
        assert_eq!(major_of(listing, "kfd"), None);
        assert_eq!(major_of("", "kfd"), None);
    }

    #[test]
    fn numbers_follow_the_kernels_encoding() {
        let msr = 202 << 20 | 3;
        let holds = |number: u32| FIXED.iter().any(|range| (range.first..=range.last).contains(&number));
        assert!(holds(msr) && holds(226 << 20 | 128));
        assert!(!holds(226 << 20) && !holds(203 << 20));
        assert!(FIXED.len() + NAMED.len() <= WATCHED_DEVICES);
    }
}
