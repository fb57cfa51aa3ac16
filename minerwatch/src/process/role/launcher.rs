//! Trusted programs that run what an option names. If the administrator did not choose it, it belongs to the tree of
//! the process that set the option, and the tree does not end at the trusted program.
//!
//! Sources: conmon(8), podman(1), buildah(1), crio(8), dockerd(8) and the flags of containerd's shims; telnetd of GNU
//! inetutils, netkit and `BusyBox`; crond of cronie, dcron and `BusyBox`, fcron(8), anacron(8); runsvdir(8), runsv(8), s6-svscan,
//! s6-supervise, supervise(8), supervisord, monit(1).

use super::{Role, by_name};
use crate::process::{
    path::resolve,
    program_file::{base_name, is_in_system_directory},
};

/// The first letters of runtimes for containers that have no role of their own.
const RUNTIMES: [&str; 7] =
    ["runsc", "runc-", "crun-", "krun", "kata", "nvidia-container-runtime", "sysbox-runc"];

/// Directories that only an administrator or a package manager writes to.
const OF_ADMINISTRATOR: [&str; 16] = [
    "/etc/",
    "/opt/",
    "/srv/",
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/snap/",
    "/nix/store/",
    "/gnu/store/",
    "/var/spool/",
    "/var/service/",
    "/run/service/",
    "/run/runit/",
    "/run/s6/",
    "/service/",
];

/// Whether the options of a program with this name and role name something to run that the administrator did not choose.
pub(super) fn launches_for_others(
    name: &str,
    role: Role,
    arguments: &[impl AsRef<str>],
    parent: Option<Role>,
) -> bool {
    let arguments: Vec<&str> = arguments.iter().skip(1).map(AsRef::as_ref).collect();
    match (role, name) {
        (Role::ContainerRuntime, "conmon" | "conmonrs") => {
            let runs_on_the_host =
                || values(&arguments, &["--exit-command-arg"]).any(|word| word == "unshare");
            let mut programs = values(&arguments, &["-r", "--runtime", "--exit-command"]);
            programs.any(|program| !is_runtime(program)) || runs_on_the_host()
        }
        (Role::ContainerRuntime, _) => {
            let options = ["--runtime", "--conmon", "--add-runtime", "-publish-binary", "-containerd-binary"];
            // A name without a slash is looked up in the directories that the administrator set.
            let is_other = |value: &str| {
                let path = value.rsplit_once('=').map_or(value, |(_, path)| path);
                path.contains('/') && !is_runtime(path)
            };
            values(&arguments, &options).any(is_other) || names_other_place(&arguments, &["--hooks-dir"])
        }
        (Role::LoginService, "telnetd" | "in.telnetd") => {
            let is_login = |value: &str| {
                // The value may have arguments.
                let program = value.split(' ').next().unwrap_or(value);
                base_name(program) == "login" && is_in_system_directory(program)
            };
            values(&arguments, &["-l", "-L", "-E", "--exec-login"]).any(|value| !is_login(value))
        }
        (Role::Scheduler, "anacron") => names_other_place(&arguments, &["-t"]),
        (Role::Scheduler, _) => {
            // The mail program. In other variants, the value is an address or a number.
            let mut mailers = values(&arguments, &["-m"]).filter(|value| value.contains('/'));
            mailers.any(|mailer| !is_of_administrator(mailer)) || names_other_place(&arguments, &["-c"])
        }
        // A supervisor starts others in directories of its own.
        (Role::Init, _) if parent == Some(Role::Init) => false,
        (Role::Init, "supervisord" | "monit") => names_other_place(&arguments, &["-c", "--configuration"]),
        (Role::Init, "runsvdir" | "runsv" | "s6-svscan" | "s6-supervise" | "svscan" | "supervise") => {
            let is_option = |word: &str| word.starts_with('-') || word.parse::<u32>().is_ok();
            let place = arguments.iter().find(|word| !is_option(word));
            !place.is_some_and(|place| is_of_administrator(place))
        }
        _ => false,
    }
}

/// Whether one of these options names a file or directory that is not the administrator's.
fn names_other_place(arguments: &[&str], options: &[&str]) -> bool {
    values(arguments, options).any(|place| !is_of_administrator(place))
}

/// Returns the values of these options: the rest of the word or the next word. A word that begins with a dash is no value.
/// Options of one letter may be combined.
fn values<'a>(arguments: &'a [&'a str], options: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    arguments.iter().enumerate().filter_map(|(at, argument)| {
        let rest = options.iter().find_map(|option| value_in(argument, option))?;
        let value = if rest.is_empty() { *arguments.get(at + 1)? } else { rest };
        (!value.starts_with('-')).then_some(value)
    })
}

/// Returns the value of an option in the same word; empty if the value is the next word.
fn value_in<'a>(word: &'a str, option: &str) -> Option<&'a str> {
    if let Some(rest) = word.strip_prefix(option) {
        let is_short = option.len() == 2;
        return if rest.is_empty() || is_short { Some(rest) } else { rest.strip_prefix('=') };
    }
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
    let letter = option.strip_prefix('-').filter(|letter| letter.len() == 1)?;
    let (_, rest) = letters.split_once(letter)?;
    (rest.is_empty() || rest.contains('/')).then_some(rest)
}

