//! B13: a program in a container reaches out to the host.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileChange, SignalClass},
    process::{Command, base_name, resolve},
};

/// The signal. The full form changes what the kernel or the host starts. The weak form is a step: the agents of clusters
/// enter the host, too.
pub const ESCAPE: SignalInfo = SignalInfo {
    id: "B13",
    class: SignalClass::Behavior,
    weight: 15,
    full_weight: 45,
    kind: SignalKind::Sign,
    name: "Reaches from a container to the host",
    description: "A program in a container entered the host, called its container runtime, started a container that sees the host's files, or, in the full form, changed what the kernel or the host starts.",
    catches: "The way from one container to the whole host.",
    techniques: &["T1611"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[ESCAPE],
    wants: &[EventType::Exec, EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let container = context.process.view.container.as_ref();
    let is_inside = container.is_some_and(|container| container.id.is_some());
    if !is_inside {
        return None;
    }
    let name = &context.process.view.name;
    match &context.event.body {
        EventBody::Exec(exec) => {
            let what = entered(&context.command?, exec.chroots_to_host)?;
            let info = SignalInfo { kind: SignalKind::Step, ..ESCAPE };
            Some(Finding::new(info, context, format!("'{name}' in a container {what}")))
        }
        EventBody::File(change) => {
            let what = changed(change)?;
            let path = change.place();
            let detail = format!("'{name}' in a container changed {what} ({path})");
            Some(
                Finding::new(ESCAPE, context, detail)
                    .full()
                    .value("path", path)
                    .value("seen_as", &change.path),
            )
        }
        _ => None,
    }
}

/// Returns how a command enters the host, in words. `chroots_to_host` says that the directory of `chroot` is known to be
/// the host's.
fn entered(command: &Command<'_>, chroots_to_host: bool) -> Option<&'static str> {
    if command.is(&["nsenter"]) {
        // Later options may be those of the program that is started.
        let is_init = command.values(Some('t'), "target").next().is_some_and(|pid| pid.parse() == Ok(1_u32));
        let enters_init = is_init || command.arguments().any(|argument| argument.contains("/proc/1/ns/"));
        return enters_init.then_some("entered the namespaces of the host");
    }
    if command.is(&["chroot"]) {
        let root = command.operands().next()?.trim_end_matches('/');
        let is_of_host = chroots_to_host
            || matches!(
                root,
                "/host" | "/hostfs" | "/rootfs" | "/host-root" | "/mnt/host" | "/mnt" | "/proc/1/root"
            );
        return is_of_host.then_some("entered the root directory of the host");
    }
    if command.is(&["docker", "nerdctl", "podman", "ctr"]) {
        let starts = command.has("run") || command.has("create");
        return (starts && sees_host(command)).then_some("started a container that sees the host");
    }
    if command.is(&["curl"]) {
        let calls_runtime = command.values(None, "unix-socket").any(is_of_runtime);
        return calls_runtime.then_some("called the container runtime of the host");
    }
    None
}

/// Whether a command starts a container that sees the whole host, or the settings that start programs on it.
fn sees_host(command: &Command<'_>) -> bool {
    let mut volumes = command.values(Some('v'), "volume").filter_map(|volume| volume.split(':').next());
    let mut mounts = command.values(None, "mount").filter_map(|mount| {
        let mut parts = mount.split(',');
        parts.find_map(|part| part.strip_prefix("source=").or_else(|| part.strip_prefix("src=")))
    });
    command.is_set("privileged")
        || command.values(None, "pid").any(|namespace| namespace == "host")
        || volumes.any(is_whole_host)
        || mounts.any(is_whole_host)
}

/// Whether a directory of the host lets a container change what the host starts. Single files in it are usual
/// (`/etc/localtime`).
fn is_whole_host(directory: &str) -> bool {
    const DIRECTORIES: [&str; 7] = ["", "/etc", "/root", "/root/.ssh", "/boot", "/dev", "/var/spool/cron"];
    let Some(below) = directory.strip_prefix('/') else { return false };
    let directory = resolve("/", below);
    let is_of_jobs = directory.starts_with("/etc/cron") || directory.starts_with("/etc/systemd");
    is_of_jobs || DIRECTORIES.contains(&directory.trim_end_matches('/'))
}

/// Whether a socket is that of a container runtime.
fn is_of_runtime(socket: &str) -> bool {
    const NAMES: [&str; 4] = ["docker.sock", "containerd.sock", "podman.sock", "crio.sock"];
    NAMES.contains(&base_name(socket))
}

/// Returns what a file of the host makes the kernel or the host start, in words.
fn changed(change: &FileChange) -> Option<&'static str> {
    if !change.puts_file() {
        return None;
    }
    let path = change.place();
    // In a container, `/proc/sys` and `/sys` are read-only. So an intruder mounts these file systems at another path.
    for (file, words) in [
        ("/sys/kernel/core_pattern", "what the kernel starts when a program crashes"),
        ("/kernel/uevent_helper", "what the kernel starts for a new device"),
        ("/sys/kernel/hotplug", "what the kernel starts for a new device"),
        ("/sys/kernel/modprobe", "what the kernel starts to load a module"),
        ("/release_agent", "what the kernel starts when a control group is empty"),
    ] {
        if path.ends_with(file) {
            return Some(words);
        }
    }
    // The agents of clusters write units and settings on the host. They give nobody a key, a job or an account.
    let host_path = change.host_path.as_deref()?;
    let is_way_in = host_path.ends_with("/.ssh/authorized_keys")
        || host_path.starts_with("/etc/cron")
        || host_path.starts_with("/var/spool/cron/")
        || matches!(
            host_path,
            "/etc/passwd" | "/etc/shadow" | "/etc/sudoers" | "/etc/ld.so.preload" | "/etc/anacrontab"
        );
    is_way_in.then_some("a file of the host that lets somebody in or starts programs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ProcessKey,
        testing::{Host, findings_of},
    };

    fn shell(host: &mut Host, inside: bool) -> ProcessKey {
        let init = host.boot("/sbin/init", &["init"]);
        let shell = host.fork(init);
        if inside {
            host.enter(shell, "4f1c");
        }
        host.exec(shell, init, "/bin/sh", "/bin/sh", &["sh"]);
        shell
    }

    #[test]
    fn files_of_the_host_are_told_from_those_of_the_container() {
        let cases = [
            ("/host/etc/crontab", Some("/etc/crontab"), true),
            ("/mnt/root/.ssh/authorized_keys", Some("/root/.ssh/authorized_keys"), true),
            ("/host/etc/systemd/system/kata.service", Some("/etc/systemd/system/kata.service"), false),
            ("/host/opt/cni/bin/flannel", Some("/opt/cni/bin/flannel"), false),
            ("/etc/crontab", None, false),
            ("/proc/sys/kernel/core_pattern", None, true),
            ("/tmp/cgrp/release_agent", None, true),
            ("/proc/sys/net/ipv4/ip_forward", None, false),
        ];
        for (path, host_path, is_found) in cases {
            for inside in [true, false] {
                let mut host = Host::new();
                let shell = shell(&mut host, inside);
                match host_path {
                    Some(host_path) => host.write_as(shell, path, host_path),
                    None => host.write(shell, path),
                }
                let expected: &[(&str, u8)] = if is_found && inside { &[("B13", 45)] } else { &[] };
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{path}");
            }
        }
    }

    #[test]
    fn a_directory_that_is_the_host_s_needs_no_known_name() {
        for (chroots_to_host, expected) in [(true, &[("B13", 15)][..]), (false, &[])] {
            let mut host = Host::new();
            let shell = shell(&mut host, true);
            let chroot = host.fork(shell);
            let other = host.spawn(shell, "/usr/sbin/chroot", &["chroot", "/srv/h", "sh"]);
            let EventBody::Exec(mut exec) = host.events().last().expect("it ran").body.clone() else {
                panic!("the last event of {other}");
            };
            exec.chroots_to_host = chroots_to_host;
            host.happen(chroot, EventBody::Exec(exec));
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{chroots_to_host}");
        }
    }

    #[test]
    fn commands_that_enter_the_host() {
        let cases: [(&[&str], bool); 32] = [
            (&["nsenter", "-t", "1", "-m", "-u", "sh"], true),
            (&["nsenter", "--mount=/proc/1/ns/mnt", "sh"], true),
            (&["nsenter", "-mt", "1", "sh"], true),
            (&["nsenter", "-at1", "sh"], true),
            (&["nsenter", "--target=1", "-n", "sh"], true),
            (&["nsenter", "-t", "812", "-n", "ip", "a"], false),
            (&["nsenter", "-t", "812", "-n", "prog", "-t", "1"], false),
            (&["nsenter", "-t", "11", "-n", "ip", "a"], false),
            (&["chroot", "/host", "sh"], true),
            (&["chroot", "/srv/jail", "sh"], false),
            (&["docker", "run", "-v", "/:/mnt", "alpine"], true),
            (&["docker", "run", "--privileged", "alpine"], true),
            (&["docker", "run", "-v=/:/h", "alpine"], true),
            (&["docker", "run", "-itv", "//:/h", "alpine"], true),
            (&["podman", "run", "--volume=/:/h:rw", "alpine"], true),
            (&["nerdctl", "create", "--volume", "/etc:/e", "alpine"], true),
            (&["docker", "run", "--mount", "type=bind,source=/,target=/h", "alpine"], true),
            (&["ctr", "run", "--mount=type=bind,src=/,dst=/h,options=rbind", "alpine", "x"], true),
            (&["docker", "run", "--privileged=true", "alpine"], true),
            (&["docker", "run", "--pid", "host", "alpine"], true),
            (&["docker", "run", "--pid=host", "alpine"], true),
            (&["docker", "run", "--privileged=false", "--pid=container:x", "alpine"], false),
            (&["docker", "run", "-v", "/srv:/srv", "alpine"], false),
            (&["docker", "run", "-v", "data:/var/lib/x", "-v", "/home/x/src:/src", "alpine"], false),
            (&["docker", "run", "-v", "/etc/localtime:/etc/localtime:ro", "alpine"], false),
            (&["docker", "run", "-v", "/etc/ssl/certs:/etc/ssl/certs", "alpine"], false),
            (&["docker", "run", "--mount", "type=volume,source=data,target=/", "alpine"], false),
            (&["docker", "build", "-v", "/:/h", "."], false),
            (&["curl", "-s", "--unix-socket", "/var/run/docker.sock", "http://x/containers/json"], true),
            (&["curl", "--unix-socket=/host/run/containerd/containerd.sock", "http://x/"], true),
            (&["curl", "--unix-socket", "/run/app.sock", "http://x/"], false),
            (&["curl", "http://x/docker.sock"], false),
        ];
        for (arguments, is_found) in cases {
            for inside in [true, false] {
                let mut host = Host::new();
                let shell = shell(&mut host, inside);
                host.spawn(shell, &format!("/usr/bin/{}", arguments[0]), arguments);
                let expected: &[(&str, u8)] = if is_found && inside { &[("B13", 15)] } else { &[] };
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{arguments:?}");
            }
        }
    }

    #[test]
    fn an_exchange_of_a_file_of_the_host_counts_in_both_directions() {
        let file = ("/host/etc/cron.d/job", Some("/etc/cron.d/job"));
        let other = ("/host/etc/x", Some("/etc/x"));
        for (one, two) in [(file, other), (other, file)] {
            for inside in [true, false] {
                let mut host = Host::new();
                let shell = shell(&mut host, inside);
                host.exchange_as(shell, one, two, 0o100_644);
                let expected: &[(&str, u8)] = if inside { &[("B13", 45)] } else { &[] };
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{one:?}");
            }
        }
    }
}
