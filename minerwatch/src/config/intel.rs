//! `[intel]`: lists of indicators.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::schema::{
    absolute_path, absolute_paths, between, checked, choice, optional, parsed, section, switch, tables,
};

/// Maximum length of the name of a fetched list, in bytes.
const MAX_NAME: usize = 64;

/// The values that the keys for lists accept, as the reference shows them.
const LISTS: &str = "a list of absolute paths, of files or directories";

section! {
    /// Keys of `[intel]`.
    pub struct Intel {
        /// Whether the list of mining pools that comes with the program is used.
        pub built_in: bool = true, switch();
        /// Lists of mining pools: domain names, addresses, networks, host:port and SHA-256, in the formats that
        /// [intel.md](intel.md) lists. Changed lists are reloaded while the daemon runs.
        pub pools: Vec<PathBuf> = Vec::new(), absolute_paths(LISTS);
        /// Lists of other malicious hosts and files, in the same formats.
        pub threats: Vec<PathBuf> = Vec::new(), absolute_paths(LISTS);
        /// Lists of values that are never reported, even if another list has them.
        pub allow: Vec<PathBuf> = Vec::new(), absolute_paths(LISTS);
        /// Databases in the MMDB format (GeoLite2-Country, GeoLite2-ASN and similar) that give the country and network
        /// of an address. They are read into memory, and reloaded when they change.
        pub geo_databases: Vec<PathBuf> = Vec::new(), absolute_paths("a list of absolute paths of files");
        /// Countries where this host's peers are expected. A connection to port 443 in any other country raises the
        /// weak signal N4F. Without this key, the signal is never raised.
        pub home_countries: Vec<String> = Vec::new(),
            checked("a list of codes of two capital letters (ISO 3166-1)", are_countries);
        /// Lists that the daemon fetches from other places.
        pub sync: Vec<ListSync> = Vec::new(), tables();
    }
}

section! {
    /// Keys of `[[intel.sync]]`: a list that is fetched regularly and kept in the state directory.
    pub struct ListSync {
        required {
            /// Name of the list in the evidence of signals.
            pub name: String, checked("small letters, digits, `-`, `_`", is_list_name);
            /// Source of the list. No other host is contacted: redirects are not followed.
            pub from: SyncSource,
                parsed("a URL of http or https, or an absolute path of a file or directory");
            /// Kind of the list. The kinds are those of the keys of `[intel]` with the same names.
            pub list: SyncList, choice();
        }
        /// Interval between two fetches, in minutes. Fetched lists are kept in the state directory, and are used from
        /// there after a restart.
        pub every_minutes: u64 = 60, between(5, 10_080);
        /// File of certificates (PEM) to verify the server with, instead of the system's certificates.
        pub ca_file: Option<PathBuf> = None, optional(absolute_path());
        /// File of header fields to send, one `Name: value` per line, for example an API key. Sent over https only.
        pub headers_file: Option<PathBuf> = None, optional(absolute_path());
    }
}

/// The source of a fetched list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SyncSource {
    /// A URL of http or https.
    Url(String),
    /// Path of a file, or of a directory of files.
    Path(PathBuf),
}

/// The kind of a fetched list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncList {
    /// Mining pools, as in `intel.pools`.
    Pools,
    /// Other threats, as in `intel.threats`.
    Threats,
    /// Allowed values, as in `intel.allow`.
    Allow,
}

impl SyncList {
    /// All kinds of fetched lists.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Pools, Self::Threats];

    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pools => "pools",
            Self::Threats => "threats",
            Self::Allow => "allow",
        }
    }
}

impl TryFrom<String> for SyncSource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Self::Url(text));
        }
        if text.starts_with('/') {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        Err(format!("`{text}` is neither a URL of http or https nor an absolute path"))
    }
}

impl SyncSource {
    /// Returns whether the list is fetched without encryption, so that others on the network path can read and change
    /// the list.
    pub fn is_plain_http(&self) -> bool {
        match self {
            Self::Url(_) => !self.is_https(),
            Self::Path(_) => false,
        }
    }

    /// Returns whether the list is fetched over https.
    pub fn is_https(&self) -> bool {
        match self {
            Self::Url(url) => url.starts_with("https://"),
            Self::Path(_) => false,
        }
    }
}

impl From<SyncSource> for String {
    fn from(source: SyncSource) -> Self {
        source.to_string()
    }
}

impl std::fmt::Display for SyncSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => formatter.write_str(url),
            Self::Path(path) => path.display().fmt(formatter),
        }
    }
}

/// Checks the name of a list, which becomes the name of a file.
fn is_list_name(name: &str) -> Result<(), String> {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(format!("`{name}` is not a name: up to {MAX_NAME} of a-z, 0-9, - and _"))
}

fn are_countries(codes: &[String]) -> Result<(), String> {
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    match codes.iter().find(|code| !is_code(code)) {
        Some(code) => Err(format!("`{code}` is not a country: two capital letters, as in `DE`")),
        None => Ok(()),
    }
}
