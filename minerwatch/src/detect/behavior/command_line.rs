//! B9: the command line of a miner.
//!
//! A server and a wallet count less if other programs have such options, too. They do not count if a word says that the
//! program is a wallet, or watches one.
//!
//! One miner's option alone can stand on any command line. Two options of different kinds, each an argument of its own,
//! stand only where somebody starts a miner, or reads about one, or pays. Readers and programs that pass a command line
//! on are left out, but only if the file of the program is the system's own, and only where their grammar has such
//! words: `bash -o pool:443` is no line for a shell. The program that gets the line is inspected itself.
//!
//! Sources of the options: the usage texts of XMRig, `SRBMiner`, cpuminer and its forks, `lolMiner`, T-Rex, Rigel, the
//! miners of DERO, XELIS and Kaspa.

pub(super) mod tokens;

use super::is_program;
use crate::{
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{AccountHasher, EventType, SignalClass},
    process::{Process, Role, base_name},
};
use tokens::Tokens;

/// Minimum number of different kinds of miner's options on the command line. One kind alone may be chance.
const KINDS: usize = 2;

/// Points for a server and a wallet in options that other programs have, too.
const VAGUE: u8 = 60;

/// The signal. In the full form, the command line names a wallet and a pool, which is conclusive.
pub const MINER_COMMAND_LINE: SignalInfo = SignalInfo {
    id: "B9",
    class: SignalClass::Behavior,
    weight: 70,
    full_weight: 100,
    kind: SignalKind::Mining,
    name: "Command line of a miner",
    description: "At least two things only miners are told: a stratum address, a wallet with a pool, an algorithm, a donation level.",
    catches: "A miner under any name, known by what it was told to do.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[MINER_COMMAND_LINE],
    wants: &[EventType::Exec, EventType::RunningProcess],
    evictions: None,
    create: |settings| Box::new(CommandLines { accounts: settings.accounts.clone() }),
};

#[derive(Debug)]
struct CommandLines {
    accounts: AccountHasher,
}

impl Detector for CommandLines {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        findings.add(inspect(&self.accounts, context));
    }
}

fn inspect(accounts: &AccountHasher, context: &DetectionContext<'_>) -> Option<Finding> {
    if !is_program(context) {
        return None;
    }
    let arguments = told(context)?;
    let tokens = Tokens::of(arguments);
    if tokens.kinds() < KINDS {
        return None;
    }
    let conclusive = tokens.conclusive();
    let detail = if conclusive {
        format!("'{}' was started with a mining pool and a wallet", context.process.view.name)
    } else if tokens.is_vague() {
        format!("'{}' was started with a server and a wallet", context.process.view.name)
    } else {
        format!("'{}' was started with options of a miner", context.process.view.name)
    };
    let account = tokens.wallet.map(|wallet| accounts.account(wallet));
    let mut finding = Finding::new(MINER_COMMAND_LINE, context, detail).mining_for(account.as_ref());
    for (name, value) in [
        ("stratum", tokens.stratum),
        ("pool", tokens.endpoint),
        ("wallet", tokens.wallet),
        ("option", tokens.option),
    ] {
        if let Some(value) = value {
            finding = finding.value(name, value);
        }
    }
    if tokens.is_vague() {
        finding.signal.weight = VAGUE;
    }
    Some(if conclusive { finding.full().conclusive() } else { finding })
}

