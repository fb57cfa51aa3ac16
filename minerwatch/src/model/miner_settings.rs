//! The settings of miners in the environment and in configuration files.
//!
//! Miners read JSON, some with comments, or lines of `name = value`. Both are read alike: as a name, a separator and a
//! value, between two line breaks, commas or braces. Only what a miner is told is kept: pools, wallets, algorithms and
//! options that no other program has. So no password of another program is read into an event.
//!
//! Sources of the names: the sample configuration files and the usage texts of XMRig, `SRBMiner`, cpuminer and its forks,
//! and the start scripts of container images that take a pool and a wallet from the environment.

use std::sync::Arc;

use super::{
    miner_words::{
        is_algorithm, is_endpoint, is_miner_option, is_of_other_protocol, is_password_hash, is_stratum,
        names_other_service,
    },
    wallet::names_wallet,
};

/// Maximum number of settings that are kept.
const MAX_SETTINGS: usize = 16;
/// Maximum length of a value in bytes. The longest wallets have about 200.
const MAX_VALUE: usize = 512;
/// Maximum number of preloaded libraries that are kept.
const MAX_LIBRARIES: usize = 8;

/// Returns the settings of a miner in the text of a configuration file, in the form of a command line.
pub fn in_file(text: &[u8]) -> Vec<Arc<str>> {
    let text = String::from_utf8_lossy(text);
    let pairs = text.split(['\n', '\r', ',', '{', '}', '[', ']']).filter_map(|part| {
        let part = part.trim();
        let part = part.strip_prefix("export ").unwrap_or(part);
        part.split_once([':', '='])
    });
    collect(pairs)
}

/// Returns the settings of a miner in an environment (`/proc/PID/environ`), in the form of a command line.
pub fn in_environment(block: &[u8]) -> Vec<Arc<str>> {
    let text = String::from_utf8_lossy(block);
    collect(text.split('\0').filter_map(|variable| variable.split_once('=')))
}

/// Returns the libraries that an environment forces into a program (`ld.so(8)`), at most eight.
pub fn preloaded_in(block: &[u8]) -> Vec<Arc<str>> {
    let text = String::from_utf8_lossy(block);
    let lists = text.split('\0').filter_map(|variable| {
        variable.strip_prefix("LD_PRELOAD=").or_else(|| variable.strip_prefix("LD_AUDIT="))
    });
    let libraries = lists.flat_map(|list| list.split([' ', ':']));
    // The loader looks for a name without a slash in the directories of the system.
    libraries.filter(|library| library.contains('/')).take(MAX_LIBRARIES).map(Arc::from).collect()
}

/// Returns the value of a variable in an environment.
pub fn variable<'a>(block: &'a [u8], name: &str) -> Option<&'a str> {
    let mut variables = block.split(|byte| *byte == 0);
    variables.find_map(|variable| str::from_utf8(variable).ok()?.strip_prefix(name)?.strip_prefix('='))
}

fn collect<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Arc<str>> {
    let mut found: Vec<Arc<str>> = Vec::new();
    for (name, value) in pairs {
        let (name, value) = (bare(name), bare(value));
        if name.is_empty() || name.len() > MAX_VALUE || value.len() > MAX_VALUE {
            continue;
        }
        let Some((option, value)) = setting(&unescaped(name), &unescaped(value)) else { continue };
        found.push(option.into());
        found.extend(value.map(Arc::from));
        if found.len() >= 2 * MAX_SETTINGS {
            break;
        }
    }
    found
}

/// Returns a name or a value without its quotes.
fn bare(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ';'))
}

/// Undoes the escapes of JSON for ASCII. Miners understand them, so they must not hide a pool.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.strip_prefix('u').and_then(|rest| rest.split_at_checked(4));
        let letter = code.and_then(|(digits, _)| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match (code, letter) {
            (Some((_, rest)), Some(letter)) => {
                whole.push(letter.into());
                whole.push_str(rest);
            }
            _ => whole.push_str(part),
        }
    }
    whole
}

