//! The words that only miners are told: addresses of pools, options and algorithms.

/// Whether a value is a pool URL: `stratum+tcp://`, `stratum2+ssl://`, `stratum://` and the like.
pub fn is_stratum(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    !rest.is_empty()
        && (scheme.starts_with("stratum")
            || matches!(scheme, "daemon+http" | "daemon+https" | "ethproxy+tcp" | "eth-proxy+tcp" | "xatum"))
}

/// Whether a value is a host name or address with a port, optionally with a scheme and a user.
pub fn is_endpoint(value: &str) -> bool {
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

/// Whether the scheme of an address belongs to another protocol than mining: a database, a queue, mail, files. An address
/// without a scheme has none, and `tcp`, `tls` and the like carry any protocol.
pub fn is_of_other_protocol(value: &str) -> bool {
    let Some((scheme, _)) = value.split_once("://") else { return false };
    let may_mine = matches!(
        scheme,
        "tcp" | "tcps" | "ssl" | "tls" | "tls12" | "tls13" | "tcp4" | "tcp6" | "socks5" | "grpc" | "grpcs"
    );
    !may_mine && !is_web(value) && !is_stratum(value)
}

/// Whether the name of an option or a setting has the word of another service than a pool: `--db-host`, `redis_url`.
pub fn names_other_service(name: &str) -> bool {
    const SERVICES: [&str; 22] = [
        "db", "database", "redis", "sql", "mysql", "postgres", "mongo", "kafka", "amqp", "nats", "broker",
        "listen", "bind", "metrics", "api", "rpc", "http", "electrum", "proxy", "smtp", "dns", "ldap",
    ];
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| SERVICES.contains(&word))
}

/// Whether an address is that of a web server. Miners seldom use one; other programs often do.
pub fn is_web(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, _)| matches!(scheme, "http" | "https" | "ws" | "wss"))
}

/// Whether a name is an option of a command line that no other program than a miner has.
pub fn is_miner_option(name: &str) -> bool {
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
            | "--algorithm-cpu"
            | "--algorithm-gpu"
            | "--disable-cpu-auto-affinity"
            | "--miner-address"
            | "--mining-address"
            | "--mining-threads"
            | "--start-mining"
            | "-epool"
            | "-ewal"
            | "-eworker"
            | "-epsw"
            | "-zpool"
            | "-zwal"
            | "-dpool"
            | "-dwal"
            | "--ethstratum"
            | "--rigname"
            | "--mining-pool"
    ) || name.starts_with("--randomx-")
        || name.starts_with("--argon2-impl")
}

/// Whether a value is the name of an algorithm of miners, or belongs to a family of such names.
pub fn is_algorithm(value: &str) -> bool {
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
    const NAMES: [&str; 25] = [
        "rx",
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

/// Whether an algorithm of miners also hashes passwords. A directory or a login service names it as well.
pub fn is_password_hash(value: &str) -> bool {
    ["scrypt", "yescrypt"].iter().any(|name| value.eq_ignore_ascii_case(name))
}

/// Whether a name is one of the relatives of `RandomX`: `randomx`, `randomarq`, `randomvirel`. Their names end in that of
/// a coin, in at most five characters. Other software chooses at random, too: a forest, a walk, one of two.
fn is_random(value: &str) -> bool {
    const OTHERS: [&str; 22] = [
        "ized", "ize", "ise", "walk", "tree", "trees", "pick", "seed", "int", "ly", "key", "uuid", "word",
        "order", "crop", "flip", "noise", "drop", "cut", "shift", "byte", "bytes",
    ];
    value.strip_prefix("random").is_some_and(|rest| {
        rest.starts_with('x')
            || (matches!(rest.len(), 2..=5)
                && rest.starts_with(|first: char| first.is_ascii_lowercase())
                && !OTHERS.contains(&rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_an_address_tells_other_protocols() {
        for value in
            ["10.0.0.5:3333", "tcp://10.0.0.5:3333", "stratum+tcp://p.example:3333", "ssl://p.example:443"]
        {
            assert!(!is_of_other_protocol(value) && !is_web(value), "{value}");
        }
        for value in ["postgres://db.example:5432/x", "redis://10.0.0.5:6379", "amqps://me@mq.example:5671"] {
            assert!(is_of_other_protocol(value), "{value}");
        }
        for value in ["https://pay.example:8443", "wss://feed.example:443/v1"] {
            assert!(is_web(value) && !is_of_other_protocol(value), "{value}");
        }
    }

    #[test]
    fn relatives_of_randomx_are_told_from_other_randomness() {
        for name in
            ["randomx", "randomxmonero", "RandomARQ", "randomvirel", "randomsfx", "rx", "rx/0", "rx/wow"]
        {
            assert!(is_algorithm(name), "{name}");
        }
        for name in [
            "random",
            "randomforest",
            "randomcutforest",
            "random2choices",
            "randomwalk",
            "randomized",
            "random-search",
        ] {
            assert!(!is_algorithm(name), "{name}");
        }
    }
}
