//! Signs that something is wrong with a chain of steps: disguise, force, and where it came from.
//!
//! Honest installers and updaters fetch, run and register programs too. What they lack is disguise: they come from a
//! named host, lie in an ordinary place, keep their files, and do not enter through a service.

mod decoded;
mod fetched;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub(super) use self::{
    decoded::Pipelines,
    fetched::{fetches, is_shell},
};
use crate::{
    detect::{
        PathKind, WrittenFile,
        behavior::{
            ServiceEntry,
            defences::{self, DefenceKind},
            immutable, is_database, is_downloader, service_entry,
        },
        is_ordinary_program, network,
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
    /// The program lies in a hidden directory that has the form of an installer's or an application's own.
    OwnHiddenPlace,
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
    /// A security product or the agent of a provider was switched off.
    SilencedDefence,
    /// A defence that is part of the distribution was switched off. The manuals of honest software say so, too.
    WeakenedHost,
    /// A file was made immutable.
    Immutable,
    /// It was fetched from an address without a name.
    BareAddress,
    /// It was fetched from an address without a name in a private network, as products on the premises are.
    PrivateAddress,
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
            Self::HiddenPlace | Self::HiddenTemporaryPlace | Self::OwnHiddenPlace => "lies in a hidden place",
            Self::BorrowedName => "has the name of another program",
            Self::NoFile => "has no file",
            Self::DeletesItself => "was deleted while it ran",
            Self::Decoded => "was decoded from base64",
            Self::FetchedByShell => "was fetched by a shell itself",
            Self::SilencedDefence | Self::WeakenedHost => "comes with a defence switched off",
            Self::Immutable => "comes with a file made immutable",
            Self::BareAddress | Self::PrivateAddress => "was fetched from a bare address",
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
            Self::HiddenTemporaryPlace | Self::OwnHiddenPlace => 2,
            Self::BareAddress
            | Self::PrivateAddress
            | Self::TemporaryPlace
            | Self::Scheduled
            | Self::WeakenedHost => 1,
        }
    }
}

/// How far a chain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// A dropped file was run, or something persists.
    Part,
    /// A dropped file was run, and nothing but services of the system persist, as after the installer of an agent. The file
    /// itself is no service: it lies elsewhere, or ended within minutes.
    Installed,
    /// A dropped file was run, and something persists.
    Whole,
}

/// Points from which on a chain is suspicious.
const SUSPICIOUS: u32 = 3;
/// Additional points of a bare address in a whole chain: a dropped file that was run, and persistence. An intruder can have
/// an address in the private network only from a foothold inside. So such an address has the points, too, unless the chain is
/// that of an installer of a service.
const WHOLE: u32 = 3;
/// Points that a person at a terminal or a build job excuses: both try things out. It is less than one strong sign.
const EXCUSE: u32 = 2;

