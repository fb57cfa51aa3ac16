//! The places whose files start programs, let somebody in, or are loaded into programs.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// What a file starts, or lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Starter {
    Cron,
    At,
    Unit,
    Timer,
    Generator,
    /// A static pod of a node, or a container that systemd starts.
    Pod,
    /// A command that incron runs when a file changes.
    FileTrigger,
    Init,
    /// A script that cloud-init runs at each boot.
    Boot,
    /// The settings of cloud-init.
    CloudSettings,
    /// A service that D-Bus starts when somebody asks for its name.
    Bus,
    /// A policy of D-Bus: who may talk to which service.
    BusPolicy,
    Supervisor,
    Profile,
    /// A user's own shell start file. Every installer extends the search path there.
    UserProfile,
    /// Environment variables of all services that systemd starts for users.
    Environment,
    Completion,
    Desktop,
    AuthorizedKeys,
    SshLogin,
    /// Settings of the ssh client, which may name a command that it runs when it connects.
    SshClient,
    SshServer,
    Account,
    Sudo,
    Authentication,
    DeviceRule,
    NetworkHook,
    /// The settings of the network, which may name commands.
    NetworkSettings,
    Message,
    PackageHook,
    LogHook,
    BootImage,
    KernelModule,
    KernelSetting,
    /// A file that tells systemd-tmpfiles which files to create at each boot.
    TemporaryFile,
    /// A file that Python runs at its start.
    Python,
    LibraryPath,
}

/// What is known about a kind of place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// What was changed, in words.
    pub(super) words: &'static str,
    /// The technique of MITRE ATT&CK.
    pub(super) technique: &'static str,
    /// Whether a change has the points of the full form. Installers and guides change the other places often.
    pub(super) full: bool,
    /// Whether a change counts in a container, too. The start scripts of images write many of these files.
    pub(super) in_container: bool,
    /// The tools of the system whose task is to change such files.
    pub(super) tools: &'static [&'static str],
}

/// The tools that change accounts.
#[rustfmt::skip]
const ACCOUNT_TOOLS: &[&str] = &[
    "useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "groupmems", "gpasswd", "passwd", "chpasswd",
    "chgpasswd", "chage", "chfn", "chsh", "vipw", "vigr", "pwconv", "pwunconv", "grpconv", "grpunconv", "pwck", "grpck",
    "newusers", "adduser", "addgroup", "deluser", "delgroup", "lusermod", "luseradd", "usernetctl", "homectl",
];

