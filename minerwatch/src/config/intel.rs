//! `[intel]`: lists of indicators.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::value::{absolute_path_if_any, absolute_paths, in_range};

/// The longest name of a fetched list.
const MAX_NAME: usize = 64;

/// Lists of names, addresses and hashes: files, or directories full of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Intel {
    /// Whether the list of pools that comes with the program is used.
    pub built_in: bool,
    /// Lists of mining pools and miners.
    #[serde(deserialize_with = "absolute_paths")]
    pub pools: Vec<PathBuf>,
    /// Lists of other malicious hosts and files.
    #[serde(deserialize_with = "absolute_paths")]
    pub threats: Vec<PathBuf>,
    /// Lists of what is never reported, whoever else lists it.
    #[serde(deserialize_with = "absolute_paths")]
    pub allow: Vec<PathBuf>,
    /// Databases of countries and networks in the format of `MaxMind`.
    #[serde(deserialize_with = "absolute_paths")]
    pub geo_databases: Vec<PathBuf>,
    /// Countries where this host's peers are expected; empty switches the signal for others off.
    #[serde(deserialize_with = "countries")]
    pub home_countries: Vec<String>,
    /// Lists that are fetched from elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync: Vec<ListSync>,
}

impl Default for Intel {
    fn default() -> Self {
        Self {
            built_in: true,
            pools: Vec::new(),
            threats: Vec::new(),
            allow: Vec::new(),
            geo_databases: Vec::new(),
            home_countries: Vec::new(),
            sync: Vec::new(),
        }
    }
}

/// A list that is fetched again and again and kept in the state directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSync {
    /// What evidence calls it: small letters, digits, `-` and `_`.
    #[serde(deserialize_with = "list_name")]
    pub name: String,
    /// Where it comes from.
    pub from: SyncSource,
    /// What being on it means.
    pub list: SyncList,
    /// Time between two fetches, minutes.
    #[serde(default = "hourly", deserialize_with = "in_range::<5, 10_080, _>")]
    pub every_minutes: u64,
    /// Certificates (PEM) that its server is checked against instead of the system's.
    #[serde(default, deserialize_with = "absolute_path_if_any", skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Header fields that are sent along, one `Name: value` a line: an API key.
    #[serde(default, deserialize_with = "absolute_path_if_any", skip_serializing_if = "Option::is_none")]
    pub headers_file: Option<PathBuf>,
}

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SyncSource {
    /// `http://` or `https://`.
    Url(String),
    /// A file, or a directory full of them.
    Path(PathBuf),
}

/// What being on a fetched list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncList {
    /// As `intel.pools`.
    Pools,
    /// As `intel.threats`.
    Threats,
    /// As `intel.allow`.
    Allow,
}

impl SyncList {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Pools, Self::Threats];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pools => "pools",
            Self::Threats => "threats",
            Self::Allow => "allow",
        }
    }
}

impl ListSync {
    /// One with the defaults.
    pub fn new(name: String, from: SyncSource, list: SyncList) -> Self {
        Self { name, from, list, every_minutes: hourly(), ca_file: None, headers_file: None }
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
    /// Whether anybody on the way can change what comes.
    pub fn is_in_the_clear(&self) -> bool {
        match self {
            Self::Url(_) => !self.is_https(),
            Self::Path(_) => false,
        }
    }

    /// Whether nobody on the way can read what is sent.
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

fn hourly() -> u64 {
    60
}

/// It becomes the name of a file.
fn list_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_plain) {
        return Ok(name);
    }
    Err(D::Error::custom(format!("`{name}` is no name: up to {MAX_NAME} of a-z, 0-9, - and _")))
}

/// Codes of two letters.
fn countries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let countries = Vec::<String>::deserialize(deserializer)?;
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    match countries.iter().find(|code| !is_code(code)) {
        Some(code) => {
            Err(D::Error::custom(format!("`{code}` is no country: two capital letters, as in `DE`")))
        }
        None => Ok(countries),
    }
}
