//! Lists of indicators: read from the files of the configuration, and read again when those change.

mod files;
mod load;
mod metrics;
#[cfg(feature = "sensor")]
mod reloader;
#[cfg(feature = "sensor")]
mod sync;
mod synced;

pub use load::{FileReport, Loaded, load};
pub use metrics::ListMetrics;
#[cfg(feature = "sensor")]
pub use reloader::{ListReloader, Lists};
#[cfg(feature = "sensor")]
pub use sync::Syncer;
pub use synced::with_synced;
