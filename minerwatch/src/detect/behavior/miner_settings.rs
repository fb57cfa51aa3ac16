//! B10: a busy program was set up as a miner, by its environment or by a configuration file.
//!
//! A miner needs a pool and a wallet. If they are not on its command line, they are in its environment or in a file. When
//! a program uses CPU time, the agent reads both, and again every five minutes. Programs of the system are left out: an
//! editor reads such files, and a compiler inherits such variables.

use std::sync::Arc;

use super::{command_line::tokens::Tokens, due::Due};
use crate::{
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{AccountHasher, EventBody, EventType, InspectionRequest, MinerSettings, Request, SignalClass},
    process::{Role, directory_of},
};

/// Maximum number of files that are searched for settings.
const MAX_FILES: usize = 10;
/// Minimum number of different kinds of settings. One kind alone may be chance.
const KINDS: usize = 2;

/// Points for a server and a wallet in settings that a shop has, too.
const VAGUE: u8 = 30;

/// The signal. In the full form, the settings name a wallet and a pool, which is conclusive.
pub const MINER_SETTINGS: SignalInfo = SignalInfo {
    id: "B10",
    class: SignalClass::Behavior,
    weight: 60,
    full_weight: 100,
    kind: SignalKind::Mining,
    name: "Settings of a miner",
    description: "The environment of a busy program, or the configuration file that it was started with, has settings that only miners have: a pool with a wallet, an algorithm, a donation level.",
    catches: "A miner with an empty command line, known by what it was set up to do.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[MINER_SETTINGS],
    wants: &[EventType::Inspection, EventType::Cpu, EventType::Exit],
    evictions: Some("busy_evicted"),
    create: |settings| Box::new(Settings { accounts: settings.accounts.clone(), looked: Due::new() }),
};

#[derive(Debug)]
struct Settings {
    accounts: AccountHasher,
    /// The busy processes that were looked at. They are looked at again, because a program may rename itself later.
    looked: Due,
}

impl Detector for Settings {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Inspection(inspection) => {
                let settings = inspection.settings.as_ref();
                findings.add(settings.and_then(|settings| self.judge(context, settings)));
            }
            EventBody::Cpu(_)
                if context.process.role != Role::Kernel
                    && self.looked.is_due(context.key(), context.at()) =>
            {
                findings.request(Request::Inspect(Box::new(request(context))));
            }
            EventBody::Exit(_) => self.looked.remove(context.key()),
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.looked.evicted()
    }
}

impl Settings {
    fn judge(&self, context: &DetectionContext<'_>, settings: &MinerSettings) -> Option<Finding> {
        if context.process.is_of_system() {
            return None;
        }
        let tokens = Tokens::of_settings(&settings.arguments);
        // Every child of a shell inherits its environment, and the environment of a web shop may have a server and a
        // wallet, too. So the environment must also name a mining protocol or an algorithm.
        // A bot has a configuration file with a node and an account of Ethereum.
        let is_named = tokens.stratum.is_some() || tokens.option.is_some();
        let is_sure = is_named || (settings.file.is_some() && !tokens.is_ethereum());
        if tokens.kinds() < KINDS || !is_sure {
            return None;
        }
        let conclusive = tokens.conclusive() && is_named;
        let place = settings.file.as_deref().unwrap_or("its environment");
        let name = &context.process.view.name;
        let detail = if conclusive {
            format!("'{name}' was set up with a mining pool and a wallet by {place}")
        } else {
            format!("'{name}' was set up with settings of a miner by {place}")
        };
        let account = tokens.wallet.map(|wallet| self.accounts.account(wallet));
        let mut finding = Finding::new(MINER_SETTINGS, context, detail).mining_for(account.as_ref());
        for (name, value) in [
            ("settings", Some(place)),
            ("stratum", tokens.stratum),
            ("pool", tokens.endpoint),
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
}

/// Creates the request for a whole inspection. The settings of a program of the system are not read.
fn request(context: &DetectionContext<'_>) -> InspectionRequest {
    let files = if context.process.is_of_system() { Vec::new() } else { files(context) };
    super::inspection_of(context, false, files)
}

/// Returns the files that may contain the settings of a program: those that its arguments name, those that miners read by
/// themselves, in the directory of the program and in its working directory, and at last a first argument of any name.
fn files(context: &DetectionContext<'_>) -> Vec<Arc<str>> {
    let view = &context.process.view;
    let mut files: Vec<Arc<str>> = Vec::new();
    let mut add = |directory: &str, name: &str| {
        let path: Arc<str> = match name.strip_prefix('/') {
            Some(_) => name.into(),
            None if directory.starts_with('/') => {
                format!("{}/{name}", directory.trim_end_matches('/')).into()
            }
            None => return,
        };
        if files.len() < MAX_FILES && !files.contains(&path) {
            files.push(path);
        }
    };
    let mut before = "";
    for argument in view.arguments.iter().skip(1) {
        let option = argument.split_once('=').filter(|(name, _)| name.starts_with('-'));
        // A short option may be glued to its value.
        let glued =
            argument.strip_prefix("-c").filter(|value| is_file_name(value)).map(|value| ("-c", value));
        let (name, value) = option.or(glued).unwrap_or((before, argument));
        if !value.starts_with('-') && (is_file_name(value) || is_config_option(name)) {
            add(&view.directory, value);
        }
        before = argument;
    }
    let beside = directory_of(&view.executable.path);
    for name in ["config.json", "pools.txt", "config.yaml", "etc/config.json"] {
        for directory in [beside, &*view.directory] {
            add(directory, name);
        }
    }
    // Some programs take the file as their only argument.
    let only = view.arguments.get(1).filter(|_| view.arguments.len() == 2);
    if let Some(only) = only.filter(|only| !only.starts_with('-') && !only.contains([':', '@'])) {
        add(&view.directory, only);
    }
    files
}

/// Whether a value ends like the name of a configuration file.
fn is_file_name(value: &str) -> bool {
    [".json", ".conf", ".cfg", ".ini", ".txt", ".toml", ".yml", ".yaml"]
        .iter()
        .any(|ending| value.ends_with(ending))
}

fn is_config_option(name: &str) -> bool {
    matches!(name, "-c" | "--config" | "-config" | "--config-file" | "--conf" | "--cfg")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        model::Inspection,
        testing::{CpuReport, Host, findings_of, requests},
    };

    const MONERO: &str =
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
    const FILE: Option<&str> = Some("/srv/x/config.json");

    fn found(program: &str, file: Option<&str>, settings: &[&str]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, program, &["x"]);
        let settings = MinerSettings {
            file: file.map(Arc::from),
            arguments: settings.iter().map(|word| Arc::from(*word)).collect(),
        };
        let inspection = Inspection { settings: Some(settings), ..Inspection::default() };
        host.happen(process, EventBody::Inspection(Box::new(inspection)));
        findings_of(&[&DETECTOR], &host)
    }