/// Programs that run the rest of their command line as another program, or send it to another host.
const WRAPPERS: [&str; 75] = [
    "ip",
    "nohup",
    "sudo",
    "doas",
    "timeout",
    "env",
    "nice",
    "ionice",
    "taskset",
    "chrt",
    "setsid",
    "stdbuf",
    "unshare",
    "nsenter",
    "chroot",
    "setpriv",
    "runuser",
    "su",
    "xargs",
    "time",
    "strace",
    "ltrace",
    "flock",
    "systemd-run",
    "systemd-nspawn",
    "docker",
    "podman",
    "nerdctl",
    "crictl",
    "ctr",
    "kubectl",
    "tmux",
    "screen",
    "ssh",
    "parallel",
    "numactl",
    "proxychains4",
    "torsocks",
    "cpulimit",
    "faketime",
    "watch",
    "script",
    "start-stop-daemon",
    "daemonize",
    "catatonit",
    "prlimit",
    "busybox",
    "toybox",
    "coreutils",
    "pkexec",
    "sg",
    "setarch",
    "choom",
    "capsh",
    "runcon",
    "aa-exec",
    "firejail",
    "bwrap",
    "nsjail",
    "schroot",
    "dbus-run-session",
    "tini",
    "dumb-init",
    "docker-init",
    "gosu",
    "su-exec",
    "chpst",
    "cgexec",
    "proxychains",
    "tsocks",
    "trickle",
    "rlwrap",
    "perf",
    "gdb",
    "valgrind",
];

/// Returns the arguments that the program itself is told, or `None` if none of them are for it.
fn told<'a>(context: &DetectionContext<'a>) -> Option<&'a [std::sync::Arc<str>]> {
    let process = context.process;
    let arguments = &*process.view.arguments;
    if !process.is_of_system() || is_replaced(context) {
        return Some(arguments);
    }
    match process.role {
        Role::TextViewer | Role::Downloader => None,
        Role::Shell | Role::LoginShell => Some(own_options(arguments)),
        // An interpreter that runs a script is inspected as the script.
        _ if WRAPPERS.contains(&base_name(&process.view.executable.path)) => None,
        _ => Some(arguments),
    }
}

/// Returns the options of a shell itself: what stands before its script or the code that it runs.
fn own_options(arguments: &[std::sync::Arc<str>]) -> &[std::sync::Arc<str>] {
    let is_option = |argument: &str| argument.starts_with(['-', '+']) && argument.len() > 1;
    let mut end = 1;
    while let Some(argument) = arguments.get(end).filter(|argument| is_option(argument)) {
        let is_code = !argument.starts_with("--") && argument.contains(['c', 's']);
        if is_code || &**argument == "--" {
            break;
        }
        // These options have a value.
        let has_value =
            matches!(&**argument, "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file" | "-u" | "-p");
        end += if has_value { 2 } else { 1 };
    }
    arguments.get(..end.min(arguments.len())).unwrap_or_default()
}

/// Whether somebody wrote the file of the program, other than a package manager.
fn is_replaced(context: &DetectionContext<'_>) -> bool {
    let Process { view, .. } = context.process;
    let container = context.process.container_id().map(AsRef::as_ref);
    context.known.written.find(&view.executable.path, view.executable.file, container).is_some()
}

#[cfg(test)]
mod tests {
    use crate::{
        model::AccountHasher,
        testing::{Host, alerts, findings},
    };

    const MONERO: &str =
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
    const BITCOIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    const ETHEREUM: &str = "0x52908400098527886E0F7030069857D2E4169EE7";

    fn run(path: &str, arguments: &[&str]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        host.spawn(init, path, arguments);
        findings(&host)
    }

