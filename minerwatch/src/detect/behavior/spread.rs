//! B11S and B11N: programs that look for other hosts, and log in to them.

use std::{net::IpAddr, time::Duration};

use rustc_hash::FxHashSet;

use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind, network},
    model::{BootTime, Connect, EventBody, EventType, ProcessKey, Protocol, SignalClass, Threshold},
    process::{Command, Role},
};

/// Time in which the hosts are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Number of hosts to which one process tree must connect on ports through which worms spread.
const HOSTS: usize = 50;
/// Of these, the number of hosts that must not answer. Programs that manage or measure many hosts know where they are;
/// who looks for hosts finds most addresses empty.
const UNANSWERED: usize = HOSTS / 2;
/// Number of hosts to which one process tree must log in without knowing their keys.
const LOGINS: usize = 5;
/// Maximum number of process trees that are tracked.
const TREES: usize = 256;
/// Maximum number of hosts that are kept for one tree.
const MAX_HOSTS: usize = 4 * HOSTS;

/// The signal. The full form is a search for hosts. The weak form is a step: deployments log in to many hosts, too.
pub const SPREAD: SignalInfo = SignalInfo {
    id: "B11S",
    class: SignalClass::Behavior,
    weight: 10,
    full_weight: 30,
    kind: SignalKind::Sign,
    name: "Looks for other hosts",
    description: "One process tree tried 50 hosts on ports through which worms spread within a minute, and most did not answer. The weak form logged in to five hosts by ssh without knowing their keys.",
    catches: "A worm that looks for its next hosts, by any scanner.",
    techniques: &["T1046", "T1021.004"],
};

/// A program was started that scans networks or guesses passwords.
pub const SCANNER: SignalInfo = SignalInfo {
    id: "B11N",
    class: SignalClass::Behavior,
    weight: 5,
    full_weight: 5,
    kind: SignalKind::Hint,
    name: "Scanner started",
    description: "A program that scans networks was started. Administrators do so too.",
    catches: "The tool with which an intruder looks around.",
    techniques: &["T1046"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[SPREAD, SCANNER],
    wants: &[EventType::Exec, EventType::Connect],
    evictions: Some("spreaders_evicted"),
    create: |_| Box::new(Spread { trees: BoundedMap::new(TREES) }),
};

/// The hosts that a process tree contacted recently.
#[derive(Debug, Default)]
struct Contacts {
    /// When the current window began.
    since: BootTime,
    answered: FxHashSet<IpAddr>,
    unanswered: FxHashSet<IpAddr>,
    logins: FxHashSet<String>,
    reported_scan: bool,
    reported_logins: bool,
}

#[derive(Debug)]
struct Spread {
    trees: BoundedMap<ProcessKey, Contacts>,
}

impl Detector for Spread {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Connect(connect) => findings.add(self.connected(context, connect)),
            EventBody::Exec(_) => {
                findings.add(scanner(context));
                findings.add(self.logged_in(context));
            }
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.trees.evicted()
    }
}

impl Spread {
    fn contacts(&mut self, context: &DetectionContext<'_>) -> &mut Contacts {
        let contacts = self.trees.entry(&context.table.responsible_for(context.process), Contacts::default);
        if context.at().since(contacts.since) > WINDOW {
            *contacts = Contacts { since: context.at(), ..Contacts::default() };
        }
        contacts
    }

    fn connected(&mut self, context: &DetectionContext<'_>, connect: &Connect) -> Option<Finding> {
        let destination = connect.flow.destination;
        if connect.flow.protocol != Protocol::Tcp
            || !is_entrance(destination.port())
            || !network::leaves_host(destination)
        {
            return None;
        }
        let contacts = self.contacts(context);
        if contacts.reported_scan || contacts.answered.len() + contacts.unanswered.len() >= MAX_HOSTS {
            return None;
        }
        let address = destination.ip().to_canonical();
        let hosts = if connect.result == 0 { &mut contacts.answered } else { &mut contacts.unanswered };
        hosts.insert(address);
        let silent = contacts.unanswered.len();
        let all = silent + contacts.answered.difference(&contacts.unanswered).count();
        if all < HOSTS || silent < UNANSWERED {
            return None;
        }
        contacts.reported_scan = true;
        let name = &context.process.view.name;
        let detail = format!(
            "'{name}' and its relatives tried {all} hosts on port {} and the like",
            destination.port()
        );
        let finding = Finding::new(SPREAD, context, detail)
            .measured("hosts", all, Threshold::at_least(HOSTS))
            .measured("unanswered", silent, Threshold::at_least(UNANSWERED))
            .value("port", u32::from(destination.port()))
            .technique("T1046");
        Some(finding.full())
    }

    fn logged_in(&mut self, context: &DetectionContext<'_>) -> Option<Finding> {
        let command = context.command?;
        if !command.is(&["ssh", "scp", "sshpass"]) || !ignores_keys(&command) {
            return None;
        }
        let host = host_of(&command)?;
        let contacts = self.contacts(context);
        if contacts.reported_logins || contacts.logins.len() >= MAX_HOSTS {
            return None;
        }
        contacts.logins.insert(host.to_owned());
        let hosts = contacts.logins.len();
        if hosts < LOGINS {
            return None;
        }
        contacts.reported_logins = true;
        let detail = format!("ssh was started for {hosts} hosts whose keys it was told to ignore");
        let info = SignalInfo { kind: SignalKind::Step, ..SPREAD };
        Some(
            Finding::new(info, context, detail)
                .measured("hosts", hosts, Threshold::at_least(LOGINS))
                .technique("T1021.004"),
        )
    }
}

