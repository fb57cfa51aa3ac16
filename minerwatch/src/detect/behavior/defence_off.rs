//! B8 and B8A: the defences of the host are switched off, and security agents are removed.

use super::defences::{self, DefenceKind};
use crate::{
    detect::{Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, FileChange, SentSignal, SignalClass},
    process::{Command, Process, Role},
};

/// A firewall, a mandatory access control, the audit daemon or a watchdog is switched off. It is a step, because
/// installers and the guides of many products do so, too.
pub const DEFENCE_OFF: SignalInfo = SignalInfo {
    id: "B8",
    class: SignalClass::Behavior,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Step,
    name: "Defence switched off",
    description: "The firewall, SELinux, AppArmor, the audit daemon or the watchdog of the processor was switched off. Some installers do so too.",
    catches: "How an intruder prepares a host, before the first connection.",
    techniques: &["T1562.001", "T1562.004"],
};

/// A security product or the agent of a cloud provider is stopped or removed.
pub const AGENT_REMOVED: SignalInfo = SignalInfo {
    id: "B8A",
    class: SignalClass::Behavior,
    weight: 25,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Security agent stopped or removed",
    description: "A security product or the agent of a cloud provider was stopped, killed, frozen or removed outside the package manager's own scripts.",
    catches: "An intruder who blinds those who would notice the miner.",
    techniques: &["T1562.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[DEFENCE_OFF, AGENT_REMOVED],
    wants: &[EventType::Exec, EventType::File, EventType::SentSignal],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// The technique of switching off a tool.
const TOOL: &str = "T1562.001";
/// The technique of switching off a firewall.
const FIREWALL: &str = "T1562.004";

/// The chains that exist in every table. Container engines and firewall managers flush chains of their own.
const CHAINS: [&str; 5] = ["INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"];

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::Exec(_) => by_command(context),
        EventBody::File(change) if change.puts_file() => put(context, change),
        EventBody::File(change) if change.action == FileAction::Delete => deleted(context, change),
        EventBody::SentSignal(sent) => signalled(context, sent),
        _ => None,
    }
}

/// Judges a file that was written, or put into its place under another name, as editors and `sed -i` do.
fn put(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    let what = by_file(change.place())?;
    let is_excused =
        matches!(context.process.role, Role::Init | Role::PackageManager) || is_helper_of_systemd(context);
    // A file in /etc of a container is the image's own.
    let is_own = change.place().starts_with("/etc/") && is_of_image(context, change);
    (!is_excused && !is_own).then(|| off(context, what, TOOL).value("path", change.place()))
}

/// Judges a deleted program or unit of an agent, whatever deleted it. An agent updates itself.
fn deleted(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    /// Tools that delete a file only to put another one into its place.
    const REPLACERS: [&str; 8] = ["install", "cp", "mv", "ln", "tar", "bsdtar", "unzip", "cpio"];
    let process = context.process;
    let defence = defences::deleted(change.place())?;
    let is_excused =
        maintains(context) || Command::of(process).is(&REPLACERS) || is_of_image(context, change);
    (!is_excused).then(|| removed(context, defence.product).value("path", change.place()))
}

