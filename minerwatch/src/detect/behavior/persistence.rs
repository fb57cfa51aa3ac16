//! B7: a file that starts programs is changed.

mod places;

use places::{Facts, Starter};

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{ChainKind, EventBody, EventType, FileAction, FileChange, SignalClass},
    process::{Command, Process, Role, base_name, is_in_system_directory, resolve},
};

/// The signal. The full form is a file that starts a program by itself, or lets somebody in. A user's shell start file
/// and what many installers and guides change count a quarter.
pub const PERSISTENCE: SignalInfo = SignalInfo {
    id: "B7",
    class: SignalClass::Behavior,
    weight: 5,
    full_weight: 20,
    kind: SignalKind::Step,
    name: "Place written that starts programs",
    description: "A file that starts programs or lets somebody in was changed outside the package manager: a cron or at job, a systemd unit, timer or generator, an init script, a hook, a key list, an account, a shell start file.",
    catches: "What would start the miner again after it was killed.",
    techniques: &[
        "T1053.003",
        "T1053.002",
        "T1053.006",
        "T1543.002",
        "T1543",
        "T1543.005",
        "T1037.004",
        "T1037",
        "T1546.004",
        "T1546.016",
        "T1546.017",
        "T1546.018",
        "T1546",
        "T1547.006",
        "T1547.013",
        "T1547",
        "T1098.004",
        "T1136.001",
        "T1548.003",
        "T1556.003",
        "T1574.006",
    ],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[PERSISTENCE],
    wants: &[EventType::File, EventType::Exec],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// Maximum number of ancestors that are looked at.
const MAX_ANCESTORS: usize = 8;

/// Whether the file at an absolute path starts programs by itself, or lets somebody in by a key. The accounts and other
/// settings that administrators protect are left out.
pub(super) fn starts_programs(path: &str) -> bool {
    Starter::of(path).is_some_and(|starter| {
        let facts = starter.facts();
        facts.full && facts.in_container
    })
}

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::File(change) if change.puts_file() && !change.is_of_other_system() => {
            let mut finding = changed(context, change)?;
            if change.host_path.is_some() {
                finding = finding.value("seen_as", &change.path);
            }
            Some(match change.link_target() {
                Some(target) => finding.value("target_path", target),
                None => finding,
            })
        }
        EventBody::Exec(_) => enabled(context).or_else(|| second_root(context)),
        _ => None,
    }
}

fn changed(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    let path = change.place();
    let starter = Starter::of(path);
    let (facts, verb) = match starter {
        Some(starter) => (starter.facts(), "changed"),
        None if puts_directory(change) => (Starter::of_directory(path)?, "replaced the directory of"),
        None => return None,
    };
    let is_inside = change.host_path.is_none() && context.process.container_id().is_some();
    if (is_inside && !facts.in_container) || is_usual_writer(context, facts.tools) {
        return None;
    }
    // at's daemon renames a job before it runs the job.
    if starter == Some(Starter::At) && context.process.role == Role::Scheduler {
        return None;
    }
    let verb = if change.action == FileAction::Mount { "mounted something over" } else { verb };
    Some(finding(context, &facts, path, verb))
}

/// Whether a change may put a whole directory at its path. A hook that sees only names does not say what was renamed.
fn puts_directory(change: &FileChange) -> bool {
    /// The type of a file in its mode (inode(7)).
    const TYPE: u32 = 0o170_000;
    const DIRECTORY: u32 = 0o040_000;
    match change.action {
        FileAction::Symlink | FileAction::Mount => true,
        FileAction::Rename => matches!(change.mode & TYPE, 0 | DIRECTORY),
        _ => false,
    }
}

/// Returns the finding about the file at `path`. `verb` says what the process did with it.
fn finding(context: &DetectionContext<'_>, facts: &Facts, path: &str, verb: &str) -> Finding {
    let detail = format!("'{}' {verb} {} ({path})", context.process.view.name, facts.words);
    let mut finding = Finding::new(PERSISTENCE, context, detail)
        .value("path", path)
        .technique(facts.technique)
        .step(context, ChainKind::Persist, path);
    if facts.full {
        finding = finding.full();
        finding.persists = true;
    }
    finding
}

