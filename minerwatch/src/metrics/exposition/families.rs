//! The table of all families.

mod daemon;
mod engine;
mod host;
mod outputs;
mod sensor;

use super::family::Family;

/// Returns every family, in the order of the text and of the documentation.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    groups().into_iter().flat_map(|(_, families)| families)
}

/// Returns the families in groups, each with its heading in the documentation.
pub(super) fn groups() -> [(&'static str, &'static [Family]); 5] {
    [
        ("The daemon", daemon::FAMILIES),
        ("Events and data sources", sensor::FAMILIES),
        ("Incidents and tables", engine::FAMILIES),
        ("Outputs", outputs::FAMILIES),
        ("The host", host::FAMILIES),
    ]
}