/// Judges a signal that ends or freezes a defence. Service managers, installers, other programs of the agent and the process
/// that started it may send such signals.
fn signalled(context: &DetectionContext<'_>, sent: &SentSignal) -> Option<Finding> {
    let verb = match sent.signal {
        SentSignal::KILL => "killed",
        SentSignal::TERM => "ended",
        SentSignal::STOP => "froze",
        _ => return None,
    };
    let (process, table) = (context.process, context.table);
    let target = table.get(sent.target)?;
    let program = target.program_path();
    if PathKind::of(program).is_odd() {
        return None;
    }
    let defence = defences::named(program).or_else(|| defences::on_path(program))?;
    // The event `agent-stop` tells about this program itself.
    let is_own_end = defence.product == env!("CARGO_PKG_NAME") && sent.signal == SentSignal::TERM;
    let is_excused = is_own_end
        || maintains(context)
        || Command::of(process).is(&["killall5"])
        || process.program_path() == program
        || table.ancestry(sent.target).any(|ancestor| ancestor.key() == process.key());
    // Only a service of the system defends the host. A single command with the same name does not.
    let is_service = || table.parent_of(target).is_some_and(|parent| parent.role == Role::Init);
    let detail = format!("'{}' {verb} {}", process.view.name, defence.product);
    match defence.kind {
        _ if is_excused => None,
        DefenceKind::Agent => {
            let finding = Finding::new(AGENT_REMOVED, context, detail);
            Some(finding.value("product", defence.product).value("target", sent.target))
        }
        DefenceKind::System if is_service() => {
            let finding = Finding::new(DEFENCE_OFF, context, detail).value("defence", defence.product);
            Some(finding.value("target", sent.target).technique(technique_of(defence.product)))
        }
        DefenceKind::System => None,
    }
}

/// Whether a file is that of a container, and not the host's.
fn is_of_image(context: &DetectionContext<'_>, change: &FileChange) -> bool {
    context.process.container_id().is_some() && change.host_path.is_none()
}

/// Whether the process ends and replaces agents as a part of its task: a service manager, an installer, the agent itself.
fn maintains(context: &DetectionContext<'_>) -> bool {
    let process = context.process;
    matches!(
        process.role,
        Role::Init | Role::PackageManager | Role::Agent | Role::ContainerRuntime | Role::Scheduler
    ) || context.table.is_managed(process)
        || is_part_of_agent(process)
}

/// Whether a process runs a program or a script of an agent.
fn is_part_of_agent(process: &Process) -> bool {
    let program = process.program_path();
    !PathKind::of(program).is_odd() && defences::on_path(program).is_some()
}

fn by_command(context: &DetectionContext<'_>) -> Option<Finding> {
    let process = context.process;
    let command = context.command?;
    if let Some((what, technique)) = switched_off(&command) {
        return Some(off(context, what, technique));
    }
    let defence = defences::silenced(&command).or_else(|| defences::uninstalled(process.program_path()))?;
    // The scripts of a package stop its service before they replace it.
    let is_package_script = context.table.is_managed(process) && process.role != Role::PackageManager;
    match defence.kind {
        DefenceKind::System => Some(off(context, defence.product, technique_of(defence.product))),
        DefenceKind::Agent if is_package_script => None,
        DefenceKind::Agent => Some(removed(context, defence.product)),
    }
}

fn removed(context: &DetectionContext<'_>, product: &'static str) -> Finding {
    let detail = format!("'{}' stopped or removed {product}", context.process.view.name);
    Finding::new(AGENT_REMOVED, context, detail).value("product", product)
}

fn off(context: &DetectionContext<'_>, what: &str, technique: &'static str) -> Finding {
    let detail = format!("'{}' switched off {what}", context.process.view.name);
    Finding::new(DEFENCE_OFF, context, detail).value("defence", what).technique(technique)
}

fn technique_of(product: &str) -> &'static str {
    if product.to_ascii_lowercase().contains("firewall") { FIREWALL } else { TOOL }
}

/// Returns what a tool of the system switches off, and the technique.
fn switched_off(command: &Command<'_>) -> Option<(&'static str, &'static str)> {
    let has = |word| command.has(word);
    if command.is(&["iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy", "iptables-nft"]) {
        let is_open = is_flush(command) || accepts_everything(command);
        return is_open.then_some(("the firewall", FIREWALL));
    }
    if command.is(&["nft"]) {
        let is_open = !has("-f") && removes_rules(&command.arguments().collect::<Vec<_>>().join(" "));
        return is_open.then_some(("the firewall", FIREWALL));
    }
    if command.is(&["ufw"]) {
        return (has("disable") || has("reset")).then_some(("the firewall", FIREWALL));
    }
    if command.is(&["setenforce"]) {
        return (has("0") || has("Permissive") || has("permissive")).then_some(("SELinux", TOOL));
    }
    if command.is(&["aa-teardown", "apparmor_teardown"]) {
        return Some(("AppArmor", TOOL));
    }
    if command.is(&["auditctl"]) {
        let is_off = has("-e0")
            || has("-D")
            || command.arguments().zip(command.arguments().skip(1)).any(|pair| pair == ("-e", "0"));
        return is_off.then_some(("the audit rules", TOOL));
    }
    if command.is(&["sysctl"]) {
        let words: String = command.arguments().collect::<String>().replace(['/', ' '], ".");
        let is_off = words.contains("kernel.nmi_watchdog=0") || words.contains("kernel.nmi_watchdog.=.0");
        return is_off.then_some(("the watchdog of the processor", TOOL));
    }
    None
}

