//! Lists of indicators: read from the files that the configuration names, and again when they change.

mod files;
#[cfg(feature = "sensor")]
mod keeper;
mod load;
#[cfg(feature = "sensor")]
mod places;
#[cfg(feature = "sensor")]
mod sync;
mod synced;

#[cfg(feature = "sensor")]
pub use keeper::{ListKeeper, Lists};
pub use load::{FileReport, Loaded, load};
#[cfg(feature = "sensor")]
pub use places::{Places, open as open_places};
#[cfg(feature = "sensor")]
pub use sync::Syncer;
pub use synced::with_synced;
