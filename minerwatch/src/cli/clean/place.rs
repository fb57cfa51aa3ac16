//! What to do about a path through which a suspect starts again.

use std::path::Path;

use super::{Kind, Left, Step, step};

/// The kinds of such paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file that only cron jobs of its own are in.
    CronFile,
    /// A table that has the jobs of others, too.
    CronTable,
    /// A systemd unit of the system.
    Unit,
    /// A unit of a user.
    UserUnit,
    /// `/etc/ld.so.preload`.
    Preload,
    /// Keys of SSH.
    Keys,
    /// Another file that has lines of others, too.
    Shared,
    /// A file of its own elsewhere.
    Other,
}

impl Place {
    pub(super) fn of(path: &str) -> Self {
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_unit =
            [".service", ".timer", ".socket", ".path", ".mount"].iter().any(|end| name.ends_with(end));
        if path == "/etc/crontab" || path.starts_with("/var/spool/cron/") || path == "/etc/anacrontab" {
            Self::CronTable
        } else if path.starts_with("/etc/cron.") {
            Self::CronFile
        } else if path.contains("/.config/systemd/user/") {
            Self::UserUnit
        } else if is_unit && path.contains("/systemd/system/") {
            Self::Unit
        } else if path == "/etc/ld.so.preload" {
            Self::Preload
        } else if name.starts_with("authorized_keys") {
            Self::Keys
        } else if path.starts_with("/etc/profile.d/") || path.starts_with("/etc/init.d/") || is_unit {
            Self::Other
        } else {
            Self::Shared
        }
    }

    /// Returns the step. `files` are those that the intruder left, whose names help to find the lines.
    pub(super) fn step(self, path: &str, files: &[Left], is_in_container: bool) -> Step {
        let (kind, why) = match self {
            Self::CronFile => (Kind::Remove, "this cron job starts the suspect again"),
            Self::CronTable => {
                (Kind::Review, "a line of this cron table may start the suspect again; remove only that line")
            }
            Self::Unit => (Kind::Disable, "this unit starts the suspect again"),
            Self::UserUnit => (Kind::Remove, "this unit of a user starts the suspect again"),
            Self::Preload => {
                (Kind::Review, "each program loads the libraries in this file; remove the intruder's")
            }
            Self::Keys => (Kind::Review, "a key may be the intruder's; remove it"),
            Self::Shared => (Kind::Review, "a line may start the suspect again; remove only that line"),
            Self::Other => (Kind::Remove, "it starts the suspect again"),
        };
        if is_in_container {
            return step(Kind::Review, path, why, &[]);
        }
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let looked_for: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let mut found = vec!["grep", "-nF"];
        for file in &looked_for {
            found.extend(["-e", file]);
        }
        found.extend(["--", path]);
        let list = ["ls", "-la", "--", path];
        match self {
            Self::CronFile | Self::UserUnit | Self::Other => step(kind, path, why, &[&["rm", "--", path]]),
            Self::Unit => step(
                kind,
                path,
                why,
                &[
                    &["systemctl", "disable", "--now", "--", name],
                    &["rm", "--", path],
                    &["systemctl", "daemon-reload"],
                ],
            ),
            Self::CronTable | Self::Preload | Self::Keys | Self::Shared => {
                let look: &[&str] = if looked_for.is_empty() { &list } else { &found };
                step(kind, path, why, &[look, &["minerwatch-edit", path]])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_use_is_never_removed() {
        for (path, place, removes) in [
            ("/etc/cron.d/x", Place::CronFile, true),
            ("/etc/crontab", Place::CronTable, false),
            ("/var/spool/cron/crontabs/root", Place::CronTable, false),
            ("/etc/systemd/system/m.service", Place::Unit, true),
            ("/home/me/.config/systemd/user/x.timer", Place::UserUnit, true),
            ("/etc/ld.so.preload", Place::Preload, false),
            ("/root/.ssh/authorized_keys", Place::Keys, false),
            ("/root/.bashrc", Place::Shared, false),
            ("/etc/rc.local", Place::Shared, false),
            ("/etc/profile.d/x.sh", Place::Other, true),
        ] {
            assert_eq!(Place::of(path), place, "{path}");
            let step = place.step(path, &[], false);
            let is_removed =
                step.commands.iter().any(|command| command.first().is_some_and(|word| word == "rm"));
            assert_eq!(is_removed, removes, "{path}");
        }
    }
}
