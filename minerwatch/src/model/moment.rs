//! A date or a time, as people write it in the configuration and read it in messages.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const DAY: i64 = 86_400;

/// A point in time, in seconds since 1970. In text it is a date (`2027-02-26`, the beginning of the day in UTC) or a
/// time (`2027-02-26T12:00:00Z`), as in RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// Creates a moment from seconds since 1970.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Creates a moment from nanoseconds since 1970.
    pub fn from_unix_nanoseconds(nanoseconds: i128) -> Self {
        Self(i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(i64::MAX))
    }

    /// Parses a date or a time.
    ///
    /// # Errors
    ///
    /// The text is neither. The message names the text and shows examples.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        if let Ok(time) = OffsetDateTime::parse(&whole, &Rfc3339) {
            return Ok(Self(time.unix_timestamp()));
        }
        let shown: String = text.chars().take(40).collect();
        Err(format!(
            "`{shown}` is neither a date nor a time with its offset: write `2027-02-26` or `2027-02-26T12:00:00Z`"
        ))
    }

    /// Returns the moment this many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(i64::from(days) * DAY))
    }

    /// Returns the beginning of the day in UTC.
    #[must_use]
    pub fn day(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(DAY)))
    }

    /// Returns the whole days from `earlier` to this moment, 0 if `earlier` is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        (self.0.saturating_sub(earlier.0) / DAY).max(0)
    }
}

/// Writes the date alone if the moment is the beginning of a day.
impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text =
            OffsetDateTime::from_unix_timestamp(self.0).ok().and_then(|time| time.format(&Rfc3339).ok());
        match text.as_deref() {
            Some(text) if self.0.rem_euclid(DAY) == 0 => {
                formatter.write_str(text.split_once('T').map_or(text, |(date, _)| date))
            }
            Some(text) => formatter.write_str(text),
            None => write!(formatter, "{} s after 1970", self.0),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Accepts text, and the dates of TOML without quotes.
impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Moment;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a date such as `2027-02-26`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
                Moment::parse(text).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Moment, A::Error> {
                let date = toml::value::Datetime::deserialize(MapAccessDeserializer::new(map))?;
                Moment::parse(&date.to_string()).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_and_written() {
        for (text, seconds, written) in [
            ("1970-01-02", 86_400, "1970-01-02"),
            ("1970-01-01T00:00:01Z", 1, "1970-01-01T00:00:01Z"),
            ("1970-01-01T02:00:00+02:00", 0, "1970-01-01"),
        ] {
            let moment = Moment::parse(text).expect("a moment");
            assert_eq!((moment.0, moment.to_string().as_str()), (seconds, written));
        }
        for text in ["", "tomorrow", "2027-02-30", "2027-02-26T12:00:00", "2027-2-6", "ä7-02-26xx"] {
            assert!(Moment::parse(text).expect_err(text).contains("2027-02-26"), "{text}");
        }
        assert!(Moment(i64::MAX).to_string().contains("after 1970"));
    }

    #[test]
    fn toml_may_leave_the_quotes_away() {
        #[derive(Deserialize)]
        struct File {
            at: Moment,
        }
        for text in ["at = '2027-02-26'", "at = 2027-02-26", "at = 2027-02-26T00:00:00Z"] {
            assert_eq!(toml::from_str::<File>(text).expect(text).at.to_string(), "2027-02-26", "{text}");
        }
        assert!(toml::from_str::<File>("at = 07:30:00").is_err());
        assert!(toml::from_str::<File>("at = 7").is_err());
    }

    #[test]
    fn days_are_whole() {
        let start = Moment(10 * DAY + 5);
        assert_eq!(start.day(), Moment(10 * DAY));
        assert_eq!(start.plus_days(90).days_since(start), 90);
        assert_eq!(start.days_since(start.plus_days(1)), 0);
    }
}
