//! A length of time on the command line.

use std::str::FromStr;

/// A length of time in whole seconds, written as `90s`, `30m`, `1h` or `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(u64);

impl Period {
    /// The seconds, from 1 to the number of a year.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const YEAR: u64 = 366 * 86_400;
        let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
        let seconds = units
            .iter()
            .find_map(|(unit, seconds)| text.strip_suffix(*unit)?.parse::<u64>().ok()?.checked_mul(*seconds));
        match seconds {
            Some(seconds @ 1..=YEAR) => Ok(Self(seconds)),
            _ => Err("write a time from one second to a year as `90s`, `30m`, `1h` or `2d`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("1h", 3_600), ("2d", 172_800)] {
            assert_eq!(text.parse(), Ok(Period(seconds)), "{text}");
        }
        for text in ["", "h", "90", "0s", "-1h", "1y", "367d", "99999999999999999999h", "1.5h"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
