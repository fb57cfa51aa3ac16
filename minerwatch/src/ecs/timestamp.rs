//! Timestamps in the form of RFC 3339, with nanoseconds, in UTC, written without allocation.

use serde::{Serialize, Serializer};

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400;
/// The range of RFC 3339: 0000-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
const FIRST: i128 = -62_167_219_200 * SECOND;
const LAST: i128 = 253_402_300_800 * SECOND - 1;

/// Unix time in nanoseconds. A time whose year does not have four digits is written as the nearest time that has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp(pub i128);

impl Timestamp {
    /// Formats the time as `2026-11-22T23:14:05.123456789Z`.
    fn format(self) -> [u8; 30] {
        let nanoseconds = self.0.clamp(FIRST, LAST);
        let seconds = nanoseconds.div_euclid(SECOND);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let second_of_day = seconds.rem_euclid(DAY);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        put(&mut text[0..4], year);
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
        put(&mut text[11..13], second_of_day / 3600);
        put(&mut text[14..16], second_of_day / 60 % 60);
        put(&mut text[17..19], second_of_day % 60);
        put(&mut text[20..29], nanoseconds.rem_euclid(SECOND));
        text
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.format();
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Converts a number of days since 1970-01-01 to year, month and day in the Gregorian calendar. The calculation begins
/// each year in March, so that the leap day is the last day of the year. An era is 400 years.
fn civil(days: i128) -> (i128, i128, i128) {
    const ERA: i128 = 146_097;
    let since_march_of_0 = days + 719_468;
    let era = since_march_of_0.div_euclid(ERA);
    let day_of_era = since_march_of_0.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let (month, next_year) = if march_month < 10 { (march_month + 3, 0) } else { (march_month - 9, 1) };
    (400 * era + year_of_era + next_year, month, day)
}

/// Fills `digits` with the last digits of `number`.
fn put(digits: &mut [u8], number: i128) {
    // Every number here is below 10^9, and the narrow type divides much faster.
    let mut rest = u32::try_from(number).unwrap_or_default();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::*;

    fn own(nanoseconds: i128) -> String {
        String::from_utf8(Timestamp(nanoseconds).format().to_vec()).unwrap()
    }

    #[test]
    fn known_moments() {
        for (nanoseconds, expected) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400 * SECOND + 7, "2000-02-29T00:00:00.000000007Z"),
            (4_107_542_399 * SECOND, "2100-02-28T23:59:59.000000000Z"),
            (4_107_542_400 * SECOND, "2100-03-01T00:00:00.000000000Z"),
            (i128::MIN, "0000-01-01T00:00:00.000000000Z"),
            (i128::MAX, "9999-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(own(nanoseconds), expected);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_time_crate(nanoseconds in FIRST..=LAST) {
            let reference = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap();
            let (date, time) = (reference.date(), reference.time());
            let expected = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
                date.year(), u8::from(date.month()), date.day(),
                time.hour(), time.minute(), time.second(), time.nanosecond(),
            );
            prop_assert_eq!(own(nanoseconds), expected);
        }
    }
}