/// The signs of a suspect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signs {
    found: Vec<Sign>,
    /// Whether a person started it from a login shell, or a CI agent as part of a job.
    excused: bool,
    /// Whether its program was built on this host by the shell or job that runs it. Then the name of its file is no sign.
    #[serde(default)]
    built: bool,
    /// Whether its program was started by the tool that wrote it. Then a hidden directory is the tool's own.
    #[serde(default)]
    kept_by_tool: bool,
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

    /// Whether the signs make a chain suspicious. The weakest signs count only for a program in a temporary place, beside
    /// a defence switched off, or beside a stronger sign.
    pub(super) fn are_suspicious(&self, extent: Extent) -> bool {
        let points = |wanted: fn(u32) -> bool| -> u32 {
            self.found.iter().map(|sign| sign.points()).filter(|points| wanted(*points)).sum()
        };
        let strong = points(|points| points > 1);
        let mut weak = points(|points| points == 1);
        let is_bare = match extent {
            Extent::Part => false,
            Extent::Installed => self.found.contains(&Sign::BareAddress),
            Extent::Whole => {
                self.found.iter().any(|sign| matches!(sign, Sign::BareAddress | Sign::PrivateAddress))
            }
        };
        if is_bare {
            weak += WHOLE;
        }
        let has_base =
            || [Sign::TemporaryPlace, Sign::WeakenedHost].iter().any(|sign| self.found.contains(sign));
        if strong == 0 && !has_base() {
            weak = 0;
        }
        // Schedulers start the programs that tools keep in directories of their own.
        let is_own = strong == 2 && self.found.contains(&Sign::OwnHiddenPlace);
        if extent == Extent::Part && is_own && self.found.contains(&Sign::Scheduled) {
            weak -= 1;
        }
        let excuse = if self.excused { EXCUSE } else { 0 };
        (strong + weak).saturating_sub(excuse) >= SUSPICIOUS
    }

    /// Records whether the program was built on this host by the shell or job that runs it. `keeps_name`
    /// is whether the program has the name of a kernel thread, too, which nobody gives a program that he builds.
    pub(super) fn set_built(&mut self, is_built: bool, keeps_name: bool, process: &Process) {
        self.built = is_built;
        if is_built && !keeps_name {
            self.found.retain(|sign| *sign != Sign::BorrowedName);
        } else if !is_built {
            self.observe_program(&process.view, process.script.as_deref());
        }
    }

    /// Records whether the program was started by the tool that wrote it. Many tools fetch plug-ins and runtimes, and keep
    /// them in a directory of their own. A shell, an interpreter, a service, or a program in an odd place is no such tool.
    pub(super) fn set_kept_by_tool(
        &mut self,
        table: &ProcessTable,
        process: &Process,
        written: &WrittenFile,
    ) {
        let is_tool = |writer: &Process| writer.role == Role::Other && is_ordinary_program(writer);
        self.kept_by_tool = table.get(written.writer).is_some_and(is_tool)
            && table.tree_path(process.key(), |_| false).any(|above| above.key() == written.writer);
        if self.kept_by_tool {
            self.found.retain(|sign| *sign != Sign::HiddenPlace);
        }
        self.observe_program(&process.view, process.script.as_deref());
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
        self.built &= other.built;
        self.kept_by_tool &= other.kept_by_tool;
    }

    /// Adds what a process, its program and its ancestors show.
    pub(super) fn observe(&mut self, table: &ProcessTable, process: &Process) {
        let view = &process.view;
        self.observe_program(view, process.script.as_deref());
        for ancestor in table.ancestry(process.key()) {
            match ancestor.role {
                _ if is_downloader(ancestor) => self.observe_download(&ancestor.view),
                Role::Scheduler => {
                    self.add(Sign::Scheduled);
                }
                Role::LoginShell | Role::LoginService | Role::JobRunner => self.excused = true,
                Role::Shell | Role::Interpreter => self.observe_code(&ancestor.view),
                _ => {}
            }
            if ancestor.role.bounds_tree() {
                break;
            }
        }
        if service_entry(table, process.key()).is_some() {
            self.add(Sign::EnteredThroughService);
        }
    }

    /// Adds what the writer of a process's program shows.
    pub(super) fn observe_writer(&mut self, table: &ProcessTable, process: &Process, written: &WrittenFile) {
        for writer in table.tree_path(written.writer, |_| false).take(3) {
            match writer.role {
                _ if is_downloader(writer) => self.observe_download(&writer.view),
                Role::Shell | Role::Interpreter => self.observe_code(&writer.view),
                _ => {}
            }
        }
        if table.get(written.writer).is_some_and(|writer| decoded::decodes(&Command::of(writer))) {
            self.add(Sign::Decoded);
        }
        // A runtime that starts the program itself is told so by the process that let it fetch the program.
        if service_entry(table, written.writer).is_some_and(|(entry, _)| entry == ServiceEntry::Commands) {
            self.add(Sign::EnteredThroughService);
        }
        let is_others = written.fetched || !is_by_caller(table, process, written);
        if is_others && process.script.as_deref().is_some_and(is_shared_memory) {
            self.add(Sign::SharedMemory);
        }
    }

    fn observe_program(&mut self, view: &ProcessView, script: Option<&str>) {
        let executable = &view.executable;
        if executable.flags.has_no_file() {
            self.add(Sign::NoFile);
        }
        let path = script.unwrap_or(&executable.path);
        match PathKind::of(path) {
            // The process that runs a script there may have written it. Its writer decides.
            _ if is_shared_memory(path) => {
                self.add(if script.is_some() { Sign::TemporaryPlace } else { Sign::SharedMemory });
            }
            PathKind::Hidden if self.kept_by_tool || PathKind::is_own_directory(path) => {
                self.add(Sign::OwnHiddenPlace);
            }
            PathKind::Hidden | PathKind::Deep => {
                self.add(Sign::HiddenPlace);
            }
            // A program whose own name is hidden hides itself. A hidden directory may be that of a tool that unpacks itself.
            PathKind::Temporary if base_name(path).starts_with('.') => {
                self.add(Sign::HiddenPlace);
            }
            PathKind::Temporary if PathKind::hides_in_temporary(path) => {
                self.add(Sign::HiddenTemporaryPlace);
            }
            PathKind::Temporary => {
                self.add(Sign::TemporaryPlace);
            }
            PathKind::Ordinary => {}
        }
        let is_odd = || PathKind::of(&executable.path).is_odd();
        if !self.built
            && is_name_of_system(base_name(&executable.path))
            && is_odd()
            && !is_unpacked_database(&executable.path)
        {
            self.add(Sign::BorrowedName);
        }
    }

    /// Looks for decoding, for a shell that somebody else types into, and for addresses in the code on a command line.
    fn observe_code(&mut self, view: &ProcessView) {
        for argument in view.arguments.iter() {
            if decoded::runs_decoded(argument) {
                self.add(Sign::Decoded);
            }
            // Other connections of a shell are seen when they are opened.
            if argument.contains(">&")
                && ["/dev/tcp/", "/dev/udp/"].iter().any(|place| argument.contains(place))
            {
                self.add(Sign::FetchedByShell);
            }
            self.observe_address(argument);
        }
    }

    fn observe_download(&mut self, view: &ProcessView) {
        for argument in view.arguments.iter() {
            self.observe_address(argument);
        }
    }

    fn observe_address(&mut self, word: &str) {
        for address in bare_addresses(word) {
            let is_inside = network::is_private(address);
            self.add(if is_inside { Sign::PrivateAddress } else { Sign::BareAddress });
        }
    }
}

