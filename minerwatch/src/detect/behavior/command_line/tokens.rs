//! The words of a command line that only miners are told.

use std::sync::Arc;

use crate::model::wallet::names_wallet;

/// The miner's options on a command line: the first argument of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens<'a> {
    /// A stratum address.
    pub(super) stratum: Option<&'a str>,
    /// A host and port as the value of a pool option.
    pub(super) endpoint: Option<&'a str>,
    /// A wallet of a currency.
    pub(super) wallet: Option<&'a str>,
    /// An option or value that only miners know.
    pub(super) option: Option<&'a str>,
    /// Whether the wallet is the value of an option for the account to mine for.
    is_account: bool,
    /// Whether the program is told to pay.
    pays: bool,
    /// A host as the value of a pool option, without a port.
    host: Option<&'a str>,
    /// Whether there is an option with a port.
    has_port: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(arguments: &'a [Arc<str>]) -> Self {
        let mut tokens = Self::default();
        let mut before = "";
        for argument in arguments.iter().skip(1) {
            // Text that quotes a command line contains spaces. A single option does not.
            if !argument.bytes().any(|byte| byte.is_ascii_whitespace()) {
                tokens.add(before, argument);
            }
            before = argument;
        }
        if tokens.has_port {
            tokens.endpoint = tokens.endpoint.or(tokens.host);
        }
        tokens
    }

    fn add(&mut self, before: &str, argument: &'a str) {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, value),
            _ if argument.starts_with('-') => (argument, ""),
            _ => (before, argument),
        };
        // Some miners take several algorithms, and for each of them several pools and wallets.
        let mut values = value.split([';', ',', '!']).filter(|value| !value.is_empty());
        if values.clone().any(is_stratum) {
            self.stratum.get_or_insert(argument);
        }
        if is_miner_option(name) || values.clone().any(|value| is_miner_value(name, value)) {
            self.option.get_or_insert(argument);
        }
        if is_pool_option(name) {
            if values.clone().any(is_endpoint) {
                self.endpoint.get_or_insert(argument);
            } else if values.clone().any(|value| value.contains('.')) {
                self.host.get_or_insert(argument);
            }
        }
        self.has_port |= name == "--port" && value.parse::<u16>().is_ok();
        if values.any(names_wallet) {
            let is_account = is_account_option(name) || value.contains("://");
            if self.wallet.is_none() || (is_account && !self.is_account) {
                self.wallet = Some(argument);
            }
            self.is_account |= is_account;
        }
        self.pays |= is_payment(argument);
    }

    /// Returns the number of different kinds. A stratum address and a pool endpoint are one kind, and a wallet counts
    /// beside an endpoint only if it is the account to mine for: who pays names a server and a wallet as well.
    pub(super) fn kinds(&self) -> usize {
        let is_payer = self.stratum.is_none() && (self.pays || !self.is_account);
        let wallet = self.wallet.filter(|_| !is_payer || (self.option.is_some() && !self.pays));
        [self.stratum.or(self.endpoint), wallet, self.option].iter().flatten().count()
    }

    /// Whether the command line names both a pool and a wallet.
    pub(super) fn conclusive(&self) -> bool {
        let names_pool = self.stratum.is_some() || (self.endpoint.is_some() && self.is_account && !self.pays);
        self.wallet.is_some() && names_pool
    }
}

