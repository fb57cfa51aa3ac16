//! B9: the command line of a miner.
//!
//! One miner's option alone can stand on any command line. Two options of different kinds, each an argument of its own,
//! stand only where somebody starts a miner or reads about one. Text viewers and downloaders are left out, and shells
//! too, because the programs that they start are inspected themselves.

use super::is_program;
use crate::{
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{AccountHasher, EventType, SignalClass, wallet::names_wallet},
    process::Role,
};

/// Minimum number of different kinds of miner's options on the command line. One kind alone may be chance.
const KINDS: usize = 2;

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

/// The miner's options on a command line: the first argument of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tokens<'a> {
    /// A stratum address.
    stratum: Option<&'a str>,
    /// A host and port as the value of a pool option.
    endpoint: Option<&'a str>,
    /// A wallet of a currency.
    wallet: Option<&'a str>,
    /// An option or value that only miners know.
    option: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    fn of(arguments: impl Iterator<Item = &'a str>) -> Self {
        let mut tokens = Self::default();
        let mut before = "";
        for argument in arguments.skip(1) {
            // Text that quotes a command line contains spaces. A single option does not.
            if !argument.bytes().any(|byte| byte.is_ascii_whitespace()) {
                tokens.add(before, argument);
            }
            before = argument;
        }
        tokens
    }

    fn add(&mut self, before: &str, argument: &'a str) {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, value),
            _ if argument.starts_with('-') => (argument, ""),
            _ => (before, argument),
        };
        if is_stratum(value) {
            self.stratum.get_or_insert(argument);
        }
        if is_miner_option(name) || is_miner_value(name, value) {
            self.option.get_or_insert(argument);
        }
        if matches!(name, "-o" | "--url" | "--pool" | "-P" | "--server" | "-pool") && is_endpoint(value) {
            self.endpoint.get_or_insert(argument);
        }
        if names_wallet(value) {
            self.wallet.get_or_insert(argument);
        }
    }

    /// Returns the number of different kinds. A stratum address and a pool endpoint are one kind.
    fn kinds(&self) -> usize {
        [self.stratum.or(self.endpoint), self.wallet, self.option].iter().flatten().count()
    }

    /// Whether the command line names both a pool and a wallet.
    fn conclusive(&self) -> bool {
        self.wallet.is_some() && (self.stratum.is_some() || self.endpoint.is_some())
    }
}

fn inspect(accounts: &AccountHasher, context: &DetectionContext<'_>) -> Option<Finding> {
    if !is_program(context) {
        return None;
    }
    match context.process.role {
        Role::TextViewer | Role::Downloader | Role::Shell | Role::LoginShell => return None,
        Role::Kernel
        | Role::Init
        | Role::LoginService
        | Role::Scheduler
        | Role::ContainerRuntime
        | Role::JobRunner
        | Role::Interpreter
        | Role::Service
        | Role::PackageManager
        | Role::Other => {}
    }
    let tokens = Tokens::of(context.process.view.arguments.iter().map(AsRef::as_ref));
    if tokens.kinds() < KINDS {
        return None;
    }
    let conclusive = tokens.conclusive();
    let detail = if conclusive {
        format!("'{}' was started with a mining pool and a wallet", context.process.view.name)
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
    Some(if conclusive { finding.full().conclusive() } else { finding })
}

/// Whether a value is a pool URL: `stratum+tcp://`, `stratum2+ssl://`, `stratum://` and the like.
fn is_stratum(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    !rest.is_empty()
        && (scheme.starts_with("stratum")
            || matches!(scheme, "daemon+http" | "daemon+https" | "ethproxy+tcp" | "eth-proxy+tcp"))
}

/// Whether a value is a host name or address with a port, optionally with a scheme and a user.
fn is_endpoint(value: &str) -> bool {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split_once('/').map_or(rest, |(host, _)| host);
    let Some((host, port)) = rest.rsplit_once(':') else { return false };
    host.contains(['.', ':'])
        && host.len() >= 4
        && host
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | ':' | '[' | ']' | '_'))
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_miner_option(name: &str) -> bool {
    matches!(
        name,
        "--donate-level"
            | "--donate-over-proxy"
            | "--nicehash"
            | "--rig-id"
            | "--cpu-max-threads-hint"
            | "--cpu-memory-pool"
            | "--cpu-no-yield"
            | "--huge-pages-jit"
            | "--asm-variant"
            | "--av"
    ) || name.starts_with("--randomx-")
        || name.starts_with("--argon2-impl")
}

fn is_miner_value(name: &str, value: &str) -> bool {
    match name {
        "-a" | "--algo" | "--algorithm" | "-algo" => is_algorithm(value),
        "--coin" | "-coin" => {
            let value = value.to_ascii_lowercase();
            matches!(
                value.as_str(),
                "monero" | "xmr" | "arqma" | "dero" | "keva" | "ravencoin" | "rvn" | "wownero" | "zephyr"
            )
        }
        _ => false,
    }
}

fn is_algorithm(value: &str) -> bool {
    const FAMILIES: [&str; 9] =
        ["rx/", "cn/", "cn-lite/", "cn-heavy/", "cn-pico", "argon2/", "yespower", "verus", "autolykos"];
    const NAMES: [&str; 15] = [
        "randomx",
        "cryptonight",
        "ethash",
        "etchash",
        "kawpow",
        "ghostrider",
        "gr",
        "sha256d",
        "scrypt",
        "x11",
        "x16r",
        "x16rv2",
        "lyra2rev3",
        "equihash",
        "panthera",
    ];
    let value = value.to_ascii_lowercase();
    FAMILIES.iter().any(|family| value.starts_with(family)) || NAMES.contains(&value.as_str())
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
        let cases: [(&[&str], u8); 9] = [
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
        let cases: [(&str, &[&str]); 14] = [
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
