//! What is known of the host beyond its processes, kept up to date before the detectors look at an event.
//!
//! A detector judges; what several of them need to know is kept here once.

use std::{net::IpAddr, sync::Arc};

use super::WrittenFiles;
use crate::{
    bounded::BoundedMap,
    intel::Indicators,
    model::{Event, GeoLocation},
    process::{Process, ProcessTable},
};

/// Written files remembered in case they are run.
const WRITTEN_FILES: usize = 4_096;
/// Addresses whose location is remembered.
const LOCATIONS: usize = 4_096;

/// The knowledge that detectors share.
#[derive(Debug)]
pub struct Knowledge {
    /// Files written lately that may be run.
    pub written: WrittenFiles,
    /// The lists of indicators.
    pub indicators: Arc<Indicators>,
    /// Where peers are, as far as the events of their connections said.
    pub locations: BoundedMap<IpAddr, Arc<GeoLocation>>,
}

impl Knowledge {
    /// Nothing known yet but the lists.
    pub fn new(indicators: Arc<Indicators>) -> Self {
        Self { written: WrittenFiles::new(WRITTEN_FILES), indicators, locations: BoundedMap::new(LOCATIONS) }
    }

    /// Takes in what an event says.
    pub fn observe(&mut self, event: &Event, process: &Process, table: &ProcessTable) {
        if let Some((destination, location)) = event.body.destination().zip(event.body.peer()) {
            let address = destination.ip().to_canonical();
            if self.locations.get(&address).is_none_or(|known| **known != *location) {
                self.locations.insert(address, Arc::new(location.clone()));
            }
        }
        self.written.observe(event, process, table);
    }
}
