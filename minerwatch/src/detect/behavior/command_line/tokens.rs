//! The words of a command line that only miners are told.

use std::sync::Arc;

use crate::{
    model::{
        miner_words::{
            is_algorithm, is_endpoint, is_miner_option, is_of_other_protocol, is_password_hash, is_stratum,
            is_web, names_other_service,
        },
        wallet::{is_ethereum_login, names_wallet},
    },
    process::base_name,
};

/// How certain the name of an option makes it that its value is for mining. The most certain name is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    /// Any other name, or no option at all.
    Loosely,
    /// A name that other programs use, too: `--server`, `--wallet`.
    Plainly,
    /// A name that most miners use: `--url`, `--user`.
    ForMining,
    /// A name that only miners use: `--pool`.
    AsPool,
}

/// The miner's options on a command line: the first argument of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what the words say: each is a fact of its own")]
pub(in crate::detect::behavior) struct Tokens<'a> {
    /// A stratum address.
    pub(in crate::detect::behavior) stratum: Option<&'a str>,
    /// A host and port: the value of a pool option, or any if there is a wallet, too.
    pub(in crate::detect::behavior) endpoint: Option<&'a str>,
    /// A wallet of a currency.
    pub(in crate::detect::behavior) wallet: Option<&'a str>,
    /// An option or value that only miners know.
    pub(in crate::detect::behavior) option: Option<&'a str>,
    /// An algorithm of miners that also hashes passwords.
    password_hash: Option<&'a str>,
    /// How the endpoint is named, if there is one.
    pool_named: Option<Named>,
    /// How the wallet is named, if there is one.
    account_named: Option<Named>,
    /// Whether a wallet is of another coin than Ethereum and its relatives, whose addresses many services have.
    is_coin: bool,
    /// Whether the program is told to pay.
    pays: bool,
    /// Whether a word says that the program is a wallet, or watches one.
    is_of_wallet: bool,
    /// A host and port as the value of any option, or of none.
    loose: Option<&'a str>,
    /// A host as the value of a pool option, without a port.
    host: Option<&'a str>,
    /// Whether there is an option with a port.
    has_port: bool,
}

impl<'a> Tokens<'a> {
    pub(in crate::detect::behavior) fn of(arguments: &'a [Arc<str>]) -> Self {
        let is_of_wallet = arguments.iter().any(|argument| is_word_of_wallet(argument))
            || arguments.iter().take(2).any(|argument| is_wallet_program(base_name(argument)));
        let mut tokens = Self { is_of_wallet, ..Self::default() };
        tokens.read(arguments.get(1..).unwrap_or_default());
        tokens
    }

    /// Reads a list of options and values. Unlike a command line, the list does not begin with the name of the program.
    pub(in crate::detect::behavior) fn of_settings(arguments: &'a [Arc<str>]) -> Self {
        let mut tokens = Self::default();
        tokens.read(arguments);
        tokens
    }

    fn read(&mut self, arguments: &'a [Arc<str>]) {
        let mut before = "";
        for argument in arguments {
            // Text that quotes a command line contains spaces. A single option does not.
            if !argument.bytes().any(|byte| byte.is_ascii_whitespace()) {
                self.add(before, argument);
            }
            before = argument;
        }
        if self.has_port {
            self.endpoint = self.endpoint.or(self.host);
        }
        if self.is_likely() {
            self.endpoint = self.endpoint.or(self.loose);
        }
        // An algorithm that also hashes passwords counts only beside the address of a pool.
        self.option = self.option.or(self.password_hash.filter(|_| self.stratum.is_some()));
    }

