//! Country and network of an address, from the user's databases.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Location of a peer's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GeoLocation {
    /// Country (ISO 3166-1, two letters).
    pub country: Option<Arc<str>>,
    /// Number of the autonomous system that announces the address.
    pub as_number: Option<u32>,
    /// Organization of that autonomous system.
    pub as_organization: Option<Arc<str>>,
    /// Whether the country is known and not in the user's list of home countries.
    pub foreign: bool,
}