/// Returns the sign that starting this program with these arguments is, if it is one.
pub(super) fn deed(table: &ProcessTable, process: &Process) -> Option<Sign> {
    let command = Command::of(process);
    let has = |word: &str| command.has(word);
    if immutable::makes_immutable(table, process, &command) {
        return Some(Sign::Immutable);
    }
    let is_off = (command.is(&["setenforce"]) && (has("0") || has("Permissive")))
        || (command.is(&["ufw"]) && has("disable"))
        || (command.is(&["auditctl"]) && (has("-e0") || (has("-e") && has("0")) || has("-D")));
    if is_off {
        return Some(Sign::WeakenedHost);
    }
    let is_stopped = || command.is(&["systemctl", "service", "rc-service", "pkill", "killall"]);
    match defences::silenced(&command)?.kind {
        DefenceKind::Agent => Some(Sign::SilencedDefence),
        DefenceKind::System => is_stopped().then_some(Sign::WeakenedHost),
    }
}

/// Whether a process of its own tree wrote what a process runs: an ancestor, or a tool that an ancestor called.
fn is_by_caller(table: &ProcessTable, process: &Process, written: &WrittenFile) -> bool {
    let is_above = |key| table.tree_path(process.key(), |_| false).any(|above| above.key() == key);
    let parent = || table.get(written.writer).and_then(|writer| writer.parent);
    is_above(written.writer) || parent().is_some_and(is_above)
}

