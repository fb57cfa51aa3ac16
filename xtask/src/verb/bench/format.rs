//! Figures as people read them.

/// Formats a duration in nanoseconds in the unit that keeps it short.
pub fn duration(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ..1e4 => (nanoseconds, "ns"),
        ..1e7 => (nanoseconds / 1e3, "µs"),
        _ => (nanoseconds / 1e6, "ms"),
    };
    let digits = usize::from(value < 100.0);
    format!("{value:.digits$} {unit}")
}

/// Formats a difference of durations with its sign.
pub fn difference(nanoseconds: f64) -> String {
    format!("{}{}", if nanoseconds < 0.0 { '-' } else { '+' }, duration(nanoseconds.abs()))
}

/// Formats a share as a signed percentage.
pub fn percent(share: f64) -> String {
    // Rounds first, so that there is no -0.0.
    let tenths = (share * 1000.0).round() + 0.0;
    format!("{:+.1} %", tenths / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_their_digits() {
        let cases =
            [(7.04, "7.0 ns"), (930.0, "930 ns"), (8600.0, "8600 ns"), (6.2e5, "620 µs"), (2.5e7, "25.0 ms")];
        for (nanoseconds, expected) in cases {
            assert_eq!(duration(nanoseconds), expected);
        }
        assert_eq!([difference(7.0), difference(-7.0)], ["+7.0 ns", "-7.0 ns"]);
    }

    #[test]
    fn percentages_have_a_sign() {
        let cases = [(0.0123, "+1.2 %"), (-0.5, "-50.0 %"), (0.0, "+0.0 %"), (-0.000_01, "+0.0 %")];
        for (share, expected) in cases {
            assert_eq!(percent(share), expected);
        }
    }
}