    #[test]
    fn settings_of_miners_are_found() {
        let pool = ["--url", "pool.example:3333", "--user", MONERO];
        let whole = [&pool[..], &["--algo", "rx/0"]].concat();
        let stratum = ["--url", "stratum+tcp://pool.example:3333", "--user", MONERO];
        let url = ["--url", "stratum+tcp://pool.example:3333", "--donate-level"];
        for (file, settings, points) in [
            (FILE, &whole[..], 100),
            (None, &whole[..], 100),
            (FILE, &stratum[..], 100),
            (None, &stratum[..], 100),
            (FILE, &pool[..], 60),
            (FILE, &["--server", "pool.example:3333", "--wallet", MONERO], 30),
            (FILE, &["--url", "https://pay.example:8443", "--wallet", MONERO], 30),
            (FILE, &["--url", "db.example:5432", "--user", MONERO, "--algorithm", "scrypt"], 60),
            (None, &url[..], 60),
        ] {
            assert_eq!(found("/srv/x/worker", file, settings), [("B10", points)], "{file:?} {settings:?}");
        }
    }

    #[test]
    fn other_settings_are_not_found() {
        let shop = ["--url", "shop.example:8332", "--user", MONERO];
        assert_eq!(found("/srv/shop/server", None, &shop), [], "a shop takes payments");
        for file in [FILE, None] {
            assert_eq!(found("/srv/x/worker", file, &["--algo", "scrypt"]), [], "one kind alone");
            let stratum = ["--url", "stratum+tcp://pool.example:3333", "--user", MONERO];
            assert_eq!(found("/usr/bin/gcc", file, &stratum), [], "a program of the system inherits");
        }
    }

    #[test]
    fn a_bot_with_a_node_and_an_account_is_not_found() {
        let settings = ["--url", "rpc.example:8545", "--user", "0x52908400098527886E0F7030069857D2E4169EE7"];
        assert_eq!(found("/opt/bot/bot", FILE, &settings), []);
        let whole = [&settings[..], &["--algo", "etchash"]].concat();
        assert_eq!(found("/opt/bot/bot", FILE, &whole), [("B10", 100)]);
    }

    #[test]
    fn a_file_is_found_however_it_is_named() {
        for (arguments, file) in [
            (&["w", ".c"][..], "/.c"),
            (&["w", "-cx.json"], "/x.json"),
            (&["w", "-t", "4"], "/pools.txt"),
            (&["w"], "/config.yaml"),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let process = host.spawn(init, "/srv/x/w", arguments);
            host.wait(Duration::from_secs(60));
            host.report(process, CpuReport::default());
            let files: Vec<Arc<str>> = requests(&host)
                .into_iter()
                .filter_map(|request| match request {
                    Request::Inspect(request) => Some(request.files),
                    _ => None,
                })
                .flatten()
                .collect();
            assert!(files.iter().any(|known| known.ends_with(file)), "{arguments:?}: {files:?}");
        }
    }

    #[test]
    fn a_busy_process_is_looked_at_once_in_a_while() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process =
            host.spawn(init, "/srv/x/worker", &["worker", "-c", "/tmp/a.json", "--config=b", "-t", "4"]);
        let system = host.spawn(init, "/usr/bin/python3", &["python3", "/srv/a.py", "x.json"]);
        for _ in 0..9 {
            host.wait(Duration::from_secs(60));
            host.report(process, CpuReport::default());
            host.report(system, CpuReport::default());
        }
        let asked: Vec<InspectionRequest> = requests(&host)
            .into_iter()
            .filter_map(|request| match request {
                Request::Inspect(request) => Some(*request),
                _ => None,
            })
            .collect();
        let of = |key| asked.iter().filter(|request| request.subject.key == key).collect::<Vec<_>>();
        assert_eq!(of(process).len(), 2);
        assert_eq!(of(system).len(), 2);
        let files: Vec<&str> = of(process)[0].files.iter().map(|file| &**file).collect();
        assert_eq!(files[0], "/tmp/a.json");
        assert!(files.contains(&"/srv/x/config.json"), "{files:?}");
        assert!(files.contains(&"/srv/x/etc/config.json"), "{files:?}");
        assert_eq!(&*of(process)[0].title, "worker");
        assert!(of(system)[0].files.is_empty());
    }
}
