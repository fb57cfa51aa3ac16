//! Signs that something is wrong with a chain of steps: disguise, force, and where it came from.
//!
//! Honest installers and updaters fetch, run and register programs too. What they lack is disguise: they come from a
//! named host, lie in an ordinary place, keep their files, and do not enter through a service.

use serde::{Deserialize, Serialize};

use crate::{
    detect::{
        PathKind, WrittenFile,
        behavior::defences::{self, DefenceKind},
    },
    model::ProcessView,
    process::{Command, Process, ProcessTable, Role, base_name},
};

/// Something that is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Sign {
    /// A network service started it.
    EnteredThroughService,
    /// The program lies in shared memory.
    SharedMemory,
    /// The program lies in a hidden place.
    HiddenPlace,
    /// The program lies in a hidden directory of a temporary directory. Some honest tools unpack themselves there.
    HiddenTemporaryPlace,
    /// The program has the name of a kernel thread or of a system program.
    BorrowedName,
    /// The program has no file.
    NoFile,
    /// The program was deleted while it ran.
    DeletesItself,
    /// Its code was decoded from base64.
    Decoded,
    /// A shell opened the connection itself.
    FetchedByShell,
    /// A defence of the host was switched off.
    SilencedDefence,
    /// A file was made immutable.
    Immutable,
    /// It was fetched from an address without a name.
    BareAddress,
    /// The program lies in a temporary directory.
    TemporaryPlace,
    /// A scheduler started it.
    Scheduled,
}

impl Sign {
    /// The sign in words, as part of a sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::EnteredThroughService => "came through a network service",
            Self::SharedMemory => "lies in shared memory",
            Self::HiddenPlace | Self::HiddenTemporaryPlace => "lies in a hidden place",
            Self::BorrowedName => "has the name of another program",
            Self::NoFile => "has no file",
            Self::DeletesItself => "was deleted while it ran",
            Self::Decoded => "was decoded from base64",
            Self::FetchedByShell => "was fetched by a shell itself",
            Self::SilencedDefence => "comes with a defence switched off",
            Self::Immutable => "comes with a file made immutable",
            Self::BareAddress => "was fetched from a bare address",
            Self::TemporaryPlace => "lies in a temporary directory",
            Self::Scheduled => "was started by a scheduler",
        }
    }

    /// Points of a sign: 3 for disguise and force, 2 for what honest programs do rarely, 1 for what they do too.
    fn points(self) -> u32 {
        match self {
            Self::EnteredThroughService
            | Self::SharedMemory
            | Self::HiddenPlace
            | Self::BorrowedName
            | Self::NoFile
            | Self::FetchedByShell
            | Self::SilencedDefence
            | Self::Immutable
            | Self::DeletesItself
            | Self::Decoded => 3,
            Self::HiddenTemporaryPlace => 2,
            Self::BareAddress | Self::TemporaryPlace | Self::Scheduled => 1,
        }
    }
}

/// Points from which on a chain is suspicious.
const SUSPICIOUS: u32 = 3;
/// Additional points of a bare address in a whole chain: a dropped file that was run, and persistence.
const WHOLE: u32 = 3;
/// Points that a person at a terminal or a build job excuses: both try things out. It is less than one strong sign.
const EXCUSE: u32 = 2;

/// The signs of a suspect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signs {
    found: Vec<Sign>,
    /// Whether a person started it from a login shell, or a CI agent as part of a job.
    excused: bool,
}

impl Signs {
    /// Adds a sign. Returns whether it is new.
    pub(super) fn add(&mut self, sign: Sign) -> bool {
        let is_new = !self.found.contains(&sign);
        if is_new {
            self.found.push(sign);
        }
        is_new
    }

    /// Whether the signs make a chain suspicious. The weakest signs count only for a program in a temporary place, or
    /// beside a stronger sign. A chain is `whole` if a dropped file was run and something persists.
    pub(super) fn are_suspicious(&self, whole: bool) -> bool {
        let points = |wanted: fn(u32) -> bool| -> u32 {
            self.found.iter().map(|sign| sign.points()).filter(|points| wanted(*points)).sum()
        };
        let strong = points(|points| points > 1);
        let mut weak = points(|points| points == 1);
        if whole && self.found.contains(&Sign::BareAddress) {
            weak += WHOLE;
        }
        if strong == 0 && !self.found.contains(&Sign::TemporaryPlace) {
            weak = 0;
        }
        let excuse = if self.excused { EXCUSE } else { 0 };
        (strong + weak).saturating_sub(excuse) >= SUSPICIOUS
    }