/// Whether a path is that of a database in the directory of its own programs. Tests unpack databases anywhere.
fn is_unpacked_database(path: &str) -> bool {
    path.rsplit_once("/bin/").is_some_and(|(_, name)| is_database(name))
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

/// Returns the bare addresses that are hosts of web addresses or remote paths in a word: `http://192.0.2.1/x`. The host's own
/// addresses (`127.0.0.1`, `localhost`) do not count.
fn bare_addresses(word: &str) -> impl Iterator<Item = IpAddr> {
    let hosts = word.split("://").skip(1).map(|after| {
        let host = after.split(['/', ' ', '"', '\'', ')', ';', '|', '?']).next().unwrap_or(after);
        host.rsplit_once('@').map_or(host, |(_, host)| host)
    });
    // curl and wget take addresses without a scheme.
    let first = word.split_once('/').map(|(host, _)| host);
    hosts.chain(first).filter_map(bare_address)
}

fn bare_address(host: &str) -> Option<IpAddr> {
    let address = host
        .parse::<std::net::SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| host.trim_matches(['[', ']']).parse::<IpAddr>())
        .ok()?;
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
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
            assert!(bare_addresses(word).next().is_some(), "{word}");
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
            assert!(bare_addresses(word).next().is_none(), "{word}");
        }
    }

    #[test]
    fn signs_add_up() {
        let with = |signs: &[Sign], excused, whole| {
            let mut all = Signs { excused, ..Signs::default() };
            for sign in signs {
                all.add(*sign);
            }
            all.are_suspicious(if whole { Extent::Whole } else { Extent::Part })
        };
        let cases: [(&[Sign], bool, bool, bool); 13] = [
            // The signs; whether they make a chain suspicious, a whole chain, and a whole chain of a person.
            (&[], false, false, false),
            (&[Sign::BareAddress, Sign::Scheduled], false, false, false),
            (&[Sign::TemporaryPlace, Sign::Scheduled], false, false, false),
            (&[Sign::TemporaryPlace, Sign::BareAddress], false, true, true),
            (&[Sign::HiddenTemporaryPlace], false, false, false),
            (&[Sign::HiddenTemporaryPlace, Sign::BareAddress], true, true, true),
            (&[Sign::OwnHiddenPlace], false, false, false),
            (&[Sign::OwnHiddenPlace, Sign::Scheduled], false, true, false),
            (&[Sign::OwnHiddenPlace, Sign::BareAddress], true, true, true),
            (&[Sign::WeakenedHost, Sign::TemporaryPlace], false, false, false),
            (&[Sign::WeakenedHost, Sign::BareAddress], false, true, true),
            (&[Sign::SharedMemory], true, true, false),
            (&[Sign::BorrowedName, Sign::NoFile], true, true, true),
        ];
        for (signs, alone, whole, by_person) in cases {
            let found = (with(signs, false, false), with(signs, false, true), with(signs, true, true));
            assert_eq!(found, (alone, whole, by_person), "{signs:?}");
        }
    }

    #[test]
    fn an_address_in_the_private_network_counts_unless_a_service_is_installed() {
        let suspicious = |address: &str, extent| {
            let mut signs = Signs::default();
            signs.add(Sign::TemporaryPlace);
            signs.observe_address(&format!("http://{address}:8080/agent"));
            signs.are_suspicious(extent)
        };
        for (address, part, installed, whole) in [
            ("198.51.100.7", false, true, true),
            ("10.1.2.3", false, false, true),
            ("[fd00::7]", false, false, true),
            ("agents.example", false, false, false),
        ] {
            let found =
                [Extent::Part, Extent::Installed, Extent::Whole].map(|extent| suspicious(address, extent));
            assert_eq!(found, [part, installed, whole], "{address}");
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