/// Whether a command of iptables removes all rules of the host: of every chain, of a chain that every host has, or by a
/// policy that lets everything in.
fn is_flush(command: &Command<'_>) -> bool {
    let arguments: Vec<&str> = command.arguments().collect();
    let after = |place: usize| arguments.get(place + 1).copied();
    arguments.iter().enumerate().any(|(place, argument)| match *argument {
        "-F" | "--flush" => {
            after(place).is_none_or(|chain| chain.starts_with('-') || CHAINS.contains(&chain))
        }
        "-P" | "--policy" => {
            after(place) == Some("INPUT") && arguments.get(place + 2).copied() == Some("ACCEPT")
        }
        _ => false,
    }) && !is_of_other_table(&arguments)
}

/// Whether a command of iptables lets everything in before the other rules are asked: `-I INPUT -j ACCEPT`, without a
/// condition. A rule at the end (`-A`) leaves the others in force.
fn accepts_everything(command: &Command<'_>) -> bool {
    let mut arguments = command.arguments().peekable();
    let (mut inserts, mut accepts) = (false, false);
    while let Some(argument) = arguments.next() {
        match argument {
            "-I" | "--insert" => {
                if arguments.next() != Some("INPUT") {
                    return false;
                }
                // The place in the chain.
                arguments.next_if(|place| place.bytes().all(|digit| digit.is_ascii_digit()));
                inserts = true;
            }
            "-j" | "--jump" => accepts = arguments.next() == Some("ACCEPT"),
            "-w" | "--wait" => {
                arguments.next_if(|time| time.bytes().all(|digit| digit.is_ascii_digit()));
            }
            "-t" | "--table" => {
                if arguments.next() != Some("filter") {
                    return false;
                }
            }
            "-p" | "--protocol" | "-s" | "--source" | "-d" | "--destination" => {
                if !matches!(arguments.next(), Some("all" | "0.0.0.0/0" | "::/0" | "0/0")) {
                    return false;
                }
            }
            "-4" | "-6" | "-v" | "--verbose" => {}
            _ => return false,
        }
    }
    inserts && accepts
}

/// Whether commands of nft remove the rules of the host: all, or a table or chain with the name that distributions and
/// guides use. Container engines and fail2ban remove tables of their own.
fn removes_rules(commands: &str) -> bool {
    const FAMILIES: [&str; 5] = ["ip", "ip6", "inet", "arp", "bridge"];
    commands.split(';').any(|command| {
        let mut words = command.split_whitespace().skip_while(|word| word.starts_with('-'));
        let verb = words.next();
        let object = words.next();
        match (verb, object) {
            (Some("flush"), Some("ruleset")) => true,
            (Some("flush" | "delete" | "destroy"), Some("table" | "chain")) => {
                let mut names = words.skip_while(|word| FAMILIES.contains(word));
                let table = names.next();
                let chain = names.next().map(str::to_ascii_uppercase);
                matches!(table, Some("filter" | "firewalld"))
                    && (object == Some("table")
                        || chain.is_some_and(|chain| CHAINS.contains(&chain.as_str())))
            }
            _ => false,
        }
    })
}

