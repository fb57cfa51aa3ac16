//! Where events and alerts leave the daemon, as lines of JSON.
//!
//! [`ecs::Encoder`](crate::ecs::Encoder) makes the lines, an [`Output`] carries them. Each kind of output is one file
//! of this room and one row in [`table`]; nothing outside knows the kinds. An output takes every line it is
//! given and never lets a failing destination hold up the pipeline: what cannot be written now waits in a
//! bounded backlog, and what the backlog cannot hold is counted by class. Time comes from the caller.

mod backlog;
mod buffered;
mod counters;
#[cfg(test)]
mod example;
mod file;
mod notice;
mod stdout;
mod table;

use std::fmt;

use crate::model::{BootTime, KindSet};

pub use counters::Counters;
pub use file::FileSettings;
pub use notice::Notice;
pub use stdout::StdoutSettings;
pub use table::OutputsConfig;

/// A destination for lines of events and alerts.
pub trait Output: fmt::Debug + Send {
    /// Its name in messages and metrics, the same as [`OutputSettings::name`].
    fn name(&self) -> &str;

    /// Takes one or more whole lines of one class. What cannot be written now is kept for
    /// [`retry`](Self::retry). Gives a notice once when the output begins to fail.
    fn write(&mut self, class: Class, lines: &[u8]) -> Result<Option<Notice>, Closed>;

    /// Tries again what waits, if its time has come; called about every second. Gives a notice once when the
    /// output works again.
    fn retry(&mut self, now: BootTime) -> Result<Option<Notice>, Closed>;

    /// Opens the destination by its name again, after something else moved it away (SIGHUP). On failure the
    /// open one stays in use.
    fn reopen(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Writes what waits for the last time. The notice says what had to be given up.
    fn finish(&mut self) -> Result<Option<Notice>, Closed>;

    /// What it did so far.
    fn counters(&self) -> Counters;
}

/// The settings of one output in the configuration: a section `[sink.KIND]`.
pub trait OutputSettings {
    /// The name of the output. No two outputs have the same; a reload keeps the output whose name stays.
    fn name(&self) -> String;

    /// The key that makes the name differ from that of others of this kind; `None` where there is only one.
    fn naming_key(&self) -> Option<&'static str>;

    /// What it wants to see.
    fn filter(&self) -> Filter;

    /// Opens it.
    fn open(&self) -> anyhow::Result<Box<dyn Output>>;
}

/// What of the stream an output wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of event.
    pub events: KindSet,
    /// Whether it wants alerts.
    pub alerts: bool,
}

/// What a line is. Alerts are given up last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An event.
    Event,
    /// An alert.
    Alert,
}

/// Nobody reads any more: the pipe's reader is gone. On standard output this is how a reader says "enough"
/// (`minerwatch tail | head`), so the caller ends quietly with exit code 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader of {0} is gone")]
pub struct Closed(pub String);
