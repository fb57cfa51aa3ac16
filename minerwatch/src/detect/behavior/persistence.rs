//! B7: a file that starts programs is changed.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{ChainKind, EventBody, EventType, FileAction, SignalClass},
    process::{Role, base_name},
};

/// The signal. The full form is a file that starts a program by itself. A user's shell start file counts a quarter,
/// because every installer extends the search path there.
pub const PERSISTENCE: SignalInfo = SignalInfo {
    id: "B7",
    class: SignalClass::Behavior,
    weight: 5,
    full_weight: 20,
    kind: SignalKind::Step,
    name: "Place written that starts programs",
    description: "A crontab, a systemd unit, an init script, an SSH key list or a shell start file was changed outside the package manager.",
    catches: "What would start the miner again after it was killed.",
    techniques: &["T1053.003", "T1543.002", "T1037.004", "T1546.004", "T1098.004", "T1546.017"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[PERSISTENCE],
    wants: &[EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// A kind of file that starts programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Starter {
    Cron,
    Unit,
    Init,
    Profile,
    /// A user's own shell start file. Every installer extends the search path there.
    UserProfile,
    AuthorizedKeys,
    DeviceRule,
    Desktop,
}

impl Starter {
    fn words(self) -> &'static str {
        match self {
            Self::Cron => "a cron job",
            Self::Unit => "a systemd unit",
            Self::Init => "an init script",
            Self::Profile => "a shell start file of all users",
            Self::UserProfile => "a shell start file",
            Self::AuthorizedKeys => "who may log in by ssh",
            Self::DeviceRule => "a device rule",
            Self::Desktop => "a desktop start entry",
        }
    }

    fn of(path: &str) -> Option<Self> {
        path.strip_prefix("/etc/").and_then(Self::of_etc).or_else(|| Self::elsewhere(path))
    }

    fn of_etc(rest: &str) -> Option<Self> {
        let (first, below) = rest.split_once('/').map_or((rest, None), |(first, below)| (first, Some(below)));
        match (first, below) {
            ("crontab" | "anacrontab", None) => Some(Self::Cron),
            ("cron.d" | "cron.hourly" | "cron.daily" | "cron.weekly" | "cron.monthly", Some(_)) => {
                Some(Self::Cron)
            }
            ("systemd", Some(below)) if is_unit(below) => Some(Self::Unit),
            ("rc.local" | "inittab", None) | ("init.d" | "rc.d" | "init", Some(_)) => Some(Self::Init),
            ("profile" | "bash.bashrc" | "bashrc" | "environment", None) | ("profile.d" | "zsh", Some(_)) => {
                Some(Self::Profile)
            }
            ("udev", Some(below)) if below.starts_with("rules.d/") => Some(Self::DeviceRule),
            ("xdg", Some(below)) if below.starts_with("autostart/") => Some(Self::Desktop),
            _ => None,
        }
    }

    fn elsewhere(path: &str) -> Option<Self> {
        const UNITS: [&str; 5] = [
            "/usr/lib/systemd/",
            "/lib/systemd/",
            "/usr/local/lib/systemd/",
            "/run/systemd/system/",
            "/run/systemd/transient/",
        ];
        if let Some(spool) = path.strip_prefix("/var/spool/cron/") {
            // crontab(1) writes a temporary file in the directory of the table and renames it into place.
            return (!base_name(spool).starts_with("tmp.")).then_some(Self::Cron);
        }
        if UNITS.iter().any(|directory| path.starts_with(directory)) {
            return is_unit(path).then_some(Self::Unit);
        }
        if path.starts_with("/usr/lib/udev/rules.d/") || path.starts_with("/lib/udev/rules.d/") {
            return Some(Self::DeviceRule);
        }
        match base_name(path) {
            ".bashrc" | ".bash_profile" | ".bash_login" | ".profile" | ".zshrc" | ".zprofile" | ".zshenv"
            | ".kshrc" | "config.fish" => Some(Self::UserProfile),
            "authorized_keys" | "authorized_keys2" if path.contains("/.ssh/") => Some(Self::AuthorizedKeys),
            _ if path.contains("/.config/systemd/user/") && is_unit(path) => Some(Self::Unit),
            _ if path.contains("/.config/autostart/") => Some(Self::Desktop),
            _ => None,
        }
    }
}

fn is_unit(path: &str) -> bool {
    let (rest, kind) = path.rsplit_once('.').unwrap_or((path, ""));
    match kind {
        "service" | "timer" | "path" | "socket" | "mount" => true,
        // A drop-in lies in a directory that is named after its unit.
        "conf" => rest.contains(".d/"),
        _ => false,
    }
}

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::File(change) = &context.event.body else { return None };
    match change.action {
        FileAction::Write | FileAction::Create | FileAction::Rename => {}
        FileAction::Delete | FileAction::Chmod | FileAction::DeviceOpen => return None,
    }
    let starter = Starter::of(&change.path)?;
    if is_usual_writer(context) {
        return None;
    }
    let detail = format!("'{}' changed {} ({})", context.process.view.name, starter.words(), change.path);
    let mut finding = Finding::new(PERSISTENCE, context, detail).value("path", &change.path).step(
        context,
        ChainKind::Persist,
        &change.path,
    );
    if starter != Starter::UserProfile {
        finding = finding.full();
        finding.persists = true;
    }
    Some(finding)
}

/// Whether the process writes such files as part of its task: package managers and management agents themselves,
/// systemd and its helpers, and container runtimes, which unpack images.
fn is_usual_writer(context: &DetectionContext<'_>) -> bool {
    let process = context.process;
    let helper = ["/usr/lib/systemd/", "/lib/systemd/"]
        .iter()
        .any(|directory| process.view.executable.path.starts_with(directory));
    helper || matches!(process.role, Role::Init | Role::ContainerRuntime | Role::PackageManager | Role::Agent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings};

    #[test]
    fn files_that_start_programs_are_known() {
        let cases = [
            ("/etc/crontab", Some(Starter::Cron)),
            ("/etc/cron.d/x", Some(Starter::Cron)),
            ("/etc/cron.hourly/x", Some(Starter::Cron)),
            ("/var/spool/cron/crontabs/root", Some(Starter::Cron)),
            ("/var/spool/cron/root", Some(Starter::Cron)),
            ("/var/spool/cron/crontabs/tmp.Ab12", None),
            ("/etc/systemd/system/x.service", Some(Starter::Unit)),
            ("/etc/systemd/system/ssh.service.d/x.conf", Some(Starter::Unit)),
            ("/etc/systemd/journald.conf", None),
            ("/home/me/.config/systemd/user/x.timer", Some(Starter::Unit)),
            ("/etc/rc.local", Some(Starter::Init)),
            ("/etc/init.d/x", Some(Starter::Init)),
            ("/etc/profile.d/x.sh", Some(Starter::Profile)),
            ("/root/.bashrc", Some(Starter::UserProfile)),
            ("/root/.ssh/authorized_keys", Some(Starter::AuthorizedKeys)),
            ("/root/.ssh/known_hosts", None),
            ("/etc/udev/rules.d/99-x.rules", Some(Starter::DeviceRule)),
            ("/etc/hosts", None),
            ("/srv/crontab", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Starter::of(path), expected, "{path}");
        }
    }

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
}