    #[test]
    fn command_lines_of_miners_are_found() {
        let worker = format!("{BITCOIN}.rig1");
        let user = format!("stratum1+ssl://{MONERO}.x@pool.example:443");
        let equals = format!("--user={MONERO}");
        let list = format!("{MONERO};{BITCOIN}");
        let (glued, both) = (format!("-u{MONERO}"), format!("{MONERO}@pool.example:443"));
        let login = format!("--login={MONERO}");
        let aleo = format!("aleo1{}", "q0p9z8r7y6x5w4v3".repeat(4).chars().take(58).collect::<String>());
        let cases: [(&[&str], u8); 36] = [
            (&["x", "-epool", "pool.example:4444", "-ewal", ETHEREUM, "-eworker", "rig"], 100),
            (&["x", "-zpool", "pool.example:4444", "-zwal", "me"], 70),
            (&["x", "-algo", "randomx", "-wallet", MONERO, "-pool1", "pool.example:443"], 100),
            (&["x", "--pool", "aleo.pool.example:10003", "--address", &aleo, "--custom_name", "rig"], 100),
            (&["x", "--host", "10.0.0.5", "--rpc-port", "18081", "--wallet", MONERO, "--mini"], 60),
            (&["x", "-opool.example:443", &glued, "-px"], 100),
            (&["x", "-o10.0.0.5:443", "-arx/0", "-ume"], 70),
            (&["x", "--pool-url", "pool.example:443", "--wallet-address", MONERO], 60),
            (&["x", "--host", "pool.example:443", "--address", MONERO, "--threads", "4"], 60),
            (&["x", "--server=pool.example", "--port=443", &login], 60),
            (&["x", "--server", "pool.example:443", "--wallet", MONERO, "--algo", "rx/0"], 100),
            (&["x", "--pool", "pool.example", "--port", "443", "--wallet", MONERO], 100),
            (&["x", MONERO, "pool.example:443"], 60),
            (&["x", "pool.example:443", MONERO, "4"], 60),
            (&["x", &both], 60),
            (&["x", "-E", "pool.example:443", "-U", MONERO], 60),
            (&["x", "--url", "10.0.0.5:50002", "--address", BITCOIN], 60),
            (&["x", "-o", "10.0.0.5:3333", "-u", ETHEREUM], 100),
            (&["x", "--algo", "scrypt", "-o", "10.0.0.5:3333", "-u", "me"], 70),
            (&["x", "--av=2", "-o", "10.0.0.5:3333", "-u", "me"], 70),
            (
                &[
                    "x",
                    "--algorithm",
                    "randomx;ethash",
                    "--pool",
                    "pool.example:3333;b.example:1",
                    "--wallet",
                    &list,
                ],
                100,
            ),
            (&["x", "--algorithm-cpu", "randomvirel", "--pool", "a.example:80!b.example:80"], 70),
            (&["x", "-a", "yespowerr16", "-o", "10.0.0.5:80", "-u", "me"], 70),
            (&["x", "-a", "verushash", "--server", "pool.example", "--port", "4444", "--user", BITCOIN], 100),
            (&["x", "--daemon-address", "10.0.0.5:8080", "--miner-address", BITCOIN], 100),
            (&["x", "-d", "10.0.0.5:10100", "-w", BITCOIN], 100),
            (&["x", "-pool", "pool.example:443", "-wal", MONERO], 100),
            (&["x", "-o", "pool.example:3333", "-u", MONERO, "-p", "x"], 100),
            (&["x", "--url=pool.example:443", &equals, "--tls"], 100),
            (&["x", "-o", "stratum+tcp://10.0.0.5:3333", "-u", &worker], 100),
            (&["x", "-P", &user], 100),
            (&["x", "-o", "stratum+tcp://10.0.0.5:3333", "-u", "me", "--donate-level", "1"], 70),
            (&["x", "-o", "10.0.0.5:3333", "-a", "rx/0"], 70),
            (&["x", "--coin", "monero", "-o", "10.0.0.5:80"], 70),
            (&["x", "--coin=XMR", "--url", "pool.example:80"], 70),
            (&["x", "-u", MONERO, "--randomx-1gb-pages"], 70),
        ];
        for (arguments, weight) in cases {
            assert_eq!(run("/usr/bin/x", arguments), [("B9", weight)], "{arguments:?}");
        }
        assert_eq!(
            run("/usr/bin/python3", &["python3", "m.py", "-o", "10.0.0.5:80", "-u", MONERO]),
            [("B9", 100)]
        );
        assert_eq!(run("/usr/bin/bash", &["bash", "-o", "pool.example:443", "-u", MONERO]), [("B9", 100)]);
        assert_eq!(run("/tmp/bash", &["bash", "-c", "x", "-o", "10.0.0.5:80", "-u", MONERO]), [("B9", 100)]);
        assert_eq!(run("/var/lib/x/tini", &["tini", "-o", "10.0.0.5:80", "-u", MONERO]), [("B9", 100)]);
        assert_eq!(run("/var/lib/x/sudo", &["sudo", "-o", "10.0.0.5:80", "-u", MONERO]), [("B9", 100)]);
        assert_eq!(run("/usr/../tmp/curl", &["curl", "-o", "10.0.0.5:80", "-u", MONERO]), [("B9", 100)]);
        // A program named like a text viewer is inspected if it lies outside the system directories.
        assert_eq!(run("/var/lib/x/grep", &["grep", "-o", "10.0.0.5:80", "-u", MONERO]), [("B9", 100)]);
    }