/// Whether a path is that of a runtime for containers, or of a manager of such.
fn is_runtime(path: &str) -> bool {
    let name = base_name(path);
    let is_known =
        by_name(name) == Role::ContainerRuntime || RUNTIMES.iter().any(|known| name.starts_with(known));
    is_known && is_of_administrator(path)
}

fn is_of_administrator(path: &str) -> bool {
    // `/etc/../tmp/x` is somewhere else.
    let path = resolve("", path);
    let is_place = |place: &&str| path.starts_with(*place) || place.strip_suffix('/') == Some(&path);
    OF_ADMINISTRATOR.iter().any(is_place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_told(role: Role, line: &str, parent: Option<Role>) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(by_name(words[0]), role, "{line}");
        launches_for_others(words[0], role, &words, parent)
    }

    #[test]
    fn who_names_a_program_of_ones_own_tells() {
        for (role, line) in [
            (Role::ContainerRuntime, "conmon -c 1 -u 1 -r /tmp/x -b /tmp/b"),
            (Role::ContainerRuntime, "conmon -c 1 -u 1 -r/tmp/x"),
            (Role::ContainerRuntime, "conmon -str /tmp/x"),
            (Role::ContainerRuntime, "conmon -r crun"),
            (Role::ContainerRuntime, "conmon --runtime=/dev/shm/crun -c 1"),
            (Role::ContainerRuntime, "conmon -r /usr/bin/env --runtime-arg /tmp/x"),
            (Role::ContainerRuntime, "conmon -r /usr/../tmp/crun"),
            (Role::ContainerRuntime, "conmon -r /usr/bin/crun --exit-command /tmp/x"),
            (
                Role::ContainerRuntime,
                "conmon -n run -r /usr/bin/crun --exit-command /usr/bin/podman --exit-command-arg unshare",
            ),
            (Role::ContainerRuntime, "podman --runtime /tmp/x run image"),
            (Role::ContainerRuntime, "podman run --runtime=/tmp/x image"),
            (Role::ContainerRuntime, "podman --hooks-dir=/tmp/h run image"),
            (Role::ContainerRuntime, "dockerd --add-runtime x=/tmp/x"),
            (Role::ContainerRuntime, "containerd-shim-runc-v2 -publish-binary /tmp/x start"),
            (Role::LoginService, "telnetd -l /tmp/x"),
            (Role::LoginService, "telnetd -F -p 2323 -l /bin/sh"),
            (Role::LoginService, "in.telnetd --exec-login=/tmp/login"),
            (Role::LoginService, "in.telnetd -L /home/me/x"),
            (Role::Scheduler, "crond -c /tmp/jobs"),
            (Role::Scheduler, "crond -f -c jobs"),
            (Role::Scheduler, "crond -n -m /tmp/x"),
            (Role::Scheduler, "anacron -f -t /home/me/.anacrontab"),
            (Role::Scheduler, "anacron -fnt /home/me/.anacrontab"),
            (Role::Init, "runsv x"),
            (Role::Init, "runsvdir -P /tmp/service"),
            (Role::Init, "s6-svscan -t0 /dev/shm/s"),
            (Role::Init, "supervisord -n -c /home/me/x.conf"),
        ] {
            assert!(is_told(role, line, Some(Role::Shell)), "{line}");
        }
    }

    #[test]
    fn what_an_administrator_sets_up_is_trusted() {
        for (role, line) in [
            (
                Role::ContainerRuntime,
                "conmon --api-version 1 -c 4f -u 4f -r /usr/bin/crun -b /var/lib/containers/b -p /run/p -n web -s -l k8s-file:/x \
                 --log-level warning --runtime-arg --log-format=json --exit-command /usr/bin/podman --exit-command-arg --root \
                 --exit-command-arg /var/lib/containers --exit-command-arg container --exit-command-arg cleanup",
            ),
            (Role::ContainerRuntime, "conmon -c 1 -r /usr/libexec/crio/runc"),
            (Role::ContainerRuntime, "conmon -c 1 -r /opt/kata/bin/kata-runtime"),
            (Role::ContainerRuntime, "podman --runtime crun run image --runtime fast"),
            (Role::ContainerRuntime, "podman run --name web image"),
            (
                Role::ContainerRuntime,
                "dockerd -H fd:// --add-runtime nvidia=/usr/bin/nvidia-container-runtime",
            ),
            (
                Role::ContainerRuntime,
                "containerd-shim-runc-v2 -namespace moby -publish-binary /usr/bin/containerd",
            ),
            (Role::LoginService, "telnetd"),
            (Role::LoginService, "telnetd -F -l /bin/login"),
            (Role::LoginService, "in.telnetd -l -h"),
            (Role::Scheduler, "cron -f -P"),
            (Role::Scheduler, "crond -c -n"),
            (Role::Scheduler, "crond -n -s -m off"),
            (Role::Scheduler, "crond -f -c /etc/crontabs"),
            (Role::Scheduler, "anacron -d -q -s"),
            (Role::Init, "runsvdir -P /etc/service log:...."),
            (Role::Init, "s6-svscan -t0 /run/service"),
            (Role::Init, "supervisord -n -c /etc/supervisor/supervisord.conf"),
            (Role::Init, "systemd --user"),
        ] {
            assert!(!is_told(role, line, Some(Role::Shell)), "{line}");
        }
        assert!(!is_told(Role::Init, "runsv nginx", Some(Role::Init)), "below its own supervisor");
    }
}
