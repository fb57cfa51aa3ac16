//! The limits of hashing.

/// How much is hashed, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSettings {
    /// Larger files are not hashed, bytes.
    pub max_size: u64,
    /// The most bytes read a second, on average.
    pub rate: u64,
}
