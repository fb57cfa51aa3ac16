//! Finds what is newly mounted over places of the host that matter: `/usr/bin/ps`, `/etc/cron.d`, `/root/.ssh`.
//!
//! Such a mount puts other files into a place without a write there. Only mounts in the mount namespace of the host's first
//! process count, because containers, services of systemd and snaps have namespaces of their own. What was mounted before
//! the first look is taken as it is.

use std::{path::Path, sync::Arc};

use rustc_hash::FxHashSet;
use tracing::debug;

use crate::{
    enrich::{
        host_paths,
        mounts::{self, Mount},
        snapshot,
    },
    model::{BootTime, Event, EventBody, FileAction, FileChange},
};

/// Maximum number of mounts that are reported in one look. The others are reported in the next.
const MAX_FOUND: usize = 256;

/// The mounts over places of the host that are known.
#[derive(Debug, Default)]
pub(super) struct PlaceMounts {
    /// `None` before the first look.
    known: Option<FxHashSet<Key>>,
}

/// The device and the directory of a mount, and where it is mounted.
type Key = (u32, String, String);

impl PlaceMounts {
    /// Compares a mount table with the known mounts, and appends an event for each new mount over a place.
    pub(super) fn look(&mut self, mounts: &[Mount], now: BootTime, found: &mut Vec<Event>) {
        let changes = self.new_in(mounts);
        if changes.is_empty() {
            return;
        }
        let Some((subject, _)) = snapshot::of_process(Path::new("/proc"), 1) else { return };
        found.extend(changes.into_iter().map(|change| {
            debug!(path = &*change.path, "something was mounted over a place of the host");
            Event { time: now, subject: subject.clone(), body: EventBody::File(Box::new(change)) }
        }));
    }

    /// Returns what is newly mounted over places. At the first look, nothing is new.
    fn new_in(&mut self, mounts: &[Mount]) -> Vec<FileChange> {
        let known = self.known.take();
        let mut changes = Vec::new();
        let mut still = FxHashSet::default();
        for (order, mount) in
            mounts.iter().enumerate().filter(|(_, mount)| host_paths::is_place(&mount.point))
        {
            let key = (mount.device, mount.root.clone(), mount.point.clone());
            let is_new = known.as_ref().is_some_and(|known| !known.contains(&key));
            if is_new {
                if changes.len() >= MAX_FOUND {
                    continue;
                }
                changes.extend(mounts.get(..order).and_then(|before| change(before, mount)));
            }
            still.insert(key);
        }
        self.known = Some(still);
        changes
    }
}

/// Returns the change that a mount makes to what was `before` it. A directory that is mounted over itself, for example to
/// make it read-only, changes nothing.
fn change(before: &[Mount], mount: &Mount) -> Option<FileChange> {
    let inside = (mount.device, mount.root.clone().into());
    if mounts::place_of(before, &mount.point).as_ref() == Some(&inside) {
        return None;
    }
    let source = mounts::path_on_host(before, &inside);
    Some(FileChange {
        action: FileAction::Mount,
        path: Arc::from(mount.point.as_str()),
        old_path: source.as_deref().and_then(Path::to_str).map(Arc::from),
        host_path: None,
        elsewhere: false,
        file: None,
        mode: 0,
        device: None,
        exchange: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        30 22 0:25 / /proc rw - proc proc rw\n\
        31 22 0:30 / /tmp rw - tmpfs tmpfs rw\n\
        32 22 8:1 /srv/etc /etc/cron.daily rw - ext4 /dev/sda1 rw\n";

    /// Returns the paths and the sources of the mounts that a look at `BEFORE` and then at `BEFORE` with these lines
    /// finds.
    fn found(lines: &str) -> Vec<(String, Option<String>)> {
        let mut looks = PlaceMounts::default();
        let table = |text: &str| mounts::parse(text).collect::<Vec<_>>();
        assert!(looks.new_in(&table(BEFORE)).is_empty(), "the first look finds nothing new");
        let after = table(&format!("{BEFORE}{lines}"));
        let changes: Vec<FileChange> = (0..3).flat_map(|_| looks.new_in(&after)).collect();
        changes
            .into_iter()
            .map(|change| (change.path.to_string(), change.old_path.map(|path| path.to_string())))
            .collect()
    }

    #[test]
    fn new_mounts_over_places_are_found_once() {
        for (line, point, source) in [
            ("40 22 0:30 /.x/ps /usr/bin/ps rw - tmpfs tmpfs rw", "/usr/bin/ps", Some("/tmp/.x/ps")),
            ("40 22 8:1 /srv/x /etc/cron.d rw - ext4 /dev/sda1 rw", "/etc/cron.d", Some("/srv/x")),
            ("40 22 0:41 / /etc/cron.d rw - tmpfs none rw", "/etc/cron.d", None),
            ("40 22 0:41 / /root/.ssh rw - tmpfs none rw", "/root/.ssh", None),
            ("40 22 0:41 / /etc rw - overlay none rw", "/etc", None),
            ("40 22 0:41 /list /etc/ld.so.preload rw - tmpfs none rw", "/etc/ld.so.preload", None),
            ("40 32 0:41 / /etc/cron.daily rw - tmpfs none rw", "/etc/cron.daily", None),
        ] {
            let expected = [(point.to_owned(), source.map(str::to_owned))];
            assert_eq!(found(&format!("{line}\n")), expected, "{line}");
        }
    }

    #[test]
    fn other_mounts_and_what_is_mounted_over_itself_are_passed_over() {
        for line in [
            "40 22 7:1 / /snap/core22/1380 ro - squashfs /dev/loop1 ro",
            "40 22 0:41 / /run/user/1000 rw - tmpfs tmpfs rw",
            "40 22 0:41 / /var/lib/docker/overlay2/4f1c/merged rw - overlay overlay rw",
            "40 22 8:1 /var/lib/kubelet/x /var/lib/kubelet/pods/1/etc-hosts rw - ext4 /dev/sda1 rw",
            "40 22 8:17 / /mnt/usb rw - vfat /dev/sdb1 rw",
            "40 22 8:1 /etc/cron.d /etc/cron.d ro - ext4 /dev/sda1 rw",
            "40 22 8:1 /srv/etc/x /etc/cron.daily/x ro - ext4 /dev/sda1 rw",
        ] {
            assert_eq!(found(&format!("{line}\n")), [], "{line}");
        }
    }

    #[test]
    fn many_mounts_are_reported_one_look_after_the_other() {
        let line = |number| format!("40 22 0:41 / /etc/x{number} rw - tmpfs none rw\n");
        let all = 2 * MAX_FOUND + 1;
        let lines: String = (0..all).map(line).collect();
        assert_eq!(found(&lines).len(), all);
    }
}