/// Judges `systemctl enable` and `systemctl link` of a unit that lies outside the directories for units. systemd creates
/// the link, so only the command line names who asked for it.
fn enabled(context: &DetectionContext<'_>) -> Option<Finding> {
    let command = context.command?;
    if !command.is(&["systemctl"]) {
        return None;
    }
    let mut operands = command.operands();
    let verb = operands.next()?;
    if !matches!(verb, "link" | "enable" | "reenable") {
        return None;
    }
    let unit = operands
        .filter(|operand| operand.contains('/'))
        .map(|operand| resolve(&context.process.view.directory, operand))
        .find(|unit| Starter::of(unit).is_none())?;
    let kind = Starter::of(&format!("/etc/systemd/system/{}", base_name(&unit)))?;
    (!is_usual_writer(context, &[])).then(|| finding(context, &kind.facts(), &unit, "enabled"))
}

/// Judges a tool that gives an account the user id of root. Its change of the accounts alone is usual.
fn second_root(context: &DetectionContext<'_>) -> Option<Finding> {
    let command = context.command?;
    if !command.is(&["useradd", "usermod", "adduser"]) {
        return None;
    }
    if !command.values(Some('u'), "uid").any(|user| user == "0") {
        return None;
    }
    let path = "/etc/passwd";
    let detail = format!("'{}' gave an account the user id of root", context.process.view.name);
    let mut finding = Finding::new(PERSISTENCE, context, detail)
        .full()
        .value("path", path)
        .technique(Starter::Account.facts().technique)
        .step(context, ChainKind::Persist, path);
    finding.persists = true;
    Some(finding)
}

/// Whether an ancestor of the process is a dropped program or one without a file, and no person's session started it.
fn comes_from_dropped_program(context: &DetectionContext<'_>) -> bool {
    let above = context.table.ancestry(context.key()).take_while(|ancestor| !ancestor.role.bounds_tree());
    !context.process.session && above.take(MAX_ANCESTORS).any(Process::is_dropped)
}