    fn add(&mut self, before: &str, argument: &'a str) {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, value),
            _ if argument.starts_with('-') => glued(argument).unwrap_or((argument, "")),
            _ => (before, argument),
        };
        // Some miners take several algorithms, and for each of them several pools and wallets.
        let values = value.split([';', ',', '!']).filter(|value| !value.is_empty());
        if values.clone().any(is_stratum) {
            self.stratum.get_or_insert(argument);
        }
        if is_miner_option(name) || values.clone().any(|value| is_miner_value(name, value)) {
            self.option.get_or_insert(argument);
        }
        if is_password_hash(value) && matches!(name, "--algorithm" | "--algorithm-cpu") {
            self.password_hash.get_or_insert(argument);
        }
        self.add_pool(name, argument, values.clone());
        self.has_port |= matches!(name, "--port" | "--rpc-port") && value.parse::<u16>().is_ok();
        let mut wallets = values.filter(|value| names_wallet(value)).peekable();
        if wallets.peek().is_some() {
            let named = Some(if value.contains("://") { Named::ForMining } else { account_option(name) });
            if self.account_named < named {
                self.wallet = Some(argument);
                self.account_named = named;
            }
            self.is_coin |= wallets.any(|wallet| !is_ethereum_login(wallet));
        }
        self.pays |= is_payment(argument);
    }

    fn add_pool(&mut self, name: &str, argument: &'a str, mut values: impl Iterator<Item = &'a str> + Clone) {
        let mut named = pool_option(name);
        if values.clone().any(is_web) {
            named = named.min(Named::Plainly);
        }
        if values.clone().all(is_of_other_protocol) {
            return;
        }
        if values.clone().any(is_endpoint) {
            if named > Named::Loosely {
                self.endpoint.get_or_insert(argument);
                self.pool_named = self.pool_named.max(Some(named));
            } else if values.any(is_bare) && !names_other_service(name) {
                self.loose.get_or_insert(argument);
            }
        } else if named > Named::Loosely && values.any(|value| value.contains('.')) {
            self.host.get_or_insert(argument);
            self.pool_named = self.pool_named.max(Some(named));
        }
    }

    /// Returns the number of different kinds. A stratum address and a pool endpoint are one kind, and a wallet counts
    /// beside an endpoint only if it may be the account to mine for. A program that pays has a server and a wallet, too.
    pub(in crate::detect::behavior) fn kinds(&self) -> usize {
        let is_told = self.option.is_some() && !self.pays;
        let is_account = self.stratum.is_some() || is_told || self.is_pair() || self.is_likely();
        let wallet = self.wallet.filter(|_| is_account);
        [self.stratum.or(self.endpoint), wallet, self.option].iter().flatten().count()
    }

    /// Whether the command line has a pool and a wallet in the options of a miner.
    pub(in crate::detect::behavior) fn conclusive(&self) -> bool {
        let is_account = self.account_named >= Some(Named::Plainly) && !self.pays;
        let is_told = self.endpoint.is_some() && self.option.is_some() && is_account;
        self.wallet.is_some() && (self.stratum.is_some() || is_told || self.is_pair())
    }

    /// Whether the only evidence is a server and a wallet whose options other programs have, too.
    pub(in crate::detect::behavior) fn is_vague(&self) -> bool {
        self.stratum.is_none() && self.option.is_none() && !self.is_pair()
    }

    /// Whether the wallets are addresses of Ethereum or its relatives only.
    pub(in crate::detect::behavior) fn is_ethereum(&self) -> bool {
        self.wallet.is_some() && !self.is_coin
    }

    /// Whether a pool and a wallet are the values of options that miners have.
    fn is_pair(&self) -> bool {
        let pair = (self.pool_named, self.account_named);
        let is_named = pair.0 >= Some(Named::ForMining) && pair.1 >= Some(Named::ForMining)
            || pair.0 == Some(Named::AsPool) && pair.1 >= Some(Named::Plainly);
        is_named && self.endpoint.is_some() && !self.pays
    }

    /// Whether there is a server and a wallet in any options, and no word of a wallet program.
    fn is_likely(&self) -> bool {
        let names_server = self.endpoint.is_some() || self.loose.is_some();
        names_server && self.is_coin && !self.pays && !self.is_of_wallet
    }
}

/// Splits `-oHOST:PORT` into the option and its value, as getopt(3) does.
fn glued(argument: &str) -> Option<(&str, &str)> {
    let (name, value) = argument.split_at_checked(2)?;
    let is_value = match name {
        "-o" => is_stratum(value) || is_endpoint(value),
        "-u" | "-O" => names_wallet(value),
        "-a" => is_algorithm(value),
        _ => false,
    };
    is_value.then_some((name, value))
}

/// Whether an endpoint has no scheme, or one that any protocol may have. A web address belongs to another service.
fn is_bare(value: &str) -> bool {
    let is_open = |scheme| matches!(scheme, "tcp" | "ssl" | "tls" | "tcps");
    is_endpoint(value) && value.split_once("://").is_none_or(|(scheme, _)| is_open(scheme))
}

/// Returns how an option names a pool.
fn pool_option(name: &str) -> Named {
    match name {
        "-P" | "--pool" | "-pool" | "--pool1" | "-pool1" | "-epool" | "-zpool" | "-dpool"
        | "--mining-pool" | "--kaspad-address" => Named::AsPool,
        "-o" | "--url" | "-d" | "--daemon-rpc-address" => Named::ForMining,
        "--server" | "--node" | "--host" | "--pool-url" | "--pool-address" | "--daemon-address" => {
            Named::Plainly
        }
        _ => Named::Loosely,
    }
}

/// Returns how an option names the account to mine for.
fn account_option(name: &str) -> Named {
    match name {
        "-u" | "--user" | "--userpass" | "-O" | "-a" | "-w" | "-wal" | "--wal" | "-ewal" | "-zwal"
        | "-dwal" | "--mining-address" | "--miner-address" | "--start-mining" => Named::ForMining,
        "--username" | "--login" | "--wallet" | "-wallet" | "--wallet-address" | "--address"
        | "--payment-address" => Named::Plainly,
        _ => Named::Loosely,
    }
}

/// Whether an argument is a word of a program that pays, signs or watches payments.
fn is_word_of_wallet(argument: &str) -> bool {
    let word = argument.trim_start_matches('-');
    let word = word.split_once('=').map_or(word, |(name, _)| name);
    matches!(
        word,
        "sign"
            | "verify"
            | "balance"
            | "balances"
            | "watch"
            | "watch-only"
            | "monitor"
            | "notify"
            | "receive"
            | "history"
            | "invoice"
            | "broadcast"
            | "payout"
            | "refund"
            | "recipient"
            | "amount"
            | "fee"
            | "confirmations"
            | "psbt"
            | "xpub"
    ) || is_payment(word)
}

/// Whether the name of a program says that it is a wallet, or watches one.
fn is_wallet_program(name: &str) -> bool {
    const PARTS: [&str; 14] = [
        "wallet", "electrum", "explorer", "watch", "monitor", "exporter", "signer", "multisig", "payment",
        "payout", "-cli", "indexer", "tracker", "shop",
    ];
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part))
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

fn is_miner_value(name: &str, value: &str) -> bool {
    match name {
        "-a" | "--algo" | "-algo" | "--algorithm-gpu" => is_algorithm(value),
        "--algorithm" | "--algorithm-cpu" | "-A" => is_algorithm(value) && !is_password_hash(value),
        // Old versions of XMRig count their variants. A scanner of mails names its virus scanner so.
        "--av" => value.parse::<u8>().is_ok(),
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
