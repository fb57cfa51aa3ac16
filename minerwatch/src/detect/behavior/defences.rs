//! The programs that defend a host, and the commands that switch them off.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::process::{Command, base_name};

/// The list of programs and services.
const LIST: &str = include_str!("defences/list.txt");

/// Maximum length of a name, in bytes.
const MAX_NAME: usize = 48;

/// A part of the names of scripts that remove a program.
const UNINSTALLS: &[u8] = b"uninst";

/// What a defence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefenceKind {
    /// Part of the distribution. Administrators switch it off, too.
    System,
    /// A security product, or the agent of a cloud provider.
    Agent,
}

/// A defence of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defence {
    /// What it is.
    pub kind: DefenceKind,
    /// The product, for people.
    pub product: &'static str,
}

/// The list, by name. Names are lowercase.
#[derive(Debug, Default)]
struct Index {
    exact: FxHashMap<&'static str, Defence>,
    /// Beginnings of names.
    beginnings: Vec<(&'static str, Defence)>,
}

impl Index {
    fn parse(list: &'static str) -> Self {
        let mut index = Self::default();
        for line in list.lines() {
            let mut fields = line.split('\t');
            let kind = match fields.next() {
                Some("system") => DefenceKind::System,
                Some("agent") => DefenceKind::Agent,
                _ => continue,
            };
            let (Some(name), Some(product)) = (fields.next(), fields.next()) else { continue };
            let defence = Defence { kind, product };
            match name.strip_suffix('*') {
                Some(beginning) => index.beginnings.push((beginning, defence)),
                None => {
                    index.exact.insert(name, defence);
                }
            }
        }
        index
    }

