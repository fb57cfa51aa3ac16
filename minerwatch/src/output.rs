//! Outputs write events and alerts as lines of JSON.
//!
//! [`ecs::Encoder`](crate::ecs::Encoder) encodes the lines. Each output runs in a thread of its own behind a bounded
//! [`Queue`], so that a slow or dead destination holds up neither the event loop nor the other outputs. Lines that do
//! not fit are dropped and counted by class, events before alerts. Each kind of output is one file of this module and
//! one row in [`table`]; no other module knows the kinds.
//!
//! A local output writes lines to a [`Target`](line_writer::Target). A network output implements [`Destination`];
//! [`Shipper`](shipper::Shipper) adds the spool on disk, retries, and the dead-letter file.

mod alertmanager;
mod backlog;
mod backoff;
mod batch;
mod counters;
mod dead_letters;
mod destination;
mod elasticsearch;
#[cfg(test)]
mod example;
mod file;
mod filter;
mod format;
mod groups;
mod http;
mod kafka;
mod line_writer;
mod local;
mod loki;
mod needs;
mod notice;
mod otlp;
mod pagerduty;
mod queue;
mod severity;
mod shipper;
mod shipping;
mod slack;
mod splunk;
mod spool;
mod stdout;
mod syslog;
mod table;
mod throttle;
mod tls;
mod webhook;
mod worker;

use std::{fmt, path::Path, sync::Arc};

pub use alertmanager::AlertmanagerSettings;
pub use batch::Batch;
pub use counters::{Counters, SpoolCounters};
pub use destination::{Delivery, Destination, Document, Refusal, SendError};
pub use elasticsearch::ElasticsearchSettings;
pub use file::FileSettings;
pub use filter::{Filter, FilterKeys};
pub use format::DocumentFormat;
#[cfg(test)]
pub(crate) use http::testing;
pub use http::{CompressionKeys, ConnectionKeys, HttpUrl, JsonAnswer, JsonClient, LoginKeys};
pub use kafka::{KafkaSettings, SaslMechanism};
pub use loki::LokiSettings;
pub use needs::{Needs, host_of};
pub use notice::Notice;
pub use otlp::OtlpSettings;
pub use pagerduty::PagerDutySettings;
pub use queue::{Next, Order, Queue};
pub use shipping::{OutputName, ShippingKeys};
pub use slack::SlackSettings;
pub use splunk::SplunkSettings;
pub use spool::{Spool, SpoolLimits, SpooledAlert};
pub use stdout::StdoutSettings;
pub use syslog::{Facility, MessageFormat, SyslogSettings};
pub use table::{OutputsConfig, PlacedOutput};
pub use webhook::{WebhookBody, WebhookMethod, WebhookSettings};
pub use worker::Worker;

/// A destination for lines of events and alerts.
pub trait Output: fmt::Debug + Send {
    /// Delivers the lines of the queue until the queue is closed. Runs in a thread of its own, and may wait for the
    /// destination.
    fn run(self: Box<Self>, queue: &Queue) -> End;

    /// Returns the spool of the output, if it has one. Alerts go to the spool instead of the queue.
    fn spool(&self) -> Option<Arc<Spool>> {
        None
    }
}

/// Why an output ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The queue was closed.
    Closed,
    /// The reader of standard output has closed the pipe.
    ReaderGone,
}

/// The settings of one output in the configuration: a section `[sink.KIND]`.
pub trait OutputSettings: fmt::Debug {
    /// Returns the name of the output. Names are unique. A reload keeps an output if its name is still configured.
    fn name(&self) -> String;

    /// Returns the key that distinguishes the names of outputs of this kind, or `None` if there is only one.
    fn naming_key(&self) -> Option<&'static str>;

    /// Returns the filter that selects the lines for the output.
    fn filter(&self) -> Filter;

    /// Returns the hosts and files that the output uses. By default, there are none.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Checks keys that depend on each other. An error has the key at fault and the message.
    fn check(&self) -> Result<(), (&'static str, String)> {
        Ok(())
    }

    /// Opens the output. `state` is the state directory.
    fn open(&self, state: &Path) -> anyhow::Result<Box<dyn Output>>;

    /// Returns the destination of a network output, without its spool.
    fn destination(&self) -> Option<Box<dyn Destination>> {
        None
    }
}

/// The class of a line. Events are dropped before alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An event.
    Event,
    /// An alert.
    Alert,
}
