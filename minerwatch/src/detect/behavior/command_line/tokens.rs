//! The words of a command line that only miners are told.

use std::sync::Arc;

use crate::model::{
    miner_words::{is_algorithm, is_endpoint, is_miner_option, is_stratum},
    wallet::names_wallet,
};

/// The miner's options on a command line: the first argument of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::detect::behavior) struct Tokens<'a> {
    /// A stratum address.
    pub(in crate::detect::behavior) stratum: Option<&'a str>,
    /// A host and port as the value of a pool option.
    pub(in crate::detect::behavior) endpoint: Option<&'a str>,
    /// A wallet of a currency.
    pub(in crate::detect::behavior) wallet: Option<&'a str>,
    /// An option or value that only miners know.
    pub(in crate::detect::behavior) option: Option<&'a str>,
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
    pub(in crate::detect::behavior) fn of(arguments: &'a [Arc<str>]) -> Self {
        Self::of_settings(arguments.get(1..).unwrap_or_default())
    }

    /// Reads a list of options and values. Unlike a command line, the list does not begin with the name of the program.
    pub(in crate::detect::behavior) fn of_settings(arguments: &'a [Arc<str>]) -> Self {
        let mut tokens = Self::default();
        let mut before = "";
        for argument in arguments {
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
    pub(in crate::detect::behavior) fn kinds(&self) -> usize {
        let is_payer = self.stratum.is_none() && (self.pays || !self.is_account);
        let wallet = self.wallet.filter(|_| !is_payer || (self.option.is_some() && !self.pays));
        [self.stratum.or(self.endpoint), wallet, self.option].iter().flatten().count()
    }

    /// Whether the command line names both a pool and a wallet.
    pub(in crate::detect::behavior) fn conclusive(&self) -> bool {
        let names_pool = self.stratum.is_some() || (self.endpoint.is_some() && self.is_account && !self.pays);
        self.wallet.is_some() && names_pool
    }
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