/// Whether worms come in through a port: ssh, telnet, Docker, Redis, the kubelet, databases and message brokers.
fn is_entrance(port: u16) -> bool {
    matches!(
        port,
        22 | 23
            | 2222
            | 2375
            | 2376
            | 2379
            | 4243
            | 5432
            | 5984
            | 6379
            | 8088
            | 8500
            | 9200
            | 10_250
            | 10_255
            | 11_211
            | 27_017
    )
}

fn scanner(context: &DetectionContext<'_>) -> Option<Finding> {
    const SCANNERS: [&str; 14] = [
        "masscan",
        "zmap",
        "zgrab",
        "zgrab2",
        "pnscan",
        "nmap",
        "rustscan",
        "naabu",
        "unicornscan",
        "hydra",
        "medusa",
        "ncrack",
        "fscan",
        "libredtail-http",
    ];
    let command = context.command?;
    if !command.is(&SCANNERS) || context.process.role == Role::TextViewer {
        return None;
    }
    let detail = format!("'{}' scans networks", context.process.view.name);
    Some(Finding::new(SCANNER, context, detail).value("path", &context.process.view.executable.path))
}

/// Whether ssh is told to trust any host.
fn ignores_keys(command: &Command<'_>) -> bool {
    command.arguments().any(|argument| {
        let lower = argument.to_ascii_lowercase().replace(' ', "=");
        [
            "stricthostkeychecking=no",
            "stricthostkeychecking=off",
            "userknownhostsfile=/dev/null",
            "userknownhostsfile=none",
        ]
        .iter()
        .any(|option| lower.contains(option))
    })
}

/// Returns the host that ssh or scp is told.
fn host_of<'a>(command: &Command<'a>) -> Option<&'a str> {
    /// The options of ssh(1) and scp(1) that have a value.
    const VALUED: &str = "BbcDEeFIiJLlmOopQRSWwPX";
    let mut arguments =
        command.arguments().skip_while(|argument| command.is(&["sshpass"]) && *argument != "ssh");
    if command.is(&["sshpass"]) {
        arguments.next();
    }
    let mut found = None;
    while let Some(argument) = arguments.next() {
        if let Some(option) = argument.strip_prefix('-') {
            if option.len() == 1 && option.chars().all(|letter| VALUED.contains(letter)) {
                arguments.next();
            }
            continue;
        }
        let host = argument.rsplit_once('@').map_or(argument, |(_, host)| host);
        if command.is(&["scp"]) {
            // One side of a copy has a host.
            match host.split_once(':') {
                Some((host, _)) if !host.contains('/') => return Some(host),
                _ => continue,
            }
        }
        found = Some(host);
        break;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    const NONE: [(&str, u8); 0] = [];

    /// Connects to many hosts and returns the findings. Of ten hosts, `silent` do not answer.
    fn scan(
        path: &str,
        arguments: &[&str],
        hosts: usize,
        silent: usize,
        port: u16,
    ) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, path, arguments);
        for number in 0..hosts {
            let peer = format!("10.0.{}.{}:{port}", number / 200, number % 200 + 1);
            if number % 10 < silent {
                host.connect_fails(process, &peer, 111);
            } else {
                host.connect(process, &peer);
            }
        }
        findings_of(&[&DETECTOR], &host)
    }

    #[test]
    fn a_search_is_told_from_the_care_of_many_hosts() {
        assert_eq!(scan("/tmp/x", &["x"], 60, 9, 22), [("B11S", 30)]);
        assert_eq!(scan("/tmp/x", &["x"], 60, 9, 6379), [("B11S", 30)]);
        assert_eq!(scan("/usr/bin/prometheus", &["prometheus"], 200, 1, 10_250), NONE, "monitoring");
        assert_eq!(scan("/tmp/x", &["x"], 40, 9, 22), NONE, "few hosts");
        assert_eq!(scan("/usr/bin/chrome", &["chrome"], 200, 3, 443), NONE, "a browser");
        let ansible = ["python3", "/usr/bin/ansible-playbook", "x.yml"];
        assert_eq!(scan("/usr/bin/ansible-playbook", &ansible, 100, 9, 22), NONE);
    }

    #[test]
    fn logins_without_keys_are_counted_by_host() {
        let run = |hosts: &[&str], option: &str| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
            for peer in hosts {
                host.spawn(script, "/usr/bin/ssh", &["ssh", "-o", option, "-p", "22", *peer, "uptime"]);
            }
            findings_of(&[&DETECTOR], &host)
        };
        let many = ["root@a1", "root@b1", "root@c1", "root@d1", "root@e1", "root@f1"];
        assert_eq!(run(&many, "StrictHostKeyChecking=no"), [("B11S", 10)]);
        assert_eq!(run(&many, "UserKnownHostsFile=/dev/null"), [("B11S", 10)]);
        assert_eq!(run(&many, "UserKnownHostsFile=/root/hosts"), NONE);
        assert_eq!(run(&many, "ConnectTimeout=5"), NONE);
        assert_eq!(run(&["root@a1"; 9], "StrictHostKeyChecking=no"), NONE);
    }

    #[test]
    fn a_scanner_is_a_hint() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        host.spawn(init, "/usr/bin/masscan", &["masscan", "10.0.0.0/8"]);
        host.spawn(init, "/usr/bin/grep", &["grep", "masscan"]);
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B11N", 5)]);
        assert!(crate::testing::alerts(&host).is_empty());
    }
}
