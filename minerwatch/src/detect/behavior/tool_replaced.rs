//! B8T: a tool with which people look at processes and files is replaced, or moved away.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, SignalClass},
    process::{Command, Role, is_in_system_directory},
};

/// The signal.
pub const TOOL_REPLACED: SignalInfo = SignalInfo {
    id: "B8T",
    class: SignalClass::Behavior,
    weight: 25,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Tool of the system replaced",
    description: "A tool that shows processes, files or connections, or that fetches files, was replaced or moved away outside the package manager.",
    catches: "Tools that lie about what runs, and tools that only the intruder finds.",
    techniques: &["T1554"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[TOOL_REPLACED],
    wants: &[EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// The tools that show what runs and what is there.
const SHOWS: [&str; 22] = [
    "ps",
    "top",
    "htop",
    "pstree",
    "pgrep",
    "ls",
    "dir",
    "find",
    "netstat",
    "ss",
    "lsof",
    "lsattr",
    "who",
    "w",
    "last",
    "lastlog",
    "md5sum",
    "sha256sum",
    "stat",
    "dmesg",
    "lsmod",
    "ip",
];
/// The tools that an intruder keeps for himself.
const SERVES: [&str; 8] = ["kill", "pkill", "killall", "chattr", "curl", "wget", "crontab", "systemctl"];

/// Returns the name of the tool at a path of the system.
fn tool_at(path: &str) -> Option<&str> {
    const DIRECTORIES: [&str; 4] = ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"];
    let name = DIRECTORIES.iter().find_map(|directory| path.strip_prefix(directory))?;
    (SHOWS.contains(&name) || SERVES.contains(&name)).then_some(name)
}

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::File(change) = &context.event.body else { return None };
    let old_path = change.old_path.as_deref().filter(|_| change.action == FileAction::Rename);
    let (tool, path, verb) = match change.action {
        FileAction::Write | FileAction::Create | FileAction::Link | FileAction::Symlink => {
            (tool_at(change.place())?, change.place(), "replaced")
        }
        FileAction::Rename => match (tool_at(change.place()), old_path.and_then(tool_at)) {
            (Some(tool), _) => (tool, change.place(), "replaced"),
            (None, Some(tool)) => (tool, old_path?, "moved away"),
            (None, None) => return None,
        },
        FileAction::Delete | FileAction::Chmod | FileAction::DeviceOpen => return None,
    };
    let process = context.process;
    let is_inside = process.container_id().is_some() || change.elsewhere;
    if (is_inside && change.host_path.is_none()) || is_usual_writer(context) {
        return None;
    }
    let detail = format!("'{}' {verb} the system's '{tool}' ({path})", process.view.name);
    Some(Finding::new(TOOL_REPLACED, context, detail).value("path", path))
}

/// Whether the process installs programs as its task.
fn is_usual_writer(context: &DetectionContext<'_>) -> bool {
    let process = context.process;
    let installs = || {
        let command = Command::of(process);
        let is_link = command.is(&["update-alternatives", "alternatives"])
            && command.operands().all(|operand| !operand.starts_with('/') || is_in_system_directory(operand));
        // The other applets of busybox write what they are told.
        let is_applet = command.is(&["busybox"]) && command.is(&["--install"]);
        let is_tool = command.is(&["dpkg-divert", "ostree", "bootc", "transactional-update"]);
        let script = process.script.as_deref();
        let is_of_system = process.is_of_system() && script.is_none_or(is_in_system_directory);
        is_of_system && (is_link || is_applet || is_tool)
    };
    matches!(process.role, Role::Init | Role::PackageManager | Role::ContainerRuntime) || installs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    #[test]
    fn only_tools_that_somebody_else_replaces_count() {
        let cases: [(&str, &str, &str, bool); 9] = [
            ("/usr/bin/mv", "/usr/bin/ps", "/usr/bin/ps.original", true),
            ("/usr/bin/mv", "/usr/bin/wget", "/usr/bin/wge", true),
            ("/usr/bin/cp", "/tmp/x", "/bin/netstat", true),
            ("/usr/bin/dpkg", "/usr/bin/ps.dpkg-new", "/usr/bin/ps", false),
            ("/usr/bin/update-alternatives", "/usr/bin/w.dpkg-tmp", "/usr/bin/w", false),
            ("/usr/bin/install", "/tmp/x", "/usr/local/bin/top", false),
            ("/usr/bin/install", "/tmp/x", "/usr/bin/mytool", false),
            ("/usr/bin/mv", "/home/me/bin/ps", "/home/me/bin/ps.old", false),
            ("/usr/bin/dockerd", "/usr/bin/.wh.ps", "/usr/bin/ps", false),
        ];
        for (writer, from, to, is_found) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let writer = host.spawn(init, writer, &["x"]);
            host.rename(writer, from, to);
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{from} {to}");
        }
    }

    #[test]
    fn who_links_a_tool_to_something_else_is_no_installer() {
        let cases: [(&str, &[&str], bool); 6] = [
            (
                "/usr/bin/update-alternatives",
                &["update-alternatives", "--install", "/usr/bin/top", "top", "/mnt/evil", "100"],
                true,
            ),
            ("/usr/bin/update-alternatives", &["update-alternatives", "--set", "top", "/mnt/evil"], true),
            (
                "/usr/bin/update-alternatives",
                &["update-alternatives", "--install", "/usr/bin/top", "top", "/usr/bin/htop", "100"],
                false,
            ),
            ("/bin/busybox", &["busybox", "cp", "/tmp/x", "/usr/bin/top"], true),
            ("/bin/busybox", &["mv", "/tmp/x", "/usr/bin/top"], true),
            ("/bin/busybox", &["busybox", "--install", "-s"], false),
        ];
        for (writer, arguments, is_found) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let writer = host.spawn(init, writer, arguments);
            host.symlink(writer, "/mnt/evil", "/usr/bin/top");
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{arguments:?}");
        }
    }

    #[test]
    fn the_tools_of_an_image_that_is_built_are_not_those_of_the_host() {
        for (host_path, is_found) in [(None, false), (Some("/usr/bin/ps"), true)] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let dpkg = host.spawn(init, "/srv/image/usr/bin/dpkg", &["dpkg", "--unpack", "x.deb"]);
            host.rename_elsewhere(dpkg, "/bin/ps.dpkg-new", "/bin/ps", host_path);
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{host_path:?}");
        }
    }
}
