//! Looks up the country and network of addresses in the user's `MaxMind` databases (format version 2.0).

use std::{
    fmt, fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use maxminddb::{PathElement, Reader};
use tracing::{info, warn};

use crate::model::{Event, GeoLocation};

/// Maximum size of a database file, in bytes. The largest free databases have 60 MiB.
const MAX_SIZE: u64 = 256 << 20;

/// The loaded databases and the home countries.
pub struct GeoDatabases {
    databases: Vec<Database>,
    home: Vec<String>,
}

struct Database {
    path: PathBuf,
    reader: Arc<Reader<Vec<u8>>>,
}

impl fmt::Debug for GeoDatabases {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.databases.iter().map(|database| &database.path)).finish()
    }
}

/// Opens databases. `home` lists the countries that are not foreign; if the list is empty, no country is foreign. If a
/// database cannot be used, a warning is logged and its version in `earlier` stays in use. Returns `None` if no
/// database can be used.
pub fn open(paths: &[PathBuf], home: &[String], earlier: Option<&GeoDatabases>) -> Option<Arc<GeoDatabases>> {
    let databases: Vec<Database> = paths.iter().filter_map(|path| Database::open(path, earlier)).collect();
    (!databases.is_empty()).then(|| Arc::new(GeoDatabases { databases, home: home.to_vec() }))
}

/// Checks whether a database can be used.
///
/// # Errors
///
/// The file cannot be read, or is no database of this kind.
pub fn check(path: &Path) -> anyhow::Result<()> {
    read(path).map(drop)
}

impl Database {
    fn open(path: &Path, earlier: Option<&GeoDatabases>) -> Option<Self> {
        let known = || earlier?.databases.iter().find(|database| database.path == path);
        match read(path) {
            Ok(reader) => {
                let metadata = reader.metadata();
                let (kind, nodes) = (&metadata.database_type, metadata.node_count);
                info!("{}: {kind}, nodes: {nodes}", path.display());
                Some(Self { path: path.to_owned(), reader: Arc::new(reader) })
            }
            Err(error) => {
                let known = known();
                let stays = if known.is_some() { "; the earlier version stays in use" } else { "" };
                warn!("{}: {error:#}{stays}", path.display());
                known.map(|known| Self { path: path.to_owned(), reader: Arc::clone(&known.reader) })
            }
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Reader<Vec<u8>>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > MAX_SIZE {
        bail!("is not a file of at most {} MiB", MAX_SIZE >> 20);
    }
    Reader::from_source(fs::read(path)?).context("is not a database in MaxMind's format")
}

impl GeoDatabases {
    /// Looks up a public address in all databases. For each field, the first database that has a value counts.
    pub fn of(&self, address: IpAddr) -> Option<GeoLocation> {
        let address = address.to_canonical();
        if !is_public(address) {
            return None;
        }
        let mut location = GeoLocation::default();
        for database in &self.databases {
            // An IPv4 database has no answer for an IPv6 address, and a damaged one has none for some addresses.
            let Ok(found) = database.reader.lookup(address) else { continue };
            let text = |keys: &[&'static str]| {
                let path: Vec<PathElement<'_>> = keys.iter().map(|key| PathElement::Key(key)).collect();
                found.decode_path::<&str>(&path).ok().flatten().map(Arc::<str>::from)
            };
            let number = |key| found.decode_path::<u32>(&[PathElement::Key(key)]).ok().flatten();
            location.country = location
                .country
                .or_else(|| text(&["country", "iso_code"]))
                .or_else(|| text(&["country_code"]))
                .or_else(|| text(&["country"]));
            location.as_number = location.as_number.or_else(|| number("autonomous_system_number"));
            location.as_organization =
                location.as_organization.or_else(|| text(&["autonomous_system_organization"]));
        }
        let is_home = |country: &Arc<str>| self.home.iter().any(|home| **home == **country);
        location.foreign =
            !self.home.is_empty() && location.country.as_ref().is_some_and(|country| !is_home(country));
        let is_known = location.country.is_some() || location.as_number.is_some();
        is_known.then_some(location)
    }

    /// Sets the location of the peer in a connection event.
    pub fn add_to(&self, event: &mut Event) {
        let Some(destination) = event.body.destination() else { return };
        if let Some(peer) = event.body.peer_mut() {
            *peer = self.of(destination.ip()).map(Box::new);
        }
    }
}

/// Returns whether an address is public. Databases have no entries for private addresses, or wrong ones.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests;
