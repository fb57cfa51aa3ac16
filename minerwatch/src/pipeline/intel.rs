//! Lists of indicators: read from the files that the configuration names, and again when they change.

mod files;
#[cfg(feature = "sensor")]
mod keeper;
mod load;

#[cfg(feature = "sensor")]
pub use keeper::{ListKeeper, Lists};
pub use load::{FileReport, Loaded, load};
