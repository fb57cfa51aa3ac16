//! What cargo knows about each package: licence, repository and checksum.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xtask::workspace;

use super::graph::Package;
use crate::command;

/// What is known about a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Its licence, as its authors wrote it.
    pub licence: Option<String>,
    /// The address of its repository.
    pub repository: Option<String>,
    /// Where cargo got it from. Members of the workspace have none.
    pub source: Option<String>,
    /// The SHA-256 checksum of its archive in the registry, in hexadecimal digits.
    pub checksum: Option<String>,
}

/// Returns the details of all packages that the workspace uses on `targets`.
pub fn all(targets: &[&str]) -> Result<BTreeMap<Package, Details>> {
    let mut cargo = command::cargo(["metadata", "--locked", "--quiet", "--format-version", "1"]);
    for target in targets {
        cargo.args(["--filter-platform", target]);
    }
    let mut details = from_metadata(&command::output(&mut cargo)?)?;
    let lock = workspace::root().join("Cargo.lock");
    let text = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    for (package, checksum) in checksums(&text) {
        if let Some(details) = details.get_mut(&package) {
            details.checksum = Some(checksum);
        }
    }
    Ok(details)
}

/// Reads what `cargo metadata` prints.
fn from_metadata(text: &str) -> Result<BTreeMap<Package, Details>> {
    let metadata: Value = serde_json::from_str(text).context("cargo metadata printed no JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata printed no packages")?;
    let mut all = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let (Some(name), Some(version)) = (text("name"), text("version")) else {
            bail!("cargo metadata printed a package without name and version");
        };
        let details = Details {
            licence: text("license"),
            repository: text("repository"),
            source: text("source"),
            checksum: None,
        };
        let package = Package { name, version };
        if all.insert(package.clone(), details).is_some() {
            bail!("{package} comes from two sources");
        }
    }
    Ok(all)
}

/// Reads the checksums from `Cargo.lock`. cargo writes this file itself, each key on a line of its own, so that a parser of
/// TOML, which takes longer to compile than the rest of this program, is not needed.
fn checksums(lock: &str) -> impl Iterator<Item = (Package, String)> {
    lock.split("[[package]]").skip(1).filter_map(|entry| {
        let value = |key: &str| {
            let value = entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
            Some(value.strip_prefix('"')?.strip_suffix('"')?.to_owned())
        };
        Some((Package { name: value("name")?, version: value("version")? }, value("checksum")?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_from_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n]\n\n\
            [[package]]\nname = \"a\"\nversion = \"1.0.0+b\"\nsource = \"registry\"\nchecksum = \"00ff\"\n";
        let a = Package { name: "a".into(), version: "1.0.0+b".into() };
        assert_eq!(checksums(lock).collect::<Vec<_>>(), [(a, "00ff".to_owned())]);
        assert_eq!(checksums("").count(), 0);
    }

    #[test]
    fn a_package_of_two_sources_is_an_error() {
        let entry = |source| format!(r#"{{"name":"a","version":"1.0.0","license":"MIT","source":{source}}}"#);
        let metadata = |entries: &[String]| format!(r#"{{"packages":[{}]}}"#, entries.join(","));
        let one = from_metadata(&metadata(&[entry("null")])).unwrap();
        let details = Details { licence: Some("MIT".into()), ..Details::default() };
        assert_eq!(one.into_values().collect::<Vec<_>>(), [details]);
        assert!(from_metadata(&metadata(&[entry("null"), entry("\"git\"")])).is_err());
        assert!(from_metadata("{}").is_err());
    }
}