/// Whether the process writes such files as part of its task: package managers themselves, systemd and its helpers,
/// container runtimes, which unpack images, and the `tools` of the system for such files.
fn is_usual_writer(context: &DetectionContext<'_>, tools: &[&str]) -> bool {
    let process = context.process;
    let helper = ["/usr/lib/systemd/", "/lib/systemd/"]
        .iter()
        .any(|directory| process.view.executable.path.starts_with(directory));
    let is_tool = || {
        // Some tools are scripts.
        let script = process.script.as_deref();
        process.is_of_system()
            && Command::of(process).is(tools)
            && script.is_none_or(is_in_system_directory)
            && !comes_from_dropped_program(context)
    };
    helper
        || matches!(process.role, Role::Init | Role::ContainerRuntime | Role::PackageManager)
        || (!tools.is_empty() && is_tool())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings, findings_of};

    #[test]
    fn package_managers_systemd_and_container_runtimes_may_write() {
        for (writer, arguments, counts) in [
            ("/usr/bin/dash", vec!["sh", "x.sh"], true),
            ("/tmp/dpkg", vec!["dpkg"], true),
            ("/usr/bin/dpkg", vec!["dpkg", "-i", "x.deb"], false),
            ("/usr/bin/rpm", vec!["rpm", "-i", "x.rpm"], false),
            ("/usr/bin/snapd", vec!["snapd"], false),
            ("/usr/lib/systemd/systemd-sysv-install", vec!["x"], false),
            ("/usr/bin/dockerd", vec!["docker-untar"], false),
            ("/usr/bin/dpkg", vec!["dpkg", "-x", "x.deb", "/"], true),
            ("/usr/bin/systemd-tmpfiles", vec!["systemd-tmpfiles", "--create", "/mnt/t.conf"], true),
            ("/usr/bin/systemd-tmpfiles", vec!["systemd-tmpfiles", "--create"], false),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let writer = host.spawn(init, writer, &arguments);
            host.create(writer, "/etc/cron.d/x", 0o644);
            let expected: &[(&str, u8)] = if counts { &[("B7", 20)] } else { &[] };
            assert_eq!(findings(&host), expected, "{arguments:?}");
        }
    }

    #[test]
    fn a_package_script_is_covered_only_while_its_installer_runs() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let apt = host.spawn(init, "/usr/bin/apt-get", &["apt-get", "install", "x"]);
        let script = host.spawn_script(apt, "/usr/bin/dash", "/var/lib/dpkg/info/x.postinst");
        host.create(script, "/etc/cron.d/x", 0o644);
        assert!(findings(&host).is_empty());
        host.exit(apt);
        host.create(script, "/etc/cron.d/y", 0o644);
        assert_eq!(findings(&host), [("B7", 20)]);
    }

    #[test]
    fn crontab_counts_when_it_renames_its_table_into_place() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let crontab = host.spawn(init, "/usr/bin/crontab", &["crontab", "-"]);
        host.create(crontab, "/var/spool/cron/crontabs/tmp.Xy1", 0o600);
        assert!(findings(&host).is_empty());
        host.rename(crontab, "/var/spool/cron/crontabs/tmp.Xy1", "/var/spool/cron/crontabs/root");
        assert_eq!(findings(&host), [("B7", 20)]);
    }

    #[test]
    fn each_place_is_changed_by_its_own_tools() {
        let cases: [(&str, &[&str], &str, Option<u8>); 12] = [
            ("/usr/sbin/useradd", &["useradd", "x"], "/etc/passwd", None),
            ("/usr/bin/passwd", &["passwd"], "/etc/shadow", None),
            ("/usr/bin/chage", &["chage", "-M", "9", "x"], "/etc/shadow", None),
            ("/tmp/useradd", &["useradd", "x"], "/etc/passwd", Some(20)),
            ("/usr/bin/dash", &["sh", "x.sh"], "/etc/passwd", Some(20)),
            ("/usr/bin/sed", &["sed", "-i", "x", "/etc/shadow"], "/etc/shadow", Some(20)),
            ("/usr/sbin/visudo", &["visudo"], "/etc/sudoers", None),
            ("/usr/bin/tee", &["tee", "/etc/sudoers.d/x"], "/etc/sudoers.d/x", Some(20)),
            ("/usr/bin/tee", &["tee"], "/etc/modules-load.d/k8s.conf", Some(5)),
            ("/usr/sbin/logrotate", &["logrotate"], "/var/lib/logrotate/status", None),
            ("/usr/bin/ssh-keygen", &["ssh-keygen"], "/root/.ssh/id_ed25519", None),
            ("/usr/sbin/atd", &["atd"], "/var/spool/cron/atjobs/=0000101c8a2f0", None),
        ];
        for (writer, arguments, path, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let writer = host.spawn(init, writer, arguments);
            host.rename(writer, "/etc/x", path);
            let expected: Vec<_> = expected.map(|points| ("B7", points)).into_iter().collect();
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{arguments:?} {path}");
        }
    }

    #[test]
    fn the_accounts_of_an_image_are_not_those_of_the_host() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let shell = host.fork(init);
        host.enter(shell, "4f1c");
        host.exec(shell, init, "/bin/sh", "/bin/sh", &["sh", "/entrypoint.sh"]);
        host.write(shell, "/etc/passwd");
        host.write(shell, "/etc/ssh/sshd_config");
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
        host.write_as(shell, "/host/etc/passwd", "/etc/passwd");
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B7", 20)]);
    }

    #[test]
    fn the_places_of_an_image_that_is_built_are_not_those_of_the_host() {
        for (host_path, expected) in [(None, &[][..]), (Some("/etc/cron.d/x"), &[("B7", 20)])] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let dpkg = host.spawn(init, "/srv/image/usr/bin/dpkg", &["dpkg", "--unpack", "x.deb"]);
            host.rename_elsewhere(dpkg, "/etc/cron.d/x.dpkg-new", "/etc/cron.d/x", host_path);
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{host_path:?}");
        }
    }

    #[test]
    fn a_link_in_such_a_place_counts() {
        for (target, link, is_found) in [
            ("/tmp/x", "/etc/cron.hourly/x", true),
            ("/opt/x/x.service", "/etc/systemd/system/multi-user.target.wants/x.service", true),
            ("/home/x/keys", "/root/.ssh/authorized_keys", true),
            ("/etc/nginx/sites-available/x", "/etc/nginx/sites-enabled/x", false),
            ("/usr/bin/python3", "/usr/local/bin/python", false),
        ] {
            let expected: &[(&str, u8)] = if is_found { &[("B7", 20)] } else { &[] };
            for is_symbolic in [true, false] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let tool = host.spawn(init, "/usr/bin/ln", &["ln", target, link]);
                if is_symbolic {
                    host.symlink(tool, target, link);
                } else {
                    host.link(tool, target, link);
                }
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{link}");
            }
        }
    }

    #[test]
    fn a_directory_put_in_the_place_of_one_counts() {
        let cases: [(&str, &str, Option<u8>); 8] = [
            ("/root/n", "/root/.ssh", Some(20)),
            ("/etc/n", "/etc/cron.d", Some(20)),
            ("/etc/n", "/etc/systemd/system", Some(20)),
            ("/srv/n", "/etc/profile.d", Some(20)),
            ("/srv/n", "/root/.config", Some(5)),
            ("/srv/nvim", "/root/.config/nvim", None),
            ("/etc/cron.d", "/etc/cron.d.old", None),
            ("/home/old", "/home/me", None),
        ];
        for (from, to, expected) in cases {
            let expected: Vec<_> = expected.map(|points| ("B7", points)).into_iter().collect();
            for is_symbolic in [true, false] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let tool = host.spawn(init, "/usr/bin/mv", &["mv", "-T", from, to]);
                if is_symbolic {
                    host.symlink(tool, from, to);
                } else {
                    host.rename_directory(tool, from, to);
                }
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{from} {to}");
            }
        }
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let editor = host.spawn(init, "/usr/bin/vim", &["vim"]);
        host.rename(editor, "/root/.x", "/root/.config");
        assert_eq!(findings_of(&[&DETECTOR], &host), [], "a regular file");
    }

    #[test]
    fn package_managers_and_systemd_may_link() {
        for (writer, arguments) in [
            ("/usr/bin/dpkg", &["dpkg", "-i", "x.deb"][..]),
            ("/usr/lib/systemd/systemd", &["systemd", "--user"]),
            ("/usr/bin/dockerd", &["docker-untar"]),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let writer = host.spawn(init, writer, arguments);
            host.symlink(writer, "/lib/systemd/system/x.service", "/etc/systemd/system/x.service");
            assert_eq!(findings_of(&[&DETECTOR], &host), [], "{arguments:?}");
        }
    }

    #[test]
    fn a_unit_from_elsewhere_that_is_enabled_counts() {
        let cases: [(&[&str], bool); 9] = [
            (&["systemctl", "link", "/tmp/x.service"], true),
            (&["systemctl", "enable", "--now", "/opt/x/x.service"], true),
            (&["systemctl", "--user", "enable", "./x.timer"], true),
            (&["systemctl", "enable", "nginx.service", "/srv/x.service"], true),
            (&["systemctl", "enable", "nginx.service"], false),
            (&["systemctl", "enable", "/usr/lib/systemd/system/nginx.service"], false),
            (&["systemctl", "enable", "/etc/systemd/system/x.timer"], false),
            (&["systemctl", "status", "/dev/sda"], false),
            (&["systemctl", "restart", "nginx"], false),
        ];
        for (arguments, is_found) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, "/usr/bin/systemctl", arguments);
            let expected: &[(&str, u8)] = if is_found { &[("B7", 20)] } else { &[] };
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{arguments:?}");
        }
    }

    #[test]
    fn a_second_root_counts() {
        for (arguments, is_found) in [
            (&["useradd", "-o", "-u", "0", "x"][..], true),
            (&["useradd", "--uid=0", "--non-unique", "x"], true),
            (&["useradd", "-ou0", "x"], true),
            (&["useradd", "-u", "1000", "x"], false),
            (&["usermod", "-aG", "sudo", "x"], false),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, &format!("/usr/sbin/{}", arguments[0]), arguments);
            let expected: &[(&str, u8)] = if is_found { &[("B7", 20)] } else { &[] };
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{arguments:?}");
        }
    }

    #[test]
    fn an_exchange_counts_in_both_directions() {
        let cases: [(&str, &str, Option<u8>); 10] = [
            ("/tmp/x", "/etc/cron.d/job", Some(20)),
            ("/root/x", "/root/.ssh/authorized_keys", Some(20)),
            ("/etc/x", "/etc/systemd/system/ssh.service", Some(20)),
            ("/etc/shadow.x", "/etc/shadow", Some(20)),
            ("/home/me/x", "/home/me/.bashrc", Some(5)),
            ("/var/spool/cron/crontabs/tmp.X", "/var/spool/cron/crontabs/root", Some(20)),
            // Deployment tools and databases.
            ("/srv/app/current", "/srv/app/next", None),
            ("/etc/nginx/sites-enabled/x", "/etc/nginx/sites-enabled/.x.new", None),
            ("/var/lib/db/CURRENT", "/var/lib/db/CURRENT.tmp", None),
            ("/usr/lib/node_modules", "/usr/lib/.node_modules.new", None),
        ];
        for (from, to, expected) in cases {
            let expected: Vec<_> = expected.map(|points| ("B7", points)).into_iter().collect();
            for (one, other) in [(from, to), (to, from)] {
                for (tool, counts) in [("/usr/bin/python3", true), ("/usr/bin/dpkg", false)] {
                    let mut host = Host::new();
                    let init = host.boot("/sbin/init", &["init"]);
                    let tool = host.spawn(init, tool, &["x", "x.py"]);
                    host.exchange(tool, one, other);
                    let expected = if counts { &*expected } else { &[] };
                    assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{one} {other}");
                }
            }
        }
    }

    #[test]
    fn an_exchanged_directory_counts_in_both_directions() {
        for (from, to, expected) in [
            ("/root/n", "/root/.ssh", Some(20)),
            ("/etc/n", "/etc/cron.d", Some(20)),
            ("/srv/app-1", "/srv/app-2", None),
            ("/var/lib/db/data", "/var/lib/db/data.new", None),
        ] {
            let expected: Vec<_> = expected.map(|points| ("B7", points)).into_iter().collect();
            for (one, other) in [(from, to), (to, from)] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let tool = host.spawn(init, "/usr/bin/mv", &["mv", "--exchange", one, other]);
                host.exchange_directories(tool, one, other);
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn the_places_of_an_image_count_after_an_exchange_only_if_they_are_the_host_s() {
        let of_host = (("/host/etc/x", Some("/etc/x")), ("/host/etc/passwd", Some("/etc/passwd")));
        let of_image = (("/etc/x", None), ("/etc/passwd", None));
        for ((one, other), is_found) in [(of_host, true), (of_image, false)] {
            for (one, other) in [(one, other), (other, one)] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let shell = host.fork(init);
                host.enter(shell, "4f1c");
                host.exec(shell, init, "/bin/sh", "/bin/sh", &["sh", "/entrypoint.sh"]);
                host.exchange_as(shell, one, other, 0o100_644);
                let expected: &[(&str, u8)] = if is_found { &[("B7", 20)] } else { &[] };
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{one:?}");
            }
        }
    }

    #[test]
    fn a_mount_over_such_a_place_counts() {
        for (place, expected) in [
            ("/etc/cron.d", Some(20)),
            ("/etc/cron.d/job", Some(20)),
            ("/etc/systemd/system", Some(20)),
            ("/root/.ssh", Some(20)),
            ("/home/me/.ssh/authorized_keys", Some(20)),
            ("/etc/shadow", Some(20)),
            ("/etc", Some(5)),
            ("/home/me", None),
            ("/etc/nginx", None),
            ("/etc/resolv.conf", None),
            ("/usr/bin/ps", None),
        ] {
            for (tool, counts) in [("/usr/bin/mount", true), ("/usr/bin/dockerd", false)] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let tool = host.spawn(init, tool, &["x"]);
                host.mount(tool, None, place);
                let expected: Vec<_> =
                    expected.filter(|_| counts).map(|points| ("B7", points)).into_iter().collect();
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{place}");
            }
        }
    }
}
