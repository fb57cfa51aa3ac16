//! The fields of a document that are part of a syslog header. Everything else is skipped, which takes a fraction of the
//! time.

use serde::Deserialize;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// The fields of a document for its header.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Head {
    #[serde(rename = "@timestamp")]
    pub timestamp: String,
    pub event: EventHead,
    pub host: HostHead,
    pub minerwatch: OwnHead,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EventHead {
    pub id: String,
    pub action: String,
    pub kind: String,
    pub severity: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HostHead {
    pub name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OwnHead {
    pub incident: IncidentHead,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IncidentHead {
    pub id: String,
}

impl Head {
    /// Returns the severity of RFC 5424.
    pub fn severity(&self) -> u32 {
        match self.event.severity {
            Some(90..) => 2,
            Some(70..) => 3,
            Some(40..) => 4,
            _ if self.event.kind == "alert" => 5,
            _ => 6,
        }
    }

    /// Returns the time with microseconds, which is the most that RFC 5424 allows, or `-` if there is none.
    pub fn time(&self) -> String {
        let parsed = OffsetDateTime::parse(&self.timestamp, &Rfc3339).ok();
        let Some(time) = parsed.and_then(|time| time.checked_to_offset(UtcOffset::UTC)) else {
            return "-".to_owned();
        };
        let (date, clock) = (time.date(), time.time());
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        if !(0..=9_999).contains(&year) {
            return "-".to_owned();
        }
        let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", clock.microsecond())
    }
}
