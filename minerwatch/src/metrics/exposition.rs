//! The metrics as text in the OpenMetrics format.
//!
//! One table of families describes every metric. `docs/metrics.md` is generated from the same table.

mod families;
mod family;
mod kind;
pub mod page;
mod samples;

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    registry::Registry,
};

use self::samples::Samples;
use super::Metrics;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The metrics.
    pub metrics: Metrics,
    /// How old they are. Zero, unless the daemon was too busy to give newer ones.
    pub age: Duration,
}

impl Snapshot {
    /// Returns the metrics in the OpenMetrics format.
    ///
    /// # Errors
    ///
    /// None is expected, because text of any length fits into memory.
    pub fn to_text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::with_capacity(32 << 10);
        text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in families::all() {
            let metric = encoder.encode_descriptor(family.name, family.help, None, family.kind.of_crate())?;
            let mut samples = Samples::new(metric, family.kind, family.labels);
            (family.collect)(self, &mut samples);
            samples.finish()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
