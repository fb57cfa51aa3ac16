//! Where an address is on the map and in the network, as far as a database of the user's says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What is known of a peer's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GeoLocation {
    /// Country (ISO 3166-1, two letters).
    pub country: Option<Arc<str>>,
    /// Number of the autonomous system that announces it.
    pub as_number: Option<u32>,
    /// Who runs that.
    pub as_organization: Option<Arc<str>>,
    /// Whether the country is known and none of the user's own.
    pub foreign: bool,
}
