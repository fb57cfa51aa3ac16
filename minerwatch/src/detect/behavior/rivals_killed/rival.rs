//! The names and ports of miners.

/// Whether a target is the name of a miner or of a known rival, or the port of pools.
pub(super) fn names_rival(target: &str) -> bool {
    const NAMES: [&str; 30] = [
        "xmrig",
        "xmr-stak",
        "xmrstak",
        "minerd",
        "minergate",
        "cpuminer",
        "ccminer",
        "kinsing",
        "kdevtmpfsi",
        "stratum",
        "cryptonight",
        "monero",
        "moneroocean",
        "nanopool",
        "supportxmr",
        "c3pool",
        "hashvault",
        "2miners",
        "sysupdate",
        "networkservice",
        "sysguard",
        "watchbog",
        "kthrotlds",
        "ddgs",
        "qw3xt",
        "t-rex",
        "nbminer",
        "teamredminer",
        "xmrigdaemon",
        "donate-level",
    ];
    const PORTS: [&str; 8] = ["3333", "4444", "5555", "7777", "14444", "14433", "45700", "13531"];
    let target = target.to_ascii_lowercase();
    let port = target.trim_start_matches(':').trim_end_matches("/tcp");
    // A pattern may have lost its first letter.
    let is_name = |name: &&str| target.contains(name) || name.get(1..) == Some(&*target);
    NAMES.iter().any(is_name) || PORTS.contains(&port)
}
