//! Recordings: events of the sensor in a file, which a replay sends through the engine again.
//!
//! A recording consists of JSON lines. The first line is a [`Header`], every other line is one
//! [`Event`](crate::model::Event).

mod create;
mod reader;
mod writer;

use serde::{Deserialize, Serialize};

use crate::model::WallClock;

pub use create::{CreateError, create};
pub use reader::{HeaderError, ReadError, Reader};
pub use writer::Writer;

/// Version of the file format. The reader accepts this version and all earlier ones.
pub const VERSION: u32 = 1;

/// The first line of a recording: the recorded host and its clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the file format. The name of this field marks the file as a recording.
    #[serde(rename = "minerwatch_recording")]
    pub format: u32,
    /// Version of the program that made the recording.
    pub version: String,
    /// Name of the host.
    pub host: String,
    /// Id of the host (`/etc/machine-id`), if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Boot id of the host (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// Wall-clock time of the boot, in nanoseconds since 1970. It is written as a string, because many JSON readers
    /// lose the precision of large numbers.
    #[serde(with = "wall_clock")]
    pub wall_clock_at_boot: WallClock,
    /// Number of processors of the host.
    pub processors: u32,
}

impl Header {
    /// Creates a header with the current format and program version.
    pub fn new(host: &str, boot_id: &str, clock: WallClock, processors: u32) -> Self {
        Self {
            format: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host.to_owned(),
            host_id: None,
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
