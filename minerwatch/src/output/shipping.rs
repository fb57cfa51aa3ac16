//! The keys that all network outputs share.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::schema::{between, section};

section! {
    /// Keys of every network output.
    pub struct ShippingKeys {
        /// Maximum size of one request, in KiB. A server that refuses a request as too large gets smaller ones.
        pub max_batch_kib: u64 = 1_024, between(16, 65_536);
        /// Time after which an unanswered request has failed, in seconds.
        pub timeout_s: u64 = 20, between(1, 300);
        /// Maximum size of the spool on disk, in MiB. When it is full, events are dropped before alerts, oldest first.
        pub spool_max_mib: u64 = 256, between(4, 65_536);
        /// Maximum age of a line in the spool, in hours.
        pub spool_max_hours: u64 = 72, between(1, 8_760);
    }
}

/// The name of a network output: 1 to 64 lower-case letters, digits, `-` and `_`. It is a part of the names of
/// the output's files below the state directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct OutputName(String);

impl OutputName {
    /// Description of the accepted values for the reference.
    pub const ACCEPTED: &str = "1 to 64 lower-case letters, digits, `-` and `_`";
}

impl TryFrom<String> for OutputName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
            Ok(Self(name))
        } else {
            Err(format!("`{name}` is not a name; a name has {}", Self::ACCEPTED))
        }
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