/// Returns the option of a command line that says the same, and its value if the option has one. `None` if it is no
/// setting of a miner.
fn setting(name: &str, value: &str) -> Option<(String, Option<String>)> {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| name.split(['_', '-', '.', ' ']).any(|word| words.contains(&word));
    let with = |option: &str| Some((option.to_owned(), Some(value.to_owned())));
    if is_stratum(value) {
        return with("--url");
    }
    if names_wallet(value) {
        if has(&["user", "username", "login", "account"]) {
            return with("--user");
        }
        // Shops have such settings, too.
        if has(&["wallet", "address", "addr", "payout"]) {
            return with("--wallet");
        }
    }
    if is_endpoint(value) && !is_of_other_protocol(value) && !names_other_service(&name) {
        if has(&["pool", "pools"]) {
            return with("--pool");
        }
        if has(&["url"]) {
            return with("--url");
        }
        if has(&["server", "node", "endpoint", "host"]) {
            return with("--server");
        }
    }
    if has(&["algo", "algorithm", "coin"]) && is_algorithm(value) {
        // Directories and login services set the hash of their passwords by such a name.
        return with(if is_password_hash(value) { "--algorithm" } else { "--algo" });
    }
    let option = format!("--{}", name.replace('_', "-"));
    let is_set = !matches!(value, "" | "null" | "false");
    (is_set && is_miner_option(&option)).then_some((option, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONERO: &str =
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";

    fn words(found: &[Arc<str>]) -> Vec<&str> {
        found.iter().map(|word| &**word).collect()
    }

    #[test]
    fn files_of_miners_are_read_in_each_form() {
        let url = ("--url", "--user");
        let pool = ("--pool", "--wallet");
        let files = [
            // JSON with comments, as XMRig reads it.
            (
                url,
                format!(
                    "// the pool\n{{\n  \"autosave\": true,\n  \"pools\": [\n    {{ \"algo\": \"rx/0\", /* any */\n      \
                     \"url\": \"pool.example:3333\",\n      \"user\": \"{MONERO}\", \"pass\": \"x\" }}\n  ]\n}}\n"
                ),
            ),
            (url, format!(r#"{{"algo":"rx\/0","\u0075rl":"pool\u002eexample:3333","user":"{MONERO}"}}"#)),
            (url, format!("algo = rx/0\nurl = pool.example:3333\nuser = {MONERO}\n")),
            (pool, format!("algo: rx/0\r\npool: 'pool.example:3333'\r\nwallet: \"{MONERO}\"\r\n")),
            (pool, format!("export ALGO=\"rx/0\"\nexport POOL_URL=pool.example:3333;\nWALLET={MONERO}")),
        ];
        for ((server, account), file) in files {
            let whole = ["--algo", "rx/0", server, "pool.example:3333", account, MONERO];
            assert_eq!(words(&in_file(file.as_bytes())), whole, "{file}");
        }
        let server = in_file(br#"{"host": "10.0.0.5:3333", "db": {"pool": {"size": 8}}}"#);
        assert_eq!(words(&server), ["--server", "10.0.0.5:3333"]);
        let more = in_file(
            br#"{"donate-level": 1, "rig-id": null, "nicehash": false, "cpu": {"huge-pages-jit": true}}"#,
        );
        assert_eq!(words(&more), ["--donate-level", "--huge-pages-jit"]);
    }

    #[test]
    fn environments_of_miners_are_read() {
        let block =
            format!("PATH=/bin\0MINER_POOL=stratum+ssl://pool.example:443\0XMR_WALLET={MONERO}\0COIN=x\0");
        let found = in_environment(block.as_bytes());
        assert_eq!(words(&found), ["--url", "stratum+ssl://pool.example:443", "--wallet", MONERO]);
        assert_eq!(variable(block.as_bytes(), "PATH"), Some("/bin"));
        assert_eq!(variable(block.as_bytes(), "PAT"), None);
    }

    #[test]
    fn other_settings_are_not_kept() {
        let texts = [
            "password = secret:1\nuser = postgres\nhost: db\n",
            r#"{"url": "/index.html", "user": "root", "algorithm": "aes-256-gcm", "pool": 8}"#,
            "PGPASSWORD=a\nDATABASE_POOL=10\nTOKEN=b",
            r#"{"db": {"url": "postgres://db.example:5432/x"}, "cache": {"server": "redis://10.0.0.7:6379"}}"#,
            "redis_host = 10.0.0.7:6379\nDB_URL=db.example:5432\nsmtp-server: mail.example:25",
            "\\u00\\u\\\\=\\uzzzz",
            "=\n:\n\"\":\"\"",
        ];
        for text in texts {
            assert!(in_file(text.as_bytes()).is_empty(), "{text}: {:?}", in_file(text.as_bytes()));
            assert!(in_environment(text.as_bytes()).is_empty(), "{text}");
        }
        let many = "url = a.example:1\n".repeat(10_000);
        assert_eq!(in_file(many.as_bytes()).len(), 2 * MAX_SETTINGS);
    }

    #[test]
    fn libraries_are_read_as_the_loader_does() {
        let block =
            b"A=1\0LD_PRELOAD=/tmp/a.so:libc.so /tmp/b.so\0LD_AUDIT=/tmp/c.so\0OLD_LD_PRELOAD=/tmp/d.so\0";
        assert_eq!(words(&preloaded_in(block)), ["/tmp/a.so", "/tmp/b.so", "/tmp/c.so"]);
        assert!(preloaded_in(b"LD_PRELOAD=\0").is_empty());
    }
}