    /// Whether a person or a CI agent started it.
    pub(super) fn are_excused(&self) -> bool {
        self.excused
    }

    /// The signs, in the order in which they were found.
    pub(super) fn iter(&self) -> impl Iterator<Item = Sign> {
        self.found.iter().copied()
    }

    /// Adds the signs of another suspect.
    pub(super) fn absorb(&mut self, other: &Self) {
        for sign in &other.found {
            self.add(*sign);
        }
        self.excused |= other.excused;
    }

    /// Adds what a process, its program and its ancestors show.
    pub(super) fn observe(&mut self, table: &ProcessTable, process: &Process) {
        let view = &process.view;
        self.observe_program(view, process.script.as_deref());
        let mut below_service = false;
        for ancestor in table.ancestry(process.key()) {
            match ancestor.role {
                Role::Service if ancestor.key() != process.key() => below_service = true,
                Role::Scheduler => {
                    self.add(Sign::Scheduled);
                }
                Role::LoginShell | Role::LoginService | Role::JobRunner => self.excused = true,
                Role::Shell | Role::Interpreter => self.observe_code(&ancestor.view),
                Role::Downloader => self.observe_download(&ancestor.view),
                _ => {}
            }
            if ancestor.role.bounds_tree() {
                break;
            }
        }
        if below_service {
            self.add(Sign::EnteredThroughService);
        }
    }

    /// Adds what the writer of a program shows.
    pub(super) fn observe_writer(&mut self, table: &ProcessTable, written: &WrittenFile) {
        for writer in table.tree_path(written.writer, |_| false).take(3) {
            match writer.role {
                Role::Downloader => self.observe_download(&writer.view),
                Role::Shell | Role::Interpreter => self.observe_code(&writer.view),
                _ => {}
            }
        }
    }

    fn observe_program(&mut self, view: &ProcessView, script: Option<&str>) {
        let executable = &view.executable;
        if executable.flags.memfd || executable.flags.deleted {
            self.add(Sign::NoFile);
        }
        let path = script.unwrap_or(&executable.path);
        match PathKind::of(path) {
            _ if is_shared_memory(path) => {
                self.add(Sign::SharedMemory);
            }
            PathKind::Hidden | PathKind::Deep => {
                self.add(Sign::HiddenPlace);
            }
            // A program whose own name is hidden hides itself. A hidden directory may be that of a tool that unpacks itself.
            PathKind::Temporary if base_name(path).starts_with('.') => {
                self.add(Sign::HiddenPlace);
            }
            PathKind::Temporary if path.contains("/.") => {
                self.add(Sign::HiddenTemporaryPlace);
            }
            PathKind::Temporary => {
                self.add(Sign::TemporaryPlace);
            }
            PathKind::Ordinary => {}
        }
        if PathKind::of(&executable.path).is_odd() && is_name_of_system(base_name(&executable.path)) {
            self.add(Sign::BorrowedName);
        }
    }

    /// Looks for decoding and for connections in the code on a command line.
    fn observe_code(&mut self, view: &ProcessView) {
        for argument in view.arguments.iter() {
            if argument.contains("base64") && (argument.contains("-d") || argument.contains("decode")) {
                self.add(Sign::Decoded);
            }
            if argument.contains("/dev/tcp/") || argument.contains("/dev/udp/") {
                self.add(Sign::FetchedByShell);
            }
            if names_bare_address(argument) {
                self.add(Sign::BareAddress);
            }
        }
    }

    fn observe_download(&mut self, view: &ProcessView) {
        if view.arguments.iter().any(|argument| names_bare_address(argument)) {
            self.add(Sign::BareAddress);
        }
    }
}

/// Returns the sign that starting this program with these arguments is, if it is one.
pub(super) fn deed(process: &Process) -> Option<Sign> {
    let command = Command::of(process);
    let has = |word: &str| command.has(word);
    if command.is(&["base64"]) {
        return (has("-d") || has("--decode") || has("-D")).then_some(Sign::Decoded);
    }
    if command.is(&["chattr"]) {
        let sets = command.arguments().any(|flags| flags.starts_with('+') && flags.contains('i'));
        return sets.then_some(Sign::Immutable);
    }
    let is_off = (command.is(&["setenforce"]) && (has("0") || has("Permissive")))
        || (command.is(&["ufw"]) && has("disable"))
        || (command.is(&["auditctl"]) && (has("-e0") || (has("-e") && has("0")) || has("-D")));
    let silences = || {
        let defence = defences::silenced(&command)?;
        let by_manager = !command.is(&["systemctl", "service", "rc-service", "pkill", "killall"]);
        (defence.kind == DefenceKind::Agent || !by_manager).then_some(Sign::SilencedDefence)
    };
    if is_off { Some(Sign::SilencedDefence) } else { silences() }
}

