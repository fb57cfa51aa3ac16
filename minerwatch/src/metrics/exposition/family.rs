//! A family: one metric with all its labels.

use super::{Snapshot, kind::Kind, samples::Samples};

/// A metric: its name, its labels, and where its values come from.
pub struct Family {
    /// The name, without the `_total` that a counter gets.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
    /// Adds every sample.
    pub collect: fn(&Snapshot, &mut Samples<'_>),
}

impl Family {
    /// Returns the names of the time series that a server stores.
    pub fn series(&self) -> Vec<String> {
        let suffixes: &[&str] = match self.kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["_bucket", "_count", "_sum"],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.name)).collect()
    }
}

/// Makes a counter.
pub const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    collect: fn(&Snapshot, &mut Samples<'_>),
) -> Family {
    Family { name, kind: Kind::Counter, labels, help, collect }
}

/// Makes a gauge.
pub const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    collect: fn(&Snapshot, &mut Samples<'_>),
) -> Family {
    Family { name, kind: Kind::Gauge, labels, help, collect }
}

/// Makes a histogram.
pub const fn histogram(
    name: &'static str,
    help: &'static str,
    collect: fn(&Snapshot, &mut Samples<'_>),
) -> Family {
    Family { name, kind: Kind::Histogram, labels: &[], help, collect }
}
