//! Command lines by which a package manager writes files that no package puts there. Such a package manager is not
//! excused, because the caller decides what it writes.

/// Whether a package manager of this name unpacks an archive into any directory, takes its rules from a file in any
/// directory, or runs a command that its own options name.
pub(super) fn acts_on_options(name: &str, arguments: &[impl AsRef<str>]) -> bool {
    let mut arguments = arguments.iter().skip(1).map(AsRef::as_ref);
    match name {
        "dpkg-deb" => {
            arguments.any(|argument| unpacks(argument) || matches!(argument, "-R" | "--raw-extract"))
        }
        "dpkg" => arguments.any(|argument| unpacks(argument) || is_hook_of_dpkg(argument)),
        "apt" | "apt-get" | "aptitude" => arguments.any(is_hook_of_apt),
        "systemd-tmpfiles" | "systemd-sysusers" => takes_rules(arguments),
        _ => false,
    }
}

/// Whether an action of dpkg unpacks an archive into a directory (dpkg-deb(1)).
fn unpacks(argument: &str) -> bool {
    matches!(argument, "-x" | "--extract" | "-X" | "--vextract")
}

fn is_hook_of_dpkg(argument: &str) -> bool {
    ["--pre-invoke=", "--post-invoke="].iter().any(|option| argument.starts_with(option))
}

/// Whether an argument, such as `APT::Update::Pre-Invoke::=x` or `-oDir::Bin::dpkg=x`, sets a command that apt runs
/// (apt.conf(5)). Some scripts switch a hook off with an empty command.
fn is_hook_of_apt(argument: &str) -> bool {
    const KEYS: [&str; 4] = ["-invoke", "::pre-install-pkgs", "dir::bin", "::tools::options"];
    let setting = argument.strip_prefix("--option=").unwrap_or(argument);
    let Some((key, command)) = setting.split_once('=') else { return false };
    let key = key.to_ascii_lowercase();
    let is_command =
        !matches!(command.trim_matches(['"', '\'']), "" | "true" | "/bin/true" | "/usr/bin/true");
    is_command && key.contains("::") && KEYS.iter().any(|name| key.contains(name))
}

/// Whether the rules come from the command line, from the standard input, or from a file outside the directories of rules
/// (systemd-tmpfiles(8), systemd-sysusers(8)).
fn takes_rules<'a>(arguments: impl Iterator<Item = &'a str>) -> bool {
    const WITH_VALUE: [&str; 5] = ["--prefix", "--exclude-prefix", "--root", "--image", "--replace"];
    const PLACES: [&str; 8] = [
        "/usr/",
        "/lib/",
        "/etc/tmpfiles.d/",
        "/etc/sysusers.d/",
        "/etc/user-tmpfiles.d/",
        "/run/tmpfiles.d/",
        "/run/sysusers.d/",
        "/nix/store/",
    ];
    let mut is_value = false;
    for argument in arguments {
        if std::mem::replace(&mut is_value, WITH_VALUE.contains(&argument)) {
            continue;
        }
        let is_place = || !argument.contains("/..") && PLACES.iter().any(|place| argument.starts_with(place));
        let is_file = !argument.starts_with('-') && argument.contains('/');
        if matches!(argument, "-" | "--inline") || (is_file && !is_place()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_line_says_is_no_package() {
        let cases: [(&[&str], bool); 21] = [
            (&["dpkg-deb", "-x", "x.deb", "/"], true),
            (&["dpkg-deb", "-R", "x.deb", "/"], true),
            (&["dpkg-deb", "--fsys-tarfile", "x.deb"], false),
            (&["dpkg", "--extract", "x.deb", "/"], true),
            (&["dpkg", "--pre-invoke=/tmp/x", "-i", "x.deb"], true),
            (&["dpkg", "-R", "-i", "packages"], false),
            (&["dpkg", "-i", "x.deb"], false),
            (&["apt-get", "-o", "APT::Update::Pre-Invoke::=echo x", "update"], true),
            (&["apt-get", "-oDPkg::Post-Invoke::=/tmp/x", "install", "x"], true),
            (&["apt", "--option=dpkg::Pre-Install-Pkgs::=/tmp/x", "install", "x"], true),
            (&["apt-get", "-o", "Dir::Bin::dpkg=/tmp/x", "install", "x"], true),
            (&["apt-get", "-o", "Dpkg::Options::=--force-confold", "install", "x"], false),
            (&["apt-get", "-o", "APT::Update::Post-Invoke-Success::=true", "update"], false),
            (&["apt-get", "install", "x=1.2"], false),
            (&["systemd-tmpfiles", "--create", "/mnt/t.conf"], true),
            (&["systemd-tmpfiles", "--create", "./t.conf"], true),
            (&["systemd-tmpfiles", "--create", "-"], true),
            (&["systemd-tmpfiles", "--create", "nginx.conf"], false),
            (&["systemd-tmpfiles", "--create", "--prefix", "/run", "/usr/lib/tmpfiles.d/x.conf"], false),
            (&["systemd-tmpfiles", "--create", "/usr/lib/../../mnt/t.conf"], true),
            (&["rpm", "-x"], false),
        ];
        for (arguments, expected) in cases {
            assert_eq!(acts_on_options(arguments[0], arguments), expected, "{arguments:?}");
        }
    }
}
