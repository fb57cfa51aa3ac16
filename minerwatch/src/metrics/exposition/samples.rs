//! Writes the samples of one family.

use std::fmt;

use prometheus_client::{
    encoding::{MetricEncoder, NoLabelSet},
    metrics::exemplar::Exemplar,
};

use super::kind::Kind;
use crate::metrics::Histogram;

/// The value of a sample.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A whole number.
    Whole(u64),
    /// Any other number.
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(u64::from(value))
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// Takes the samples of one family.
pub struct Samples<'a> {
    metric: MetricEncoder<'a>,
    kind: Kind,
    labels: &'static [&'static str],
    outcome: fmt::Result,
}

impl<'a> Samples<'a> {
    pub(super) fn new(metric: MetricEncoder<'a>, kind: Kind, labels: &'static [&'static str]) -> Self {
        Self { metric, kind, labels, outcome: Ok(()) }
    }

    /// Adds the only sample of a family without labels.
    pub fn one(&mut self, number: impl Into<Number>) {
        self.add([], number);
    }

    /// Adds a sample with one value for each label of the family.
    pub fn add<const N: usize>(&mut self, values: [&str; N], number: impl Into<Number>) {
        debug_assert_eq!(values.len(), self.labels.len(), "a value for each of {:?}", self.labels);
        let number = number.into();
        if self.outcome.is_ok() {
            self.outcome = self.write(&values, number);
        }
    }

    /// Adds the only sample of a histogram.
    pub fn histogram(&mut self, histogram: &Histogram) {
        // The crate adds up the buckets.
        let buckets: Vec<(f64, u64)> = histogram.buckets().collect();
        if self.outcome.is_ok() {
            self.outcome = self.metric.encode_histogram::<NoLabelSet>(
                histogram.sum_seconds(),
                histogram.count(),
                &buckets,
                None,
            );
        }
    }

    pub(super) fn finish(self) -> fmt::Result {
        self.outcome
    }

    fn write(&mut self, values: &[&str], number: Number) -> fmt::Result {
        let labels: Vec<(&str, &str)> = self.labels.iter().copied().zip(values.iter().copied()).collect();
        if labels.is_empty() {
            return encode(&mut self.metric, self.kind, number);
        }
        encode(&mut self.metric.encode_family(&labels)?, self.kind, number)
    }
}

fn encode(metric: &mut MetricEncoder<'_>, kind: Kind, number: Number) -> fmt::Result {
    let none: Option<&Exemplar<NoLabelSet, f64>> = None;
    match (kind, number) {
        (Kind::Counter, Number::Whole(value)) => metric.encode_counter(&value, none),
        (Kind::Counter, Number::Real(value)) => metric.encode_counter(&value, none),
        (Kind::Gauge | Kind::Histogram, Number::Whole(value)) => metric.encode_gauge(&value),
        (Kind::Gauge | Kind::Histogram, Number::Real(value)) => metric.encode_gauge(&value),
    }
}
