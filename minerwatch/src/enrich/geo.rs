//! Country and network of addresses, from databases in `MaxMind`'s format (version 2.0) that the user points to.

use std::{
    fmt, fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use maxminddb::{PathElement, Reader};
use tracing::{info, warn};

use crate::{
    config::Intel,
    model::{Event, GeoLocation},
};

/// A larger file is not read, bytes; the largest free databases have 60 MiB.
const MAX_SIZE: u64 = 256 << 20;

/// The databases, read into memory.
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

/// Opens the databases of a configuration. One that cannot be used is told of; where an `earlier` set has it, that
/// stays. `None` if there are none.
pub fn open(config: &Intel, earlier: Option<&GeoDatabases>) -> Option<Arc<GeoDatabases>> {
    let databases: Vec<Database> =
        config.geo_databases.iter().filter_map(|path| Database::open(path, earlier)).collect();
    (!databases.is_empty()).then(|| Arc::new(GeoDatabases { databases, home: config.home_countries.clone() }))
}

impl Database {
    fn open(path: &Path, earlier: Option<&GeoDatabases>) -> Option<Self> {
        let known = || earlier?.databases.iter().find(|database| database.path == path);
        match read(path) {
            Ok(reader) => {
                let about = reader.metadata();
                info!("{}: {}, {} nodes", path.display(), about.database_type, about.node_count);
                Some(Self { path: path.to_owned(), reader: Arc::new(reader) })
            }
            Err(error) => {
                let known = known();
                let stays = if known.is_some() { "; what was read before stays" } else { "" };
                warn!("{}: {error:#}{stays}", path.display());
                known.map(|known| Self { path: path.to_owned(), reader: Arc::clone(&known.reader) })
            }
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Reader<Vec<u8>>> {
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > MAX_SIZE {
        bail!("is no file of at most {} MiB", MAX_SIZE >> 20);
    }
    Reader::from_source(fs::read(path)?).context("is no database in MaxMind's format")
}

impl GeoDatabases {
    /// What is known of an address; of several databases that know something the first counts.
    pub fn of(&self, address: IpAddr) -> Option<GeoLocation> {
        let address = address.to_canonical();
        if !is_public(address) {
            return None;
        }
        let mut place = GeoLocation::default();
        for database in &self.databases {
            // A database of IPv4 has no answer for an address of IPv6; a damaged one has none for some.
            let Ok(found) = database.reader.lookup(address) else { continue };
            let text = |keys: &[&'static str]| {
                let path: Vec<PathElement<'_>> = keys.iter().map(|key| PathElement::Key(key)).collect();
                found.decode_path::<&str>(&path).ok().flatten().map(Arc::<str>::from)
            };
            let number = |key| found.decode_path::<u32>(&[PathElement::Key(key)]).ok().flatten();
            place.country = place
                .country
                .or_else(|| text(&["country", "iso_code"]))
                .or_else(|| text(&["country_code"]))
                .or_else(|| text(&["country"]));
            place.as_number = place.as_number.or_else(|| number("autonomous_system_number"));
            place.as_organization =
                place.as_organization.or_else(|| text(&["autonomous_system_organization"]));
        }
        let is_home = |country: &Arc<str>| self.home.iter().any(|home| **home == **country);
        place.foreign =
            !self.home.is_empty() && place.country.as_ref().is_some_and(|country| !is_home(country));
        let is_known = place.country.is_some() || place.as_number.is_some();
        is_known.then_some(place)
    }

    /// Puts the location of the peer into the event of a connection.
    pub fn add_to(&self, event: &mut Event) {
        let Some(destination) = event.body.destination() else { return };
        if let Some(peer) = event.body.peer_mut() {
            *peer = self.of(destination.ip()).map(Box::new);
        }
    }
}

/// Addresses of private networks are in no database, or wrongly.
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