/// Whether a command is about a table that filters nothing. Routers clear their address translation.
fn is_of_other_table(arguments: &[&str]) -> bool {
    let table = arguments.iter().position(|argument| matches!(*argument, "-t" | "--table"));
    let table = table.and_then(|place| arguments.get(place + 1));
    table.is_some_and(|table| *table != "filter")
}

/// Returns what a file switches off when it is written.
fn by_file(path: &str) -> Option<&'static str> {
    match path {
        "/proc/sys/kernel/nmi_watchdog" => Some("the watchdog of the processor"),
        "/sys/fs/selinux/enforce" | "/sys/fs/selinux/disable" | "/etc/selinux/config" => Some("SELinux"),
        _ => None,
    }
}

fn is_helper_of_systemd(context: &DetectionContext<'_>) -> bool {
    let path = &context.process.view.executable.path;
    path.starts_with("/usr/lib/systemd/") || path.starts_with("/lib/systemd/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    /// Runs one command in a script and returns the findings.
    fn found(path: &str, invoked: &str, arguments: &[&str]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "-c", "x"]);
        let key = host.fork(script);
        host.exec(key, script, path, invoked, arguments);
        findings_of(&[&DETECTOR], &host)
    }

    /// Executable, command line, signals.
    type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, u8)]);

    #[test]
    fn commands_that_switch_off_defences() {
        let iptables = "/usr/sbin/xtables-nft-multi";
        let (off, agent) = ([("B8", 15)], [("B8A", 25)]);
        let cases: [Case<'_>; 47] = [
            (iptables, &["iptables", "-F"], &off),
            (iptables, &["iptables", "-F", "INPUT"], &off),
            (iptables, &["iptables", "-P", "INPUT", "ACCEPT"], &off),
            (iptables, &["iptables", "-F", "f2b-sshd"], &[]),
            (iptables, &["iptables", "-t", "nat", "-F"], &[]),
            (iptables, &["iptables", "-t", "nat", "-F", "DOCKER"], &[]),
            (iptables, &["iptables", "-w", "-A", "INPUT", "-j", "ACCEPT"], &[]),
            (iptables, &["iptables", "-w", "-I", "INPUT", "1", "-j", "ACCEPT"], &off),
            (iptables, &["iptables", "-I", "INPUT", "-s", "0.0.0.0/0", "-j", "ACCEPT"], &off),
            (iptables, &["iptables", "-I", "INPUT", "-i", "lo", "-j", "ACCEPT"], &[]),
            (iptables, &["iptables", "-I", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"], &[]),
            (iptables, &["iptables", "-I", "INPUT", "-j", "DROP"], &[]),
            (iptables, &["iptables", "-I", "FORWARD", "-j", "ACCEPT"], &[]),
            (iptables, &["iptables-restore", "--noflush"], &[]),
            ("/usr/sbin/nft", &["nft", "delete", "table", "inet", "filter"], &off),
            ("/usr/sbin/nft", &["nft", "flush table ip filter; add table ip x"], &off),
            ("/usr/sbin/nft", &["nft", "flush", "chain", "inet", "filter", "input"], &off),
            ("/usr/sbin/nft", &["nft", "delete", "table", "inet", "f2b-table"], &[]),
            ("/usr/sbin/nft", &["nft", "flush", "chain", "inet", "filter", "docker"], &[]),
            ("/usr/sbin/nft", &["nft", "list", "ruleset"], &[]),
            ("/usr/bin/rm", &["rm", "-rf", "/usr/local/aegis/aegis_client"], &agent),
            ("/usr/bin/rm", &["rm", "-f", "/usr/local/aegis/aegis_client"], &[]),
            ("/usr/bin/rm", &["rm", "-rf", "/opt/elastic-agent/data/logs"], &[]),
            ("/usr/bin/rm", &["rm", "-rf", "/var/log/wazuh-agent/old"], &[]),
            ("/usr/bin/rm", &["rm", "-rf", "/opt/app/releases/7"], &[]),
            ("/usr/sbin/nft", &["nft", "flush", "ruleset"], &off),
            ("/usr/sbin/nft", &["nft", "-f", "/etc/nftables.conf"], &[]),
            ("/usr/sbin/setenforce", &["setenforce", "0"], &off),
            ("/usr/sbin/setenforce", &["setenforce", "1"], &[]),
            ("/usr/bin/systemctl", &["systemctl", "stop", "firewalld"], &off),
            ("/usr/bin/systemctl", &["systemctl", "restart", "firewalld"], &[]),
            ("/usr/bin/systemctl", &["systemctl", "status", "auditd.service"], &[]),
            ("/usr/bin/systemctl", &["systemctl", "stop", "nginx"], &[]),
            ("/usr/sbin/auditctl", &["auditctl", "-e", "0"], &off),
            ("/usr/sbin/auditctl", &["auditctl", "-R", "/etc/audit/audit.rules"], &[]),
            ("/usr/sbin/sysctl", &["sysctl", "-w", "kernel.nmi_watchdog=0"], &off),
            ("/usr/sbin/sysctl", &["sysctl", "kernel.nmi_watchdog"], &[]),
            ("/usr/sbin/sysctl", &["sysctl", "-p"], &[]),
            ("/usr/bin/systemctl", &["systemctl", "disable", "--now", "aliyun.service"], &agent),
            ("/usr/bin/systemctl", &["systemctl", "stop", "falcon-sensor"], &agent),
            ("/usr/bin/pkill", &["pkill", "-9", "AliYunDun"], &agent),
            ("/usr/bin/killall", &["killall", "nginx"], &[]),
            ("/usr/bin/rm", &["rm", "-rf", "/usr/local/aegis"], &agent),
            ("/usr/bin/rm", &["rm", "-rf", "/tmp/iptables"], &[]),
            ("/usr/bin/apt-get", &["apt-get", "remove", "-y", "bcm-agent"], &agent),
            ("/usr/bin/apt-get", &["apt-get", "install", "-y", "wazuh-agent"], &[]),
            ("/usr/bin/grep", &["grep", "stop", "aegis"], &[]),
        ];
        for (path, arguments, expected) in cases {
            assert_eq!(found(path, path, arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn scripts_are_commands_too() {
        let ufw = found("/usr/bin/python3.11", "/usr/sbin/ufw", &["python3", "/usr/sbin/ufw", "disable"]);
        assert_eq!(ufw, [("B8", 15)]);
        let path = "/usr/local/qcloud/YunJing/uninst.sh";
        assert_eq!(found("/usr/bin/bash", path, &["bash", path]), [("B8A", 25)]);
        let init = found("/usr/bin/dash", "/etc/init.d/aegis", &["sh", "/etc/init.d/aegis", "stop"]);
        assert_eq!(init, [("B8A", 25)]);
    }

    #[test]
    fn the_scripts_of_a_package_may_stop_their_service() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let apt = host.spawn(init, "/usr/bin/apt-get", &["apt-get", "upgrade"]);
        let script = host.spawn_script(apt, "/usr/bin/dash", "/var/lib/dpkg/info/wazuh-agent.prerm");
        host.spawn(script, "/usr/bin/systemctl", &["systemctl", "stop", "wazuh-agent"]);
        host.spawn(script, "/usr/bin/systemctl", &["systemctl", "stop", "ufw"]);
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
    }

    #[test]
    fn files_of_the_kernel_switch_off_too() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x"]);
        let helper = host.spawn(init, "/usr/lib/systemd/systemd-sysctl", &["systemd-sysctl"]);
        host.write(helper, "/proc/sys/kernel/nmi_watchdog");
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
        host.write(script, "/proc/sys/kernel/nmi_watchdog");
        host.rename(script, "/etc/selinux/sedAb12", "/etc/selinux/config");
        host.exchange(script, "/etc/selinux/x", "/etc/selinux/config");
        host.exchange(script, "/etc/selinux/config", "/etc/selinux/x");
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B8", 15); 4]);
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let inside = host.fork(init);
        host.enter(inside, "4f1c");
        host.exec(inside, init, "/bin/sh", "/bin/sh", &["sh", "-c", "x"]);
        host.rename(inside, "/etc/selinux/x", "/etc/selinux/config");
        assert!(findings_of(&[&DETECTOR], &host).is_empty(), "an image");
    }

    #[test]
    fn a_signal_to_an_agent_counts() {
        let falco = "/usr/bin/falco";
        // The program that sends a signal to the target, and its parent.
        let send = |sender: &str, arguments: &[&str], target: &str, signal: u8| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let target = host.spawn(init, target, &["x"]);
            let shell = host.spawn(init, "/usr/bin/bash", &["bash", "-c", "x"]);
            let sender = host.spawn(shell, sender, arguments);
            host.signal(sender, target, signal);
            findings_of(&[&DETECTOR], &host)
        };
        let (agent, off) = ([("B8A", 25)], [("B8", 15)]);
        for signal in [SentSignal::KILL, SentSignal::TERM, SentSignal::STOP] {
            assert_eq!(send("/usr/bin/python3.11", &["python3"], falco, signal), agent, "{signal}");
        }
        assert_eq!(
            send("/tmp/x", &["x"], "/usr/local/aegis/aegis_client/aegis_12/AliYunDun", SentSignal::KILL),
            agent
        );
        assert_eq!(send("/tmp/x", &["x"], "/usr/sbin/auditd", SentSignal::STOP), off);
        for (sender, target, signal) in [
            ("/usr/bin/python3.11", "/usr/bin/nginx", SentSignal::KILL),
            ("/usr/bin/python3.11", falco, 18),
            ("/tmp/x", "/tmp/falco", SentSignal::KILL),
            ("/usr/bin/falco", falco, SentSignal::TERM),
            ("/usr/bin/dpkg", falco, SentSignal::TERM),
            ("/sbin/killall5", falco, SentSignal::TERM),
            ("/usr/bin/python3.11", "/usr/bin/minerwatch", SentSignal::TERM),
        ] {
            assert!(send(sender, &["x"], target, signal).is_empty(), "{sender} {target} {signal}");
        }
    }

    #[test]
    fn whoever_started_an_agent_may_end_it() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let shell = host.spawn(init, "/usr/bin/bash", &["bash", "start.sh"]);
        let agent = host.spawn(shell, "/usr/bin/falco", &["falco"]);
        host.signal(shell, agent, SentSignal::TERM);
        let iptables = host.spawn(shell, "/usr/sbin/iptables", &["iptables", "-L"]);
        let other = host.spawn(init, "/usr/bin/python3", &["python3"]);
        host.signal(other, iptables, SentSignal::KILL);
        host.signal(init, agent, SentSignal::KILL);
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
    }

    #[test]
    fn a_deleted_agent_counts_whatever_deletes_it() {
        let run = |path: &str, arguments: &[&str], deleted: &str| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let shell = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
            let process = host.spawn(shell, path, arguments);
            host.delete(process, deleted);
            findings_of(&[&DETECTOR], &host)
        };
        let client = "/usr/local/aegis/aegis_client/AliYunDun";
        let agent = [("B8A", 25)];
        assert_eq!(run("/usr/bin/python3.11", &["python3", "-c", "x"], client), agent);
        assert_eq!(run("/usr/bin/find", &["find", "/usr/local/aegis", "-delete"], client), agent);
        assert_eq!(run("/usr/bin/find", &["find", "x"], "/etc/systemd/system/wazuh-agent.service"), agent);
        for (path, deleted) in [
            ("/usr/local/aegis/aegis_update/AliYunDunUpdate", client),
            ("/usr/bin/dpkg", client),
            ("/usr/bin/install", client),
            ("/usr/sbin/logrotate", "/var/log/wazuh-agent/wazuh-agent"),
            ("/usr/bin/find", "/opt/falco/falco-rules.yaml"),
            ("/usr/bin/find", "/opt/app/app"),
        ] {
            assert!(run(path, &["x"], deleted).is_empty(), "{path} {deleted}");
        }
    }
}
