//! Outputs write events and alerts as lines of JSON.
//!
//! [`ecs::Encoder`](crate::ecs::Encoder) encodes the lines, and an [`Output`] writes them. Each kind of output is one
//! file of this module and one row in [`table`]; no other module knows the kinds. An output accepts every line, and a
//! failing destination never holds up the pipeline. Lines that cannot be written wait in a bounded backlog. Lines that
//! do not fit into the backlog are dropped and counted by class. The caller passes the time.

mod backlog;
mod buffered;
mod counters;
#[cfg(test)]
mod example;
mod file;
mod needs;
mod notice;
mod stdout;
mod table;

use std::fmt;

use crate::model::{BootTime, KindSet};

pub use counters::Counters;
pub use file::FileSettings;
pub use needs::{Needs, host_of};
pub use notice::Notice;
pub use stdout::StdoutSettings;
pub use table::{OutputsConfig, PlacedOutput};

/// A destination for lines of events and alerts.
pub trait Output: fmt::Debug + Send {
    /// The name in messages and metrics, the same as [`OutputSettings::name`].
    fn name(&self) -> &str;

    /// Writes one or more whole lines of one class. Lines that cannot be written are kept for [`retry`](Self::retry).
    /// Returns a notice once when the output begins to fail.
    fn write(&mut self, class: Class, lines: &[u8]) -> Result<Option<Notice>, Closed>;

    /// Writes the waiting lines if a retry is due. Called about once per second. Returns a notice once when the output
    /// works again.
    fn retry(&mut self, now: BootTime) -> Result<Option<Notice>, Closed>;

    /// Reopens the destination by its name after another program has moved it away (SIGHUP). On failure, the
    /// destination that is open stays in use.
    fn reopen(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Writes the waiting lines for the last time. A notice says how many lines were lost.
    fn finish(&mut self) -> Result<Option<Notice>, Closed>;

    /// Returns the counters of the output.
    fn counters(&self) -> Counters;
}

/// The settings of one output in the configuration: a section `[sink.KIND]`.
pub trait OutputSettings {
    /// Returns the name of the output. Names are unique. A reload keeps an output whose name is still configured.
    fn name(&self) -> String;

    /// Returns the key that distinguishes the names of outputs of this kind, or `None` if there is only one.
    fn naming_key(&self) -> Option<&'static str>;

    /// Returns the filter for the lines that the output wants.
    fn filter(&self) -> Filter;

    /// Returns what the output needs from its surroundings. Needs nothing by default.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Opens the output.
    fn open(&self) -> anyhow::Result<Box<dyn Output>>;
}

/// The lines that an output wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of events that the output wants.
    pub events: KindSet,
    /// Whether the output wants alerts.
    pub alerts: bool,
}

/// The class of a line. Events are dropped before alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An event.
    Event,
    /// An alert.
    Alert,
}

/// The reader of the output has closed the pipe. On standard output this means that the reader has read enough
/// (`minerwatch tail | head`), so the caller ends quietly with exit code 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader of {0} is gone")]
pub struct Closed(pub String);
