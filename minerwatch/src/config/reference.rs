//! The page of all keys, made from one table.

use std::fmt::Write as _;

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Section and name: `sink.stdout.events`.
    pub path: &'static str,
    /// Default, as it is written in TOML; empty for a key that must be given.
    pub default: &'static str,
    /// What values it takes.
    pub values: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

const EVENT_KINDS: &str = "`\"none\"`, `\"all\"`, or a list of `fork`, `exec`, `exit`, `connect`, `close`, \
                           `file`, `cpu`, `rounding`, `memory`, `snapshot`, `hash`, `payload`, `flow`";

/// Every key there is, section by section.
pub const KEYS: &[Key] = &[
    Key {
        path: "events.cpu_interval_ms",
        default: "1000",
        values: "100 to 60000",
        meaning: "Time between two CPU events of one process, in milliseconds.",
    },
    Key {
        path: "events.cpu_threshold_ms",
        default: "100",
        values: "1 to 60000",
        meaning: "On-CPU time within that interval, in milliseconds, below which a process is not reported.",
    },
    Key {
        path: "events.flow_interval_s",
        default: "60",
        values: "1 to 86400",
        meaning: "Time between two `flow` events of one connection that goes on, in seconds.",
    },
    Key {
        path: "events.payloads",
        default: "true",
        values: "`true`, `false`",
        meaning: "Whether the first payloads of connections are held against mining protocols and DNS answers are read ([privacy.md](privacy.md)). Without it UDP flows have no byte counts.",
    },
    Key {
        path: "events.hooks",
        default: "[]",
        values: "a list of `\"PURPOSE=WAY\"`",
        meaning: "Hooks to take instead of the best that work, as `--hook` does: `\"file=tracepoint\"`, `\"yield=off\"`. For support and tests; `minerwatch doctor` lists what there is.",
    },
    Key {
        path: "hash.enabled",
        default: "true",
        values: "`true`, `false`",
        meaning: "Whether executables are hashed (SHA-256), off the hot path and once for each content.",
    },
    Key {
        path: "hash.max_size_mib",
        default: "128",
        values: "1 to 4096",
        meaning: "Larger executables are not hashed.",
    },
    Key {
        path: "hash.rate_mib",
        default: "64",
        values: "1 to 4096",
        meaning: "The most read for hashing in a second, on average.",
    },
    Key {
        path: "detection.min_verdict",
        default: "\"suspected\"",
        values: "`\"noted\"`, `\"suspected\"`, `\"mining\"`",
        meaning: "The least verdict that is sent as an alert.",
    },
    Key {
        path: "detection.process_cpu_percent",
        default: "70",
        values: "1 to 10000",
        meaning: "Share of one processor, in per cent, above which a process counts as busy (signal C9).",
    },
    Key {
        path: "detection.process_cpu_seconds",
        default: "300",
        values: "10 to 86400",
        meaning: "For how long, in seconds.",
    },
    Key {
        path: "detection.host_cpu_percent",
        default: "90",
        values: "1 to 100",
        meaning: "Share of all processors, in per cent, from which the host counts as busy (signal C9H).",
    },
    Key {
        path: "detection.host_cpu_seconds",
        default: "300",
        values: "10 to 86400",
        meaning: "For how long, in seconds.",
    },
    Key {
        path: "detection.cpu_rise_percent",
        default: "500",
        values: "50 to 100000",
        meaning: "How much more than over its own last 24 hours, in per cent, a program must use for signal C9J.",
    },
    Key {
        path: "detection.sampling",
        default: "true",
        values: "`true`, `false`",
        meaning: "Whether threads that keep a CPU busy are made to leave it for a moment, ten times a second, so that \
                  their arithmetic can be looked at. Without it a miner alone on its core is found slowly or never.",
    },
    Key {
        path: "intel.built_in",
        default: "true",
        values: "`true`, `false`",
        meaning: "Whether the list of mining pools that comes with the program is used.",
    },
    Key {
        path: "intel.pools",
        default: "[]",
        values: "a list of absolute paths, of files or directories",
        meaning: "Lists of mining pools: names, addresses, networks, host:port, SHA-256, in the forms that [intel.md](intel.md) lists. Changes are noticed while the daemon runs.",
    },
    Key {
        path: "intel.threats",
        default: "[]",
        values: "a list of absolute paths, of files or directories",
        meaning: "Lists of other malicious hosts and files, in the same form.",
    },
    Key {
        path: "intel.allow",
        default: "[]",
        values: "a list of absolute paths, of files or directories",
        meaning: "Lists of what is never reported, whoever else lists it.",
    },
    Key {
        path: "intel.geo_databases",
        default: "[]",
        values: "a list of absolute paths of files",
        meaning: "Databases in MaxMind's format (GeoLite2-Country, GeoLite2-ASN and their like) that say which country and network an address belongs to. Read into memory; changes are noticed.",
    },
    Key {
        path: "intel.home_countries",
        default: "[]",
        values: "a list of codes of two capital letters (ISO 3166-1)",
        meaning: "Where this host's peers are expected. A connection to port 443 elsewhere is the weak signal N4F; none without this key.",
    },
    Key {
        path: "intel.sync.name",
        default: "",
        values: "small letters, digits, `-`, `_`; required",
        meaning: "What evidence calls the list.",
    },
    Key {
        path: "intel.sync.from",
        default: "",
        values: "a URL of http or https, or an absolute path of a file or directory; required",
        meaning: "Where it comes from. Nothing else is contacted: redirections are not followed.",
    },
    Key {
        path: "intel.sync.list",
        default: "",
        values: "`\"pools\"`, `\"threats\"`, `\"allow\"`; required",
        meaning: "What being on it means, as the keys of `[intel]` with these names.",
    },
    Key {
        path: "intel.sync.every_minutes",
        default: "60",
        values: "5 to 10080",
        meaning: "Time between two fetches. What is fetched is kept in the state directory, and used from there after a restart.",
    },
    Key {
        path: "intel.sync.ca_file",
        default: "",
        values: "an absolute path",
        meaning: "Certificates (PEM) to check the server against, instead of the system's.",
    },
    Key {
        path: "intel.sync.headers_file",
        default: "",
        values: "an absolute path",
        meaning: "Header fields to send along, one `Name: value` a line, as for an API key; over https only.",
    },
    Key {
        path: "sink.stdout.alerts",
        default: "true",
        values: "`true`, `false`",
        meaning: "Whether alerts are written to standard output.",
    },
    Key {
        path: "sink.stdout.events",
        default: "\"none\"",
        values: EVENT_KINDS,
        meaning: "Which events are written to standard output.",
    },
    Key {
        path: "sink.file.path",
        default: "",
        values: "an absolute path",
        meaning: "The file. Must be given, and each file sink has its own.",
    },
    Key {
        path: "sink.file.alerts",
        default: "true",
        values: "`true`, `false`",
        meaning: "Whether alerts are written to it.",
    },
    Key {
        path: "sink.file.events",
        default: "\"none\"",
        values: EVENT_KINDS,
        meaning: "Which events are written to it.",
    },
    Key {
        path: "sink.file.max_size_mib",
        default: "100",
        values: "1 to 1048576",
        meaning: "Size at which the file is rotated.",
    },
    Key {
        path: "sink.file.keep",
        default: "5",
        values: "0 to 1000",
        meaning: "How many rotated files are kept.",
    },
    Key {
        path: "state.directory",
        default: "\"/var/lib/minerwatch\"",
        values: "an absolute path",
        meaning: "The only directory the daemon writes to, its file sinks and its socket apart.",
    },
    Key {
        path: "control.enabled",
        default: "true",
        values: "`true`, `false`",
        meaning: "Whether the daemon listens for `minerwatch tail` and its like.",
    },
    Key {
        path: "control.socket",
        default: "\"/run/minerwatch/control.sock\"",
        values: "an absolute path",
        meaning: "The Unix socket it listens on. Only root and the daemon's own user may use it.",
    },
    Key {
        path: "limits.max_processes",
        default: "65536",
        values: "1024 to 4194304",
        meaning: "Processes in the table, living and remembered dead ones together.",
    },
    Key {
        path: "limits.max_incidents",
        default: "1024",
        values: "16 to 65536",
        meaning: "Incidents kept open.",
    },
    Key {
        path: "log.level",
        default: "\"info\"",
        values: "`\"error\"`, `\"warn\"`, `\"info\"`, `\"debug\"`, `\"trace\"`",
        meaning: "The least level of the daemon's own messages on standard error. The environment variable \
                  `MINERWATCH_LOG` overrides it.",
    },
];