impl Starter {
    pub(super) fn facts(self) -> Facts {
        const ALWAYS: Facts = Facts { words: "", technique: "", full: true, in_container: true, tools: &[] };
        const ON_HOST: Facts = Facts { in_container: false, ..ALWAYS };
        const WEAK: Facts = Facts { full: false, ..ON_HOST };
        match self {
            Self::Cron => Facts { words: "a cron job", technique: "T1053.003", ..ALWAYS },
            Self::At => Facts { words: "a job of at", technique: "T1053.002", ..ALWAYS },
            Self::Unit => Facts { words: "a systemd unit", technique: "T1543.002", ..ALWAYS },
            Self::Timer => Facts { words: "a systemd timer", technique: "T1053.006", ..ALWAYS },
            Self::Generator => Facts { words: "a systemd generator", technique: "T1543.002", ..ALWAYS },
            Self::Pod => Facts {
                words: "a pod or container that the host starts",
                technique: "T1543.005",
                tools: &["kubeadm"],
                ..ON_HOST
            },
            Self::FileTrigger => Facts { words: "a job of incron", technique: "T1546", ..ON_HOST },
            Self::Boot => Facts { words: "a script of cloud-init", technique: "T1037", ..ON_HOST },
            Self::CloudSettings => Facts { words: "the settings of cloud-init", technique: "T1037", ..WEAK },
            Self::Bus => Facts { words: "a service of D-Bus", technique: "T1543", ..ON_HOST },
            Self::BusPolicy => Facts { words: "a policy of D-Bus", technique: "T1543", ..WEAK },
            Self::Init => Facts { words: "an init script", technique: "T1037.004", ..ALWAYS },
            Self::Supervisor => Facts { words: "a supervised program", technique: "T1543", ..ON_HOST },
            Self::Profile => {
                Facts { words: "a shell start file of all users", technique: "T1546.004", ..ALWAYS }
            }
            Self::UserProfile => {
                Facts { words: "a shell start file", technique: "T1546.004", full: false, ..ALWAYS }
            }
            Self::Environment => {
                Facts { words: "the environment of users' programs", technique: "T1574.006", ..WEAK }
            }
            Self::Completion => Facts { words: "a completion of shells", technique: "T1546.004", ..WEAK },
            Self::Desktop => Facts { words: "a desktop start entry", technique: "T1547.013", ..ALWAYS },
            Self::AuthorizedKeys => {
                Facts { words: "who may log in by ssh", technique: "T1098.004", ..ALWAYS }
            }
            Self::SshLogin => Facts { words: "what runs at a login by ssh", technique: "T1546", ..ON_HOST },
            Self::SshClient => Facts { words: "the ssh client's settings", technique: "T1546", ..WEAK },
            Self::SshServer => Facts { words: "the ssh server's settings", technique: "T1098.004", ..WEAK },
            Self::Account => Facts {
                words: "the accounts of the host",
                technique: "T1136.001",
                tools: ACCOUNT_TOOLS,
                ..ON_HOST
            },
            Self::Sudo => {
                Facts { words: "who may become root", technique: "T1548.003", tools: &["visudo"], ..ON_HOST }
            }
            Self::Authentication => Facts {
                words: "how users are authenticated",
                technique: "T1556.003",
                tools: &["pam-auth-update", "authselect", "authconfig", "pam-config"],
                ..ON_HOST
            },
            Self::DeviceRule => Facts { words: "a device rule", technique: "T1546.017", ..ALWAYS },
            Self::NetworkHook => Facts { words: "a network hook", technique: "T1546", ..ON_HOST },
            Self::NetworkSettings => {
                Facts { words: "the settings of the network", technique: "T1546", ..WEAK }
            }
            Self::Message => {
                Facts { words: "what shows the message of the day", technique: "T1037", ..ON_HOST }
            }
            Self::PackageHook => {
                Facts { words: "a hook of the package manager", technique: "T1546.016", ..WEAK }
            }
            Self::LogHook => Facts { words: "a rule of the log rotation", technique: "T1546", ..WEAK },
            Self::BootImage => Facts { words: "a hook of the boot image", technique: "T1547", ..ON_HOST },
            Self::KernelModule => {
                Facts { words: "which kernel modules are loaded", technique: "T1547.006", ..WEAK }
            }
            Self::KernelSetting => Facts { words: "settings of the kernel", technique: "T1546", ..WEAK },
            Self::TemporaryFile => {
                Facts { words: "what is created at each boot", technique: "T1547", ..WEAK }
            }
            Self::Python => Facts { words: "what Python runs at its start", technique: "T1546.018", ..WEAK },
            Self::LibraryPath => {
                Facts { words: "where libraries are looked for", technique: "T1574.006", ..WEAK }
            }
        }
    }

    /// Returns what the files of a directory start if the whole directory is put at this absolute path. The path is the
    /// directory of a place, or lies above one (`~/.config`).
    pub(super) fn of_directory(path: &str) -> Option<Facts> {
        let (starter, is_place) = PLACES.directory(path)?;
        let facts = starter.facts();
        // What lies above a place has many other files, and is linked or moved for their sake, too.
        Some(Facts { full: facts.full && is_place, ..facts })
    }