    #[test]
    fn an_alert_names_the_account_of_the_wallet() {
        let accounts = |arguments: &[&str]| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, "/usr/bin/x", arguments);
            let alerts = alerts(&host);
            let suspects = alerts.last().map(|alert| alert.suspects.clone()).unwrap_or_default();
            suspects.into_iter().flat_map(|suspect| suspect.accounts).collect::<Vec<_>>()
        };
        let hasher = AccountHasher::default();
        let monero = vec![hasher.account(MONERO)];
        let (worker, user) = (format!("{MONERO}/rig"), format!("--user={MONERO}+5000"));
        let url = format!("stratum1+ssl://{MONERO}.x@pool.example:443");
        assert_eq!(accounts(&["x", "-o", "pool.example:3333", "-u", MONERO]), monero);
        assert_eq!(accounts(&["x", "-o", "pool.example:3333", &user]), monero);
        assert_eq!(accounts(&["x", "-P", &url]), monero);
        assert_eq!(accounts(&["x", "-o", "10.0.0.5:3333", "-u", BITCOIN]), [hasher.account(BITCOIN)]);
        assert_ne!(hasher.account(BITCOIN).hash, hasher.account(MONERO).hash);
        // A path is no wallet for the signal, but the login of such a miner names the account.
        assert!(accounts(&["x", "-o", "10.0.0.5:3333", "-u", &worker]).is_empty());
    }

    #[test]
    fn other_command_lines_are_not_found() {
        let quoted = format!("x -o stratum+tcp://10.0.0.5:3333 -u {MONERO}");
        let api = format!("https://pool.example:443/api/{MONERO}/stats");
        let line = ["xmrig", "-o", "10.0.0.5:80", "-u", MONERO];
        let wrapped = |words: &[&'static str]| [words, &line[..]].concat();
        for (path, words) in [
            ("/usr/sbin/ip", wrapped(&["ip", "netns", "exec", "b"])),
            ("/usr/bin/nohup", wrapped(&["nohup"])),
            ("/usr/bin/sudo", wrapped(&["sudo", "-u", "www-data"])),
            ("/usr/bin/timeout", wrapped(&["timeout", "60"])),
            ("/usr/bin/env", wrapped(&["env", "A=b"])),
            ("/usr/bin/docker", wrapped(&["docker", "run", "image"])),
            ("/usr/lib/cargo/bin/coreutils", wrapped(&["nohup"])),
            ("/bin/busybox", wrapped(&["busybox", "nohup"])),
            ("/usr/bin/setpriv", wrapped(&["setpriv", "--reuid", "33"])),
            ("/usr/bin/chrt", wrapped(&["chrt", "--idle", "0"])),
            ("/usr/bin/flock", wrapped(&["flock", "-n", "/run/lock/x"])),
            ("/usr/bin/env", wrapped(&["env", "-S"])),
            ("/usr/bin/pkexec", wrapped(&["pkexec"])),
            ("/usr/bin/bwrap", wrapped(&["bwrap", "--bind", "/", "/"])),
            ("/usr/bin/tini", wrapped(&["tini", "--"])),
            ("/usr/bin/bash", wrapped(&["bash", "/srv/test.sh"])),
            ("/usr/bin/dash", wrapped(&["sh", "-c", "exec \"$@\"", "sh"])),
        ] {
            assert!(run(path, &words).is_empty(), "{words:?}");
        }
        let cases: [(&str, &[&str]); 34] = [
            ("/opt/ethexp", &["ethexp", "--url", "http://10.0.0.5:8545", "--address", ETHEREUM]),
            ("/opt/signer", &["sgn", "--url", "http://10.0.0.5:9000", "--address", ETHEREUM]),
            (
                "/opt/multisig",
                &["multisig", "--node", "10.0.0.5:80", "--wallet", ETHEREUM, "sign", "tx.json"],
            ),
            ("/opt/btcwatch", &["btcwatch", "--server", "electrum.example:50002", "--address", BITCOIN]),
            ("/opt/x", &["x", "--server", "10.0.0.5:50002", "--address", BITCOIN, "--confirmations", "6"]),
            ("/opt/x", &["x", "--host", "10.0.0.5:50002", "balance", BITCOIN]),
            ("/opt/shop", &["x", "--db-host", "db.example:5432", "--hot-wallet", BITCOIN]),
            ("/opt/shop", &["x", "--api", "https://api.example:443", "--hot-wallet", BITCOIN]),
            (
                "/opt/mqttb",
                &["mqttb", "--server", "mqtt.example:8883", "--user", "D7xKm9QpRt3vWz2bN5cY8sHfGjLq"],
            ),
            ("/opt/train", &["train", "--server", "ml.example:5000", "--algorithm", "randomcutforest"]),
            ("/opt/lbal", &["lbal", "--server", "ml.example:5000", "--algorithm", "random2choices"]),
            ("/opt/ldapsync", &["ldapsync", "--url", "ldap.example:636", "--algorithm", "yescrypt"]),
            ("/opt/avscan", &["avscan", "--server", "smtp.example:25", "--av", "clamd"]),
            ("/opt/x", &["x", "--listen", "0.0.0.0:8080", "--randomx-init", "4"]),
            ("/usr/bin/electrum", &["electrum", "--server", "10.0.0.5:50002:s", "payto", BITCOIN, "0.1"]),
            (
                "/usr/bin/monero-wallet-cli",
                &["monero-wallet-cli", "--daemon-address", "10.0.0.5:18081", "transfer", MONERO, "1"],
            ),
            (
                "/usr/bin/bitcoin-cli",
                &["bitcoin-cli", "--server", "10.0.0.5:8332", "sendtoaddress", "--address", BITCOIN],
            ),
            ("/usr/bin/balancer", &["balancer", "--algorithm", "random", "--server", "10.0.0.5:80"]),
            ("/usr/bin/train", &["train", "--algo", "randomforest", "--server", "10.0.0.5:80"]),
            ("/usr/bin/bash", &["bash", "-e", "/srv/pool.sh", "--pool", "10.0.0.5:80", "--wallet", BITCOIN]),
            ("/usr/bin/grep", &["grep", "-r", "stratum+tcp://", "--donate-level"]),
            ("/usr/bin/vim", &["vim", "stratum+tcp://x", "--donate-level"]),
            ("/usr/bin/less", &["less", "--donate-level", "stratum+tcp://x"]),
            ("/usr/bin/bash", &["bash", "-c", &quoted]),
            ("/usr/bin/mail", &["mail", "-s", &quoted]),
            ("/usr/bin/curl", &["curl", "--url", &api]),
            ("/usr/bin/client", &["client", "--url", &api]),
            ("/usr/bin/ssh", &["ssh", "-o", "ProxyCommand=none", "host"]),
            ("/usr/bin/bitcoin-cli", &["bitcoin-cli", "sendtoaddress", BITCOIN, "0.1"]),
            ("/usr/bin/gcc", &["gcc", "-o", "out.o", "-a", "x.c"]),
            ("/usr/bin/shasum", &["shasum", "-a", "256", "x"]),
            ("/usr/bin/proxy", &["proxy", "-o", "10.0.0.5:3333"]),
            ("/usr/bin/openssl", &["openssl", "speed", "scrypt"]),
            ("/usr/bin/x", &[]),
        ];
        for (path, arguments) in cases {
            assert!(run(path, arguments).is_empty(), "{arguments:?}");
        }
    }
}