    fn find(&self, name: &str) -> Option<Defence> {
        let is_beginning = |(beginning, _): &&(&str, Defence)| name.starts_with(beginning);
        let by_beginning = || self.beginnings.iter().find(is_beginning).map(|(_, defence)| *defence);
        self.exact.get(name).copied().or_else(by_beginning)
    }
}

static INDEX: LazyLock<Index> = LazyLock::new(|| Index::parse(LIST));

/// Returns the defence that a word of a command line names: a unit, a program, a path.
pub fn named(word: &str) -> Option<Defence> {
    let name = base_name(word.trim_end_matches('/')).trim_end_matches('*');
    let name =
        [".service", ".socket", ".timer"].iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(name);
    if name.len() < 3 || name.len() > MAX_NAME {
        return None;
    }
    INDEX.find(&name.to_ascii_lowercase())
}

/// Returns the agent that a path leads into (`/usr/local/qcloud/YunJing/uninst.sh`).
pub fn on_path(path: &str) -> Option<Defence> {
    path.split('/').filter(|part| !part.is_empty()).find_map(agent)
}

/// Returns the agent that a word names.
fn agent(word: &str) -> Option<Defence> {
    named(word).filter(|found| found.kind == DefenceKind::Agent)
}

/// Returns the agent whose program or unit a deleted file was. Logs and settings have names of the agent, too.
pub fn deleted(path: &str) -> Option<Defence> {
    const DIRECTORIES: [&str; 6] =
        ["/usr/", "/opt/", "/var/ossec/bin/", "/etc/systemd/", "/lib/systemd/", "/etc/init.d/"];
    let name = base_name(path);
    let is_program = !name.contains('.') || name.strip_suffix(".service").is_some();
    let is_installed = DIRECTORIES.iter().any(|directory| path.starts_with(directory));
    (is_program && is_installed).then(|| agent(name)).flatten()
}

/// Returns the agent of whose programs a directory is removed as a whole (`/usr/local/aegis/aegis_client`). Administrators
/// remove logs and caches.
fn removed_below(path: &str) -> Option<Defence> {
    const DATA: [&str; 11] =
        ["log", "logs", "cache", "tmp", "temp", "data", "etc", "conf", "config", "rules", "backup"];
    let is_program_directory = ["/usr/", "/opt/"].iter().any(|directory| path.starts_with(directory));
    let is_data = |part: &str| DATA.contains(&part) || part.contains('.');
    (is_program_directory && !path.split('/').any(is_data)).then(|| on_path(path)).flatten()
}

/// Returns the defence that a command switches off, stops, kills or removes.
pub fn silenced(command: &Command<'_>) -> Option<Defence> {
    let by_words = || command.operands().find_map(named);
    if command.is(&["systemctl", "service", "rc-service", "chkconfig", "rc-update", "update-rc.d", "initctl"])
    {
        const ENDS: [&str; 9] =
            ["stop", "disable", "mask", "kill", "off", "del", "delete", "remove", "--del"];
        return ENDS.iter().any(|end| command.has(end)).then(by_words).flatten();
    }
    if command.is(&["pkill", "killall", "killall5"]) {
        return by_words();
    }
    if command.is(&["apt", "apt-get", "dpkg", "yum", "dnf", "rpm", "zypper", "apk", "pacman", "snap"]) {
        const REMOVES: [&str; 12] = [
            "remove",
            "purge",
            "autoremove",
            "erase",
            "del",
            "-r",
            "-P",
            "-e",
            "--remove",
            "--purge",
            "--erase",
            "-R",
        ];
        return REMOVES.iter().any(|word| command.has(word)).then(by_words).flatten();
    }
    if command.is(&["rm", "mv", "unlink", "shred"]) {
        const DIRECTORIES: [&str; 4] = ["/usr/", "/opt/", "/etc/", "/var/"];
        let is_installed = |path: &&str| DIRECTORIES.iter().any(|directory| path.starts_with(directory));
        let below = || command.operands().find_map(removed_below);
        let by_name = command.operands().filter(is_installed).find_map(agent);
        return by_name.or_else(|| removes_directories(command).then(below).flatten());
    }
    // `/etc/init.d/aegis stop`, and a vendor's own script that removes the agent.
    if command.has("stop") || command.has("uninstall") { named(command.file()) } else { None }
}

/// Whether a command removes directories with what is in them.
fn removes_directories(command: &Command<'_>) -> bool {
    command.is(&["rm"])
        && command.arguments().any(|argument| {
            argument == "--recursive"
                || (argument.starts_with('-') && !argument.starts_with("--") && argument.contains(['r', 'R']))
        })
}

/// Returns the agent that a vendor's script removes. `script` is its path.
pub fn uninstalled(script: &str) -> Option<Defence> {
    let mut parts = base_name(script).as_bytes().windows(UNINSTALLS.len());
    parts.any(|part| part.eq_ignore_ascii_case(UNINSTALLS)).then(|| on_path(script)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_each_name_is_there_once() {
        let lines: Vec<&str> = LIST.lines().filter(|line| !line.starts_with('#')).collect();
        let mut names: Vec<&str> =
            lines.iter().map(|line| line.split('\t').nth(1).expect("a name")).collect();
        assert!(lines.iter().all(|line| line.split('\t').count() == 3), "three fields");
        assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()), "lowercase");
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "once");
        assert_eq!(INDEX.exact.len() + INDEX.beginnings.len(), all);
    }

    #[test]
    fn words_and_paths_name_defences() {
        for (word, kind) in [
            ("aegis", Some(DefenceKind::Agent)),
            ("AliYunDunUpdate", Some(DefenceKind::Agent)),
            ("/usr/local/aegis*", Some(DefenceKind::Agent)),
            ("/usr/local/cloudmonitor/", Some(DefenceKind::Agent)),
            ("ufw.service", Some(DefenceKind::System)),
            ("auditd", Some(DefenceKind::System)),
            ("nginx.service", None),
            ("agent", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(named(word).map(|found| found.kind), kind, "{word}");
        }
        assert!(uninstalled("/usr/local/qcloud/YunJing/uninst.sh").is_some());
        assert!(uninstalled("/opt/app/uninstall.sh").is_none());
        assert!(uninstalled("/usr/local/qcloud/YunJing/start.sh").is_none());
    }
}
