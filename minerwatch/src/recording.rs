//! Events on disk: what the sensor saw, to be sent through the engine again.
//!
//! The first line is a [`Header`]; every other line is one [`Event`](crate::model::Event). All of them are JSON.

mod create;
mod reader;
mod writer;

use serde::{Deserialize, Serialize};

use crate::model::WallClock;

pub use create::{CreateError, create};
pub use reader::{HeaderError, ReadError, Reader};
pub use writer::Writer;

/// The version of the format. A reader takes files of this version and of earlier ones.
pub const VERSION: u32 = 1;

/// The first line: which host the recording is of, and how it counted time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format; its name marks the file as a recording.
    #[serde(rename = "minerwatch_recording")]
    pub format: u32,
    /// Version of the program that recorded.
    pub version: String,
    /// The host's name.
    pub host: String,
    /// Identity of the boot.
    pub boot_id: String,
    /// How boot time becomes wall time. A string: JSON's numbers are not exact that far.
    #[serde(with = "wall_clock")]
    pub wall_clock_at_boot: WallClock,
    /// Processors of the host.
    pub processors: u32,
}

impl Header {
    /// The header of a recording that begins now.
    pub fn new(host: &str, boot_id: &str, clock: WallClock, processors: u32) -> Self {
        Self {
            format: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host.to_owned(),
            boot_id: boot_id.to_owned(),
            wall_clock_at_boot: clock,
            processors,
        }
    }
}

mod wall_clock {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::model::WallClock;

    pub fn serialize<S: Serializer>(clock: &WallClock, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&clock.boot)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WallClock, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(|boot| WallClock { boot }).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