/// Sections that may be given several times.
pub const TABLES: [&str; 2] = ["intel.sync", "sink.file"];

/// The names directly below a section; below `""`, the sections.
pub fn children(section: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS {
        let below = if section.is_empty() {
            Some(key.path)
        } else {
            key.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'))
        };
        let name = below.and_then(|below| below.split('.').next());
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

/// The page in Markdown.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if of != section {
            section = of;
            let header = if TABLES.contains(&of) { format!("[[{of}]]") } else { format!("[{of}]") };
            let _ =
                write!(page, "\n## `{header}`\n\n| key | default | values | meaning |\n|---|---|---|---|\n");
        }
        let default = if key.default.is_empty() { "none".to_owned() } else { format!("`{}`", key.default) };
        let _ = writeln!(page, "| `{name}` | {default} | {} | {} |", key.values, key.meaning);
    }
    page
}

const INTRODUCTION: &str = "\
# Configuration

`minerwatch run --config FILE` reads one file in [TOML](https://toml.io). Without it the daemon works with
the defaults below: alerts as JSON on standard output. Every key is optional unless it says otherwise.

- A key or value that is not allowed stops the start with exit code 2, naming file, line and key.
- `SIGHUP` reads the file again. A broken one is refused and the old configuration stays in force; either is
  said on standard error. `[detection].min_verdict`, `[intel]`, `[sink]` and `[log]` take effect at once, the other sections at the
  next start, and the daemon says so.
- `[[sink.file]]` may be given several times, once for each file; so may `[[intel.sync]]`, once for each list.

This page is made from the program (`minerwatch/src/config/reference.rs`); a test fails when they differ.
";