fn is_shared_memory(path: &str) -> bool {
    ["/dev/shm/", "/run/shm/", "/dev/mqueue/"].iter().any(|directory| path.starts_with(directory))
}

/// Whether a name is that of a program which the system starts. Runtimes such as Java are left out: people unpack them
/// anywhere.
fn is_name_of_system(name: &str) -> bool {
    if name.starts_with("systemd-") || name.starts_with("dbus-") || name.starts_with("kworker") {
        return true;
    }
    match Role::of_name(name) {
        Role::Init | Role::LoginService | Role::Scheduler | Role::ContainerRuntime => true,
        Role::Service => !matches!(name, "java" | "node" | "nodejs" | "dotnet" | "caddy" | "redis"),
        _ => false,
    }
}

/// Whether a word contains a web address or a remote path whose host is a bare address: `http://192.0.2.1/x`. The
/// host's own addresses (`127.0.0.1`, `localhost`) do not count.
fn names_bare_address(word: &str) -> bool {
    let mut rest = word;
    while let Some((_, after)) = rest.split_once("://") {
        let host = after.split(['/', ' ', '"', '\'', ')', ';', '|', '?']).next().unwrap_or(after);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        if is_bare_address(host) {
            return true;
        }
        rest = after;
    }
    // curl and wget take addresses without a scheme.
    let host = word.split('/').next().unwrap_or(word);
    word.contains('/') && is_bare_address(host)
}

fn is_bare_address(host: &str) -> bool {
    let address = host
        .parse::<std::net::SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>());
    address.is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_addresses_are_told_from_names() {
        for word in [
            "http://192.0.2.1/x",
            "http://10.0.0.1:8000/x",
            "curl -s http://10.0.0.1/x | sh",
            "http://[2001:db8::1]/x",
            "10.0.0.1/x",
            "http://me@10.0.0.1/",
        ] {
            assert!(names_bare_address(word), "{word}");
        }
        for word in [
            "http://example.com/x",
            "http://127.0.0.1:80/health",
            "http://localhost/",
            "10.0.0.1",
            "1.2.3",
            "",
            "/10.0.0.1/x",
        ] {
            assert!(!names_bare_address(word), "{word}");
        }
    }

    #[test]
    fn signs_add_up() {
        let with = |signs: &[Sign], excused, whole| {
            let mut all = Signs { excused, ..Signs::default() };
            for sign in signs {
                all.add(*sign);
            }
            all.are_suspicious(whole)
        };
        let cases: [(&[Sign], bool, bool, bool); 8] = [
            // The signs; whether they make a chain suspicious, a whole chain, and a whole chain of a person.
            (&[], false, false, false),
            (&[Sign::BareAddress, Sign::Scheduled], false, false, false),
            (&[Sign::TemporaryPlace, Sign::Scheduled], false, false, false),
            (&[Sign::TemporaryPlace, Sign::BareAddress], false, true, true),
            (&[Sign::HiddenTemporaryPlace], false, false, false),
            (&[Sign::HiddenTemporaryPlace, Sign::BareAddress], true, true, true),
            (&[Sign::SharedMemory], true, true, false),
            (&[Sign::BorrowedName, Sign::NoFile], true, true, true),
        ];
        for (signs, alone, whole, by_person) in cases {
            let found = (with(signs, false, false), with(signs, false, true), with(signs, true, true));
            assert_eq!(found, (alone, whole, by_person), "{signs:?}");
        }
    }

    #[test]
    fn only_programs_that_the_system_starts_have_names_to_borrow() {
        for name in ["sshd", "systemd-logind", "cron", "dbus-daemon", "nginx", "mysqld"] {
            assert!(is_name_of_system(name), "{name}");
        }
        for name in ["java", "node", "x", "bash", "curl", "python3.11", ""] {
            assert!(!is_name_of_system(name), "{name}");
        }
    }
}