/// Whether a value is a pool URL: `stratum+tcp://`, `stratum2+ssl://`, `stratum://` and the like.
fn is_stratum(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    !rest.is_empty()
        && (scheme.starts_with("stratum")
            || matches!(scheme, "daemon+http" | "daemon+https" | "ethproxy+tcp" | "eth-proxy+tcp" | "xatum"))
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

fn is_pool_option(name: &str) -> bool {
    matches!(
        name,
        "-o" | "--url"
            | "--pool"
            | "-P"
            | "--server"
            | "-pool"
            | "--pool1"
            | "-d"
            | "--daemon-address"
            | "--daemon-rpc-address"
            | "--kaspad-address"
            | "--node"
    )
}

fn is_account_option(name: &str) -> bool {
    matches!(
        name,
        "-u" | "--user"
            | "--username"
            | "-w"
            | "--wallet"
            | "-wal"
            | "--wal"
            | "--wallet-address"
            | "--address"
            | "--mining-address"
            | "--miner-address"
            | "--payment-address"
            | "--start-mining"
            | "-a"
            | "-O"
            | "--userpass"
    )
}

/// Whether an argument is a command of a wallet that pays.
fn is_payment(argument: &str) -> bool {
    matches!(
        argument,
        "transfer"
            | "transfer_original"
            | "sendtoaddress"
            | "sendmany"
            | "sendfrom"
            | "send"
            | "payto"
            | "pay"
            | "paytomany"
            | "sweep"
            | "sweep_all"
            | "withdraw"
            | "getreceivedbyaddress"
            | "getbalance"
            | "validateaddress"
            | "importaddress"
    )
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
            | "--algorithm-cpu"
            | "--algorithm-gpu"
            | "--disable-cpu-auto-affinity"
            | "--miner-address"
            | "--mining-address"
            | "--mining-threads"
            | "--start-mining"
    ) || name.starts_with("--randomx-")
        || name.starts_with("--argon2-impl")
}

fn is_miner_value(name: &str, value: &str) -> bool {
    match name {
        "-a" | "--algo" | "--algorithm" | "-algo" | "--algorithm-cpu" | "--algorithm-gpu" => {
            is_algorithm(value)
        }
        "--coin" | "-coin" => {
            let value = value.to_ascii_lowercase();
            matches!(
                value.as_str(),
                "monero"
                    | "xmr"
                    | "arqma"
                    | "dero"
                    | "keva"
                    | "ravencoin"
                    | "rvn"
                    | "wownero"
                    | "zephyr"
                    | "salvium"
                    | "xelis"
                    | "kaspa"
                    | "etc"
                    | "ergo"
            )
        }
        _ => false,
    }
}

/// Whether a value is the name of an algorithm of miners, or belongs to a family of such names.
fn is_algorithm(value: &str) -> bool {
    const FAMILIES: [&str; 32] = [
        "rx/",
        "cn/",
        "cn-lite/",
        "cn-heavy/",
        "cn-pico",
        "cryptonight",
        "argon2/",
        "argon2id_",
        "argon2d_",
        "yespower",
        "yescrypt",
        "verus",
        "autolykos",
        "xelis",
        "ghostrider",
        "panthera",
        "astrobwt",
        "cuckatoo",
        "cuckaroo",
        "beamhash",
        "equihash",
        "progpow",
        "kawpow",
        "ethash",
        "etchash",
        "minotaurx",
        "lyra2",
        "x16r",
        "karlsenhash",
        "pyrinhash",
        "heavyhash",
        "kheavyhash",
    ];
    const NAMES: [&str; 24] = [
        "gr",
        "sha256d",
        "sha256dt",
        "scrypt",
        "x11",
        "x17",
        "x21s",
        "argon2d250",
        "argon2d500",
        "argon2d4096",
        "power2b",
        "cpupower",
        "neoscrypt",
        "octopus",
        "nexapow",
        "fishhash",
        "firopow",
        "evrprogpow",
        "spectrex",
        "hoohash",
        "dynexsolve",
        "zelhash",
        "blake3_alephium",
        "curvehash",
    ];
    let value = value.to_ascii_lowercase();
    FAMILIES.iter().any(|family| value.starts_with(family))
        || NAMES.contains(&value.as_str())
        || is_random(&value)
}

/// Whether a name is one of the relatives of `RandomX`: `randomx`, `randomarq`, `randomvirel`. Other software chooses at
/// random, too.
fn is_random(value: &str) -> bool {
    const OTHERS: [&str; 9] =
        ["forest", "ized", "ize", "walk", "search", "tree", "sample", "sampling", "choice"];
    value.strip_prefix("random").is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !OTHERS.iter().any(|other| rest.starts_with(other))
    })
}