    /// Returns what the file at an absolute path starts.
    pub(super) fn of(path: &str) -> Option<Self> {
        let starter = PLACES.of_host(path).or_else(|| PLACES.of_home(path)).or_else(|| of_python(path))?;
        let name = path.rsplit('/').next().unwrap_or(path);
        match starter {
            // crontab(1) writes a temporary file in the directory of the table and renames it into place, and at(1)
            // counts its jobs in a file.
            Self::Cron if name.starts_with("tmp.") => None,
            Self::At if name.starts_with('.') || name == "SEQ" => None,
            Self::Unit if path.strip_suffix(".timer").is_some() => Some(Self::Timer),
            Self::Unit if !is_unit(path) => None,
            Self::Pod if !is_pod(path) => None,
            Self::Python if !is_python_start(name) => None,
            // Modules of PAM lie beside other files.
            Self::Authentication if path.contains("/security/") && path.strip_suffix(".so").is_none() => None,
            starter => Some(starter),
        }
    }
}

/// The places. A path that ends with a slash stands for all files below it, and `~` for any directory.
#[rustfmt::skip]
const ROWS: &[(Starter, &[&str])] = &[
    (
        Starter::Cron,
        &[
            "/etc/crontab",
            "/etc/anacrontab",
            "/etc/cron.d/",
            "/etc/cron.hourly/",
            "/etc/cron.daily/",
            "/etc/cron.weekly/",
            "/etc/cron.monthly/",
            "/etc/crontabs/",
            "/etc/periodic/",
            "/var/spool/cron/",
            "/var/spool/anacron/",
        ],
    ),
    (Starter::At, &["/var/spool/at/", "/var/spool/atjobs/", "/var/spool/cron/atjobs/"]),
    (
        Starter::Unit,
        &[
            "/etc/systemd/",
            "/etc/systemd/system/",
            "/etc/systemd/user/",
            "/usr/lib/systemd/",
            "/usr/lib/systemd/system/",
            "/usr/lib/systemd/user/",
            "/lib/systemd/",
            "/lib/systemd/system/",
            "/usr/local/lib/systemd/",
            "/run/systemd/system/",
            "/run/systemd/system.control/",
            "/run/systemd/user/",
            "/run/systemd/transient/",
            "~/.config/systemd/user/",
            "~/.local/share/systemd/user/",
        ],
    ),
    (Starter::Pod, &["/etc/kubernetes/manifests/", "/etc/containers/systemd/", "~/.config/containers/systemd/"]),
    (Starter::FileTrigger, &["/etc/incron.d/", "/var/spool/incron/"]),
    (
        Starter::Boot,
        &[
            "/var/lib/cloud/scripts/per-boot/",
            "/var/lib/cloud/scripts/per-instance/",
            "/var/lib/cloud/scripts/per-once/",
        ],
    ),
    (Starter::CloudSettings, &["/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/"]),
    (
        Starter::Bus,
        &[
            "/etc/dbus-1/system-services/",
            "/usr/share/dbus-1/system-services/",
            "/usr/local/share/dbus-1/system-services/",
        ],
    ),
    (Starter::BusPolicy, &["/etc/dbus-1/system.d/", "/usr/share/dbus-1/system.d/"]),
    (
        Starter::Generator,
        &[
            "/etc/systemd/system-generators/",
            "/etc/systemd/user-generators/",
            "/usr/lib/systemd/system-generators/",
            "/usr/lib/systemd/user-generators/",
            "/lib/systemd/system-generators/",
            "/usr/local/lib/systemd/system-generators/",
            "/usr/local/lib/systemd/user-generators/",
            "/run/systemd/system-generators/",
            "/run/systemd/user-generators/",
            "/etc/systemd/system-environment-generators/",
            "/etc/systemd/user-environment-generators/",
            "/usr/lib/systemd/system-environment-generators/",
            "/usr/lib/systemd/user-environment-generators/",
            "/etc/systemd/system-shutdown/",
            "/etc/systemd/system-sleep/",
            "/usr/lib/systemd/system-shutdown/",
            "/usr/lib/systemd/system-sleep/",
            "/lib/systemd/system-sleep/",
        ],
    ),
    (
        Starter::Init,
        &[
            "/etc/rc.local", "/etc/inittab", "/etc/init.d/", "/etc/rc.d/", "/etc/init/", "/etc/rc0.d/", "/etc/rc1.d/",
            "/etc/rc2.d/", "/etc/rc3.d/", "/etc/rc4.d/", "/etc/rc5.d/", "/etc/rc6.d/", "/etc/rcS.d/", "/etc/local.d/",
            "/etc/sv/", "/etc/service/", "/etc/runit/", "/etc/s6/",
        ],
    ),
    (
        Starter::Supervisor,
        &[
            "/etc/supervisor/", "/etc/supervisord.d/", "/etc/supervisord.conf", "/etc/monit/", "/etc/monit.d/",
            "/etc/monitrc", "/etc/xinetd.d/", "/etc/xinetd.conf", "/etc/inetd.conf", "/etc/audit/plugins.d/",
            "/etc/audisp/plugins.d/",
        ],
    ),
    (
        Starter::Profile,
        &[
            "/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/environment", "/etc/profile.d/", "/etc/zsh/",
            "/etc/zshrc", "/etc/zshenv", "/etc/fish/", "/etc/csh.cshrc", "/etc/csh.login", "/etc/bash.bash_logout",
            "/etc/X11/Xsession.d/", "/etc/X11/xinit/xinitrc.d/", "/etc/xprofile",
        ],
    ),
    (
        Starter::UserProfile,
        &[
            "~/.bashrc", "~/.bash_profile", "~/.bash_login", "~/.bash_logout", "~/.bash_aliases", "~/.profile",
            "~/.zshrc", "~/.zprofile", "~/.zshenv", "~/.zlogin", "~/.zlogout", "~/.kshrc", "~/.cshrc", "~/.tcshrc",
            "~/.login", "~/.logout", "~/.xprofile", "~/.xinitrc", "~/.xsession", "~/.xsessionrc", "~/.pam_environment",
            "~/.config/fish/config.fish", "~/.config/fish/conf.d/", "~/.config/environment.d/",
        ],
    ),
    (Starter::Environment, &["/etc/environment.d/", "/etc/security/pam_env.conf"]),
    (
        Starter::Completion,
        &[
            "/etc/bash_completion.d/",
            "/usr/share/bash-completion/completions/",
            "~/.local/share/bash-completion/completions/",
        ],
    ),
    (
        Starter::Desktop,
        &[
            "/etc/xdg/autostart/", "~/.config/autostart/", "~/.config/autostart-scripts/", "~/.kde/Autostart/",
            "~/.config/plasma-workspace/env/", "/etc/gdm3/Init/", "/etc/gdm3/PostLogin/", "/etc/gdm3/PreSession/",
            "/etc/gdm3/PostSession/",
        ],
    ),
    (
        Starter::AuthorizedKeys,
        &[
            "~/.ssh/authorized_keys",
            "~/.ssh/authorized_keys2",
            "/etc/ssh/authorized_keys",
            "/etc/ssh/authorized_keys2",
            "/etc/ssh/authorized_keys/",
            "/etc/ssh/authorized_keys.d/",
        ],
    ),
    (Starter::SshClient, &["~/.ssh/config", "/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/"]),
    (Starter::SshLogin, &["~/.ssh/rc", "~/.ssh/environment", "/etc/ssh/sshrc"]),
    (Starter::SshServer, &["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/"]),
    (Starter::Account, &["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"]),
    (Starter::Sudo, &["/etc/sudoers", "/etc/sudoers.d/", "/etc/doas.conf", "/etc/polkit-1/rules.d/"]),
    (
        Starter::Authentication,
        &[
            "/etc/pam.d/",
            "/etc/pam.conf",
            "/lib/security/",
            "/lib64/security/",
            "/usr/lib/security/",
            "/usr/lib64/security/",
            "/lib/x86_64-linux-gnu/security/",
            "/usr/lib/x86_64-linux-gnu/security/",
            "/lib/aarch64-linux-gnu/security/",
            "/usr/lib/aarch64-linux-gnu/security/",
        ],
    ),
    (Starter::DeviceRule, &["/etc/udev/rules.d/", "/usr/lib/udev/rules.d/", "/lib/udev/rules.d/", "/run/udev/rules.d/", "/usr/local/lib/udev/rules.d/", "/etc/acpi/events/", "/etc/acpi/actions/"]),
    (
        Starter::NetworkHook,
        &[
            "/etc/NetworkManager/dispatcher.d/",
            "/usr/lib/NetworkManager/dispatcher.d/",
            "/etc/networkd-dispatcher/",
            "/etc/network/if-up.d/",
            "/etc/network/if-pre-up.d/",
            "/etc/network/if-down.d/",
            "/etc/network/if-post-down.d/",
            "/etc/dhcp/dhclient-enter-hooks.d/",
            "/etc/dhcp/dhclient-exit-hooks.d/",
            "/etc/ppp/ip-up.d/",
            "/etc/dhclient-enter-hooks",
            "/etc/dhclient-exit-hooks",
            "/etc/dhcp/dhclient-up-hooks",
            "/etc/ppp/ip-up",
            "/etc/ppp/ip-down",
            "/sbin/ifup-local",
            "/usr/sbin/ifup-local",
            "/etc/sysconfig/network-scripts/ifup-post",
        ],
    ),
    (Starter::NetworkSettings, &["/etc/network/interfaces", "/etc/network/interfaces.d/"]),
    (Starter::Message, &["/etc/update-motd.d/"]),
    (
        Starter::PackageHook,
        &[
            "/etc/apt/apt.conf",
            "/etc/apt/apt.conf.d/",
            "/etc/dpkg/dpkg.cfg",
            "/etc/dpkg/dpkg.cfg.d/",
            "/etc/yum/pluginconf.d/",
            "/usr/lib/yum-plugins/",
            "/etc/dnf/plugins/",
            "/etc/pacman.d/hooks/",
            "/etc/zypp/systemCheck.d/",
            "/etc/kernel/postinst.d/",
        ],
    ),
    (Starter::LogHook, &["/etc/logrotate.conf", "/etc/logrotate.d/"]),
    (
        Starter::BootImage,
        &["/etc/initramfs-tools/", "/usr/share/initramfs-tools/", "/usr/lib/dracut/modules.d/", "/etc/grub.d/"],
    ),
    (Starter::KernelModule, &["/etc/modules", "/etc/modules-load.d/", "/usr/lib/modules-load.d/", "/etc/modprobe.d/"]),
    (Starter::KernelSetting, &["/etc/sysctl.conf", "/etc/sysctl.d/", "/etc/binfmt.d/"]),
    (Starter::TemporaryFile, &["/etc/tmpfiles.d/", "/etc/user-tmpfiles.d/", "~/.config/user-tmpfiles.d/"]),
    (Starter::LibraryPath, &["/etc/ld.so.conf", "/etc/ld.so.conf.d/"]),
];

