//! The limits of hashing.

/// The size limit and the rate limit of hashing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSettings {
    /// Maximum size of a file, in bytes. Larger files are not hashed.
    pub max_size: u64,
    /// Maximum average read rate, in bytes per second.
    pub rate: u64,
}
