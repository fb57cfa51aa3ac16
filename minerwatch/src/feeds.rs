//! Loads lists of indicators from the configured files, reloads changed files, and fetches lists from other sources.

mod files;
mod load;
mod metrics;
#[cfg(feature = "sensor")]
mod reloader;
#[cfg(feature = "sensor")]
mod sync;
mod synced;

pub use crate::enrich::geo::check as check_database;
pub use load::{FileReport, Loaded, load};
pub use metrics::ListMetrics;
#[cfg(feature = "sensor")]
pub use reloader::{ListReloader, Lists};
#[cfg(feature = "sensor")]
pub use sync::Syncer;
pub use synced::with_synced;