/// The rows by their path, so that a look-up costs one access for each directory of a path.
#[derive(Debug, Default)]
struct Places {
    host: FxHashMap<&'static str, Starter>,
    /// Files below any directory. The paths begin with a dot.
    home: FxHashMap<&'static str, Starter>,
    /// Directories below any directory.
    home_directories: Vec<(&'static str, Starter)>,
    /// The directories of the places, and those above them, without a slash at the end: `/etc/cron.d`, `.ssh`. `true`
    /// stands for the directory of a place.
    directories: FxHashMap<&'static str, (Starter, bool)>,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let mut places = Places::default();
    for (starter, paths) in ROWS {
        for path in *paths {
            places.add_directories(path.trim_start_matches("~/"), *starter);
            match path.strip_prefix("~/") {
                Some(below) if below.ends_with('/') => places.home_directories.push((below, *starter)),
                Some(below) => {
                    places.home.insert(below, *starter);
                }
                None => {
                    places.host.insert(path, *starter);
                }
            }
        }
    }
    places
});

impl Places {
    /// Adds the directories that a place lies in. A key list in a home directory has a directory of its own, but
    /// `/etc/crontab` has not.
    fn add_directories(&mut self, path: &'static str, starter: Starter) {
        let is_in_home = path.starts_with('.');
        for (depth, (end, _)) in path.rmatch_indices('/').enumerate() {
            let directory = path.get(..end).unwrap_or_default();
            let is_place = depth == 0 && (is_in_home || end + 1 == path.len());
            if directory.is_empty() {
                continue;
            }
            let known = self.directories.entry(directory).or_insert((starter, is_place));
            if is_place && !known.1 {
                *known = (starter, true);
            }
        }
    }

