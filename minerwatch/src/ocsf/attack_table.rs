//! Names and tactics of the techniques that signals indicate.

/// A technique or a subtechnique of MITRE ATT&CK for Linux.
#[derive(Debug)]
pub(super) struct Technique {
    pub id: &'static str,
    pub name: &'static str,
    /// The ids of the tactics.
    pub tactics: &'static [&'static str],
}

const fn row(id: &'static str, name: &'static str, tactics: &'static [&'static str]) -> Technique {
    Technique { id, name, tactics }
}

const ACCESS: &str = "TA0001";
const EXECUTION: &str = "TA0002";
const PERSISTENCE: &str = "TA0003";
const ESCALATION: &str = "TA0004";
const EVASION: &str = "TA0005";
const CREDENTIALS: &str = "TA0006";
const DISCOVERY: &str = "TA0007";
const LATERAL: &str = "TA0008";
const EXFILTRATION: &str = "TA0010";
const CONTROL: &str = "TA0011";
const IMPACT: &str = "TA0040";

/// The tactics: id and name.
pub(super) const TACTICS: &[(&str, &str)] = &[
    (ACCESS, "Initial Access"),
    (EXECUTION, "Execution"),
    (PERSISTENCE, "Persistence"),
    (ESCALATION, "Privilege Escalation"),
    (EVASION, "Defense Evasion"),
    (CREDENTIALS, "Credential Access"),
    (DISCOVERY, "Discovery"),
    (LATERAL, "Lateral Movement"),
    (EXFILTRATION, "Exfiltration"),
    (CONTROL, "Command and Control"),
    (IMPACT, "Impact"),
];

