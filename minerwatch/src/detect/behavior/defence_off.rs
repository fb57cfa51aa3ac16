//! B8 and B8A: the defences of the host are switched off, and security agents are removed.

use super::defences::{self, DefenceKind};
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, SignalClass},
    process::{Command, Role},
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
    description: "A security product or the agent of a cloud provider was stopped, killed or removed outside the package manager's own scripts.",
    catches: "An intruder who blinds those who would notice the miner.",
    techniques: &["T1562.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[DEFENCE_OFF, AGENT_REMOVED],
    wants: &[EventType::Exec, EventType::File],
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
        EventBody::File(change) if matches!(change.action, FileAction::Write | FileAction::Create) => {
            let what = by_file(&change.path)?;
            if matches!(context.process.role, Role::Init | Role::PackageManager)
                || is_helper_of_systemd(context)
            {
                return None;
            }
            Some(off(context, what, TOOL).value("path", &change.path))
        }
        _ => None,
    }
}

fn by_command(context: &DetectionContext<'_>) -> Option<Finding> {
    let process = context.process;
    let command = context.command?;
    if let Some((what, technique)) = switched_off(&command) {
        return Some(off(context, what, technique));
    }
    let script = process.script.as_deref().unwrap_or(&process.view.executable.path);
    let defence = defences::silenced(&command).or_else(|| defences::uninstalled(script))?;
    // The scripts of a package stop its service before they replace it.
    let is_package_script = context.table.is_managed(process) && process.role != Role::PackageManager;
    match defence.kind {
        DefenceKind::System => Some(off(context, defence.product, technique_of(defence.product))),
        DefenceKind::Agent if is_package_script => None,
        DefenceKind::Agent => {
            let detail = format!("'{}' stopped or removed {}", process.view.name, defence.product);
            Some(Finding::new(AGENT_REMOVED, context, detail).value("product", defence.product))
        }
    }
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
        return is_flush(command).then_some(("the firewall", FIREWALL));
    }
    if command.is(&["nft"]) {
        let is_flush = command.arguments().collect::<Vec<_>>().join(" ").contains("flush ruleset");
        return (is_flush && !has("-f")).then_some(("the firewall", FIREWALL));
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
        let cases: [Case<'_>; 30] = [
            (iptables, &["iptables", "-F"], &off),
            (iptables, &["iptables", "-F", "INPUT"], &off),
            (iptables, &["iptables", "-P", "INPUT", "ACCEPT"], &off),
            (iptables, &["iptables", "-F", "f2b-sshd"], &[]),
            (iptables, &["iptables", "-t", "nat", "-F"], &[]),
            (iptables, &["iptables", "-t", "nat", "-F", "DOCKER"], &[]),
            (iptables, &["iptables", "-w", "-A", "INPUT", "-j", "ACCEPT"], &[]),
            (iptables, &["iptables-restore", "--noflush"], &[]),
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
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B8", 15)]);
    }
}