    /// Looks up a directory of the host, or one in any home directory.
    fn directory(&self, path: &str) -> Option<(Starter, bool)> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let in_home = || {
            path.match_indices("/.").find_map(|(end, _)| {
                let (home, below) = (path.get(..end)?, path.get(end + 1..)?);
                // Other programs have files of such names: a kernel is built by its `.config`.
                let is_home =
                    || home == "/root" || home.strip_prefix("/home/").is_some_and(|user| !user.contains('/'));
                self.directories.get(below).filter(|(_, is_place)| *is_place || is_home())
            })
        };
        self.directories.get(path).or_else(in_home).copied()
    }

    /// Looks a path of the host up: the file itself, then its directories, the nearest first.
    fn of_host(&self, path: &str) -> Option<Starter> {
        const TOPS: [&str; 6] = ["/etc/", "/usr/", "/lib", "/var/spool/", "/var/lib/cloud/", "/run/"];
        if !TOPS.iter().any(|top| path.starts_with(top)) {
            return None;
        }
        if let Some(starter) = self.host.get(path) {
            return Some(*starter);
        }
        path.rmatch_indices('/').find_map(|(place, _)| self.host.get(path.get(..=place)?).copied())
    }

    /// Looks up what follows each slash of a path.
    fn of_home(&self, path: &str) -> Option<Starter> {
        path.match_indices("/.").find_map(|(place, _)| {
            let below = path.get(place + 1..)?;
            let in_directory = || {
                let is_below = |(directory, _): &&(&str, Starter)| {
                    below.strip_prefix(directory).is_some_and(|rest| !rest.is_empty())
                };
                self.home_directories.iter().find(is_below).map(|(_, starter)| *starter)
            };
            self.home.get(below).copied().or_else(in_directory)
        })
    }
}

/// Returns what a file in the directories of the system's Python starts. Their names have its version.
fn of_python(path: &str) -> Option<Starter> {
    path.starts_with("/usr/lib/python3").then_some(Starter::Python)
}

/// Whether Python runs a file of this name at its start, or lines of it.
fn is_python_start(name: &str) -> bool {
    matches!(name, "sitecustomize.py" | "usercustomize.py") || name.strip_suffix(".pth").is_some()
}

/// Whether a file describes what is started: a pod, or a container with its drop-ins. Volumes and networks start
/// nothing.
fn is_pod(path: &str) -> bool {
    match path.rsplit_once('.') {
        Some((_, "yaml" | "yml" | "json")) => path.starts_with("/etc/kubernetes/"),
        Some((_, "container" | "pod" | "kube")) => true,
        Some((rest, "conf")) => rest.contains(".d/"),
        _ => false,
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

#[cfg(test)]
mod tests;