/// The techniques, with the technique of each subtechnique.
pub(super) const TECHNIQUES: &[Technique] = &[
    row("T1003", "OS Credential Dumping", &[CREDENTIALS]),
    row("T1003.008", "/etc/passwd and /etc/shadow", &[CREDENTIALS]),
    row("T1014", "Rootkit", &[EVASION]),
    row("T1021", "Remote Services", &[LATERAL]),
    row("T1021.004", "SSH", &[LATERAL]),
    row("T1036", "Masquerading", &[EVASION]),
    row("T1036.004", "Masquerade Task or Service", &[EVASION]),
    row("T1036.005", "Match Legitimate Resource Name or Location", &[EVASION]),
    row("T1037", "Boot or Logon Initialization Scripts", &[PERSISTENCE, ESCALATION]),
    row("T1037.004", "RC Scripts", &[PERSISTENCE, ESCALATION]),
    row("T1046", "Network Service Discovery", &[DISCOVERY]),
    row("T1048", "Exfiltration Over Alternative Protocol", &[EXFILTRATION]),
    row("T1048.003", "Exfiltration Over Unencrypted Non-C2 Protocol", &[EXFILTRATION]),
    row("T1053", "Scheduled Task/Job", &[EXECUTION, PERSISTENCE, ESCALATION]),
    row("T1053.002", "At", &[EXECUTION, PERSISTENCE, ESCALATION]),
    row("T1053.003", "Cron", &[EXECUTION, PERSISTENCE, ESCALATION]),
    row("T1053.006", "Systemd Timers", &[EXECUTION, PERSISTENCE, ESCALATION]),
    row("T1055", "Process Injection", &[ESCALATION, EVASION]),
    row("T1055.008", "Ptrace System Calls", &[ESCALATION, EVASION]),
    row("T1057", "Process Discovery", &[DISCOVERY]),
    row("T1059", "Command and Scripting Interpreter", &[EXECUTION]),
    row("T1059.004", "Unix Shell", &[EXECUTION]),
    row("T1070", "Indicator Removal", &[EVASION]),
    row("T1070.002", "Clear Linux or Mac System Logs", &[EVASION]),
    row("T1070.003", "Clear Command History", &[EVASION]),
    row("T1070.004", "File Deletion", &[EVASION]),
    row("T1071", "Application Layer Protocol", &[CONTROL]),
    row("T1071.001", "Web Protocols", &[CONTROL]),
    row("T1071.004", "DNS", &[CONTROL]),
    row("T1090", "Proxy", &[CONTROL]),
    row("T1098", "Account Manipulation", &[PERSISTENCE, ESCALATION]),
    row("T1098.004", "SSH Authorized Keys", &[PERSISTENCE, ESCALATION]),
    row("T1105", "Ingress Tool Transfer", &[CONTROL]),
    row("T1136", "Create Account", &[PERSISTENCE]),
    row("T1136.001", "Local Account", &[PERSISTENCE]),
    row("T1190", "Exploit Public-Facing Application", &[ACCESS]),
    row("T1204", "User Execution", &[EXECUTION]),
    row("T1204.002", "Malicious File", &[EXECUTION]),
    row("T1222", "File and Directory Permissions Modification", &[EVASION]),
    row("T1222.002", "Linux and Mac File and Directory Permissions Modification", &[EVASION]),
    row("T1489", "Service Stop", &[IMPACT]),
    row("T1496", "Resource Hijacking", &[IMPACT]),
    row("T1496.001", "Compute Hijacking", &[IMPACT]),
    row("T1497", "Virtualization/Sandbox Evasion", &[EVASION, DISCOVERY]),
    row("T1497.002", "User Activity Based Checks", &[EVASION, DISCOVERY]),
    row("T1543", "Create or Modify System Process", &[PERSISTENCE, ESCALATION]),
    row("T1543.002", "Systemd Service", &[PERSISTENCE, ESCALATION]),
    row("T1543.005", "Container Service", &[PERSISTENCE, ESCALATION]),
    row("T1546", "Event Triggered Execution", &[PERSISTENCE, ESCALATION]),
    row("T1546.004", "Unix Shell Configuration Modification", &[PERSISTENCE, ESCALATION]),
    row("T1546.016", "Installer Packages", &[PERSISTENCE, ESCALATION]),
    row("T1546.017", "Udev Rules", &[PERSISTENCE, ESCALATION]),
    row("T1546.018", "Python Startup Hooks", &[PERSISTENCE, ESCALATION]),
    row("T1547", "Boot or Logon Autostart Execution", &[PERSISTENCE, ESCALATION]),
    row("T1547.006", "Kernel Modules and Extensions", &[PERSISTENCE, ESCALATION]),
    row("T1547.013", "XDG Autostart Entries", &[PERSISTENCE, ESCALATION]),
    row("T1548", "Abuse Elevation Control Mechanism", &[ESCALATION, EVASION]),
    row("T1548.003", "Sudo and Sudo Caching", &[ESCALATION, EVASION]),
    row("T1552", "Unsecured Credentials", &[CREDENTIALS]),
    row("T1552.001", "Credentials In Files", &[CREDENTIALS]),
    row("T1552.004", "Private Keys", &[CREDENTIALS]),
    row("T1552.005", "Cloud Instance Metadata API", &[CREDENTIALS]),
    row("T1554", "Compromise Host Software Binary", &[PERSISTENCE]),
    row("T1556", "Modify Authentication Process", &[CREDENTIALS, EVASION, PERSISTENCE]),
    row("T1556.003", "Pluggable Authentication Modules", &[CREDENTIALS, EVASION, PERSISTENCE]),
    row("T1562", "Impair Defenses", &[EVASION]),
    row("T1562.001", "Disable or Modify Tools", &[EVASION]),
    row("T1562.004", "Disable or Modify System Firewall", &[EVASION]),
    row("T1564", "Hide Artifacts", &[EVASION]),
    row("T1564.001", "Hidden Files and Directories", &[EVASION]),
    row("T1564.013", "Bind Mounts", &[EVASION]),
    row("T1571", "Non-Standard Port", &[CONTROL]),
    row("T1573", "Encrypted Channel", &[CONTROL]),
    row("T1574", "Hijack Execution Flow", &[PERSISTENCE, ESCALATION, EVASION]),
    row("T1574.006", "Dynamic Linker Hijacking", &[PERSISTENCE, ESCALATION, EVASION]),
    row("T1611", "Escape to Host", &[ESCALATION]),
    row("T1620", "Reflective Code Loading", &[EVASION]),
];
