//! Evidence: the typed values that a signal is based on, and their thresholds.

use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::ProcessKey;

/// A measured or observed value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Text: a path, a name, a method.
    Text(Arc<str>),
    /// A whole number.
    Count(u64),
    /// A whole number that may be negative.
    Signed(i64),
    /// A number with a fixed count of decimals.
    Decimal(Decimal),
    /// Yes or no.
    Flag(bool),
    /// An address and port.
    Address(SocketAddr),
    /// A process.
    Process(ProcessKey),
}

/// A decimal number with a fixed number of digits after the point. Compares exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decimal {
    /// The number times ten to the power of `decimals`.
    scaled: i64,
    /// Digits after the point, at most 9.
    decimals: u8,
}

impl Decimal {
    /// Rounds `value` to `decimals` digits, at most 9. A value out of range becomes the nearest value in range.
    pub fn new(value: f64, decimals: u8) -> Self {
        let decimals = decimals.min(9);
        // Formats first: `value * factor` may round the other way.
        let digits = format!("{value:.*}", usize::from(decimals)).replace('.', "");
        let scaled = digits.parse().unwrap_or_else(|_| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float that is too large becomes the largest integer"
            )]
            let nearest = (value * 10_f64.powi(i32::from(decimals))) as i64;
            nearest
        });
        Self { scaled, decimals }
    }

    /// The number as a float.
    pub fn as_f64(self) -> f64 {
        self.scaled as f64 / 10_f64.powi(i32::from(self.decimals))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.*}", usize::from(self.decimals), self.as_f64())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Count(count) => count.fmt(formatter),
            Self::Signed(number) => number.fmt(formatter),
            Self::Decimal(number) => number.fmt(formatter),
            Self::Flag(flag) => flag.fmt(formatter),
            Self::Address(address) => address.fmt(formatter),
            Self::Process(process) => process.fmt(formatter),
        }
    }
}

/// The condition that a value had to meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// This value or more.
    AtLeast(Value),
    /// More than this value.
    Above(Value),
    /// Less than this value.
    Below(Value),
    /// From the first value to the second, inclusive.
    Between(Value, Value),
}

/// A bound, with a note for the text form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// The bound.
    pub bound: Bound,
    /// Text after the bound, with its leading space or comma (` of the quota`); may be empty.
    #[serde(default)]
    pub note: Cow<'static, str>,
}

impl Threshold {
    /// Creates a threshold of `value` or more.
    pub fn at_least(value: impl Into<Value>) -> Self {
        Self::new(Bound::AtLeast(value.into()))
    }

    /// Creates a threshold above `value`.
    pub fn above(value: impl Into<Value>) -> Self {
        Self::new(Bound::Above(value.into()))
    }

    /// Creates a threshold below `value`.
    pub fn below(value: impl Into<Value>) -> Self {
        Self::new(Bound::Below(value.into()))
    }

    /// Creates a threshold from `least` to `most`, inclusive.
    pub fn between(least: impl Into<Value>, most: impl Into<Value>) -> Self {
        Self::new(Bound::Between(least.into(), most.into()))
    }

    /// Sets the note.
    #[must_use]
    pub fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.note = note.into();
        self
    }

    fn new(bound: Bound) -> Self {
        Self { bound, note: Cow::Borrowed("") }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bound {
            Bound::AtLeast(value) => write!(formatter, "at least {value}")?,
            Bound::Above(value) => write!(formatter, "above {value}")?,
            Bound::Below(value) => write!(formatter, "below {value}")?,
            Bound::Between(least, most) => write!(formatter, "{least} to {most}")?,
        }
        formatter.write_str(&self.note)
    }
}

/// One value of a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The name of the value, as in JSON.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: Value,
    /// The threshold that the value had to meet, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// The unit (`s`, `bytes`, `processors`), if the name does not include the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'static, str>>,
}

impl Evidence {
    /// Creates a named value without threshold and unit.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self { name: name.into(), value: value.into(), threshold: None, unit: None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl From<&&str> for Value {
    fn from(text: &&str) -> Self {
        Self::from(*text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&Arc<str>> for Value {
    fn from(text: &Arc<str>) -> Self {
        Self::Text(Arc::clone(text))
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Signed(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self::Decimal(number)
    }
}

impl From<SocketAddr> for Value {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl From<ProcessKey> for Value {
    fn from(process: ProcessKey) -> Self {
        Self::Process(process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_thresholds_are_shown_as_people_write_them() {
        let cases: [(String, &str); 7] = [
            (Value::from(Decimal::new(0.254, 2)).to_string(), "0.25"),
            (Value::from(Decimal::new(-1.5, 1)).to_string(), "-1.5"),
            (Value::from("curl").to_string(), "curl"),
            (Threshold::at_least(60_u64).to_string(), "at least 60"),
            (
                Threshold::above(Decimal::new(0.25, 2)).note(" of a processor").to_string(),
                "above 0.25 of a processor",
            ),
            (Threshold::below(Decimal::new(0.1, 1)).to_string(), "below 0.1"),
            (Threshold::between(Decimal::new(0.15, 2), Decimal::new(0.85, 2)).to_string(), "0.15 to 0.85"),
        ];
        for (shown, expected) in cases {
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn a_decimal_rounds_as_its_digits_do_and_never_overflows() {
        assert_eq!(Decimal::new(0.975, 2).to_string(), format!("{:.2}", 0.975));
        assert_eq!(Decimal::new(f64::INFINITY, 9).scaled, i64::MAX);
        assert_eq!(Decimal::new(f64::NAN, 2).to_string(), "0.00");
    }
}
