//! Where events and alerts leave: as lines of JSON, to standard output and to files.
//!
//! [`ecs::Encoder`] makes the lines, a [`Sink`] carries them. A sink takes every line it is given and never
//! blocks the pipeline with a failing disk: what cannot be written now waits in a bounded backlog, and what
//! the backlog cannot hold is counted by class. Time comes from the caller ([`Sink::retry`]).

mod backlog;
pub mod file;
mod notice;
mod output;
pub mod stdout;

use crate::model::{BootTime, EventKind, KindSet};

pub use file::{FileSettings, OpenError};
pub use notice::Notice;
pub use output::{Class, Closed, Counters, DEFAULT_BACKLOG};

/// What of the stream a sink wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of event.
    pub events: KindSet,
    /// Whether alerts belong there.
    pub alerts: bool,
}

/// One place the lines go to, with what it wants to see.
#[derive(Debug)]
pub struct Sink {
    filter: Filter,
    outlet: OutputSink,
}

#[derive(Debug)]
enum OutputSink {
    Stdout(output::Output<stdout::Stdout>),
    File(output::Output<file::RotatedFile>),
}

impl Sink {
    /// The name of standard output.
    pub const STDOUT: &str = stdout::NAME;

    /// Standard output. Fails when the process has none.
    pub fn stdout(filter: Filter) -> std::io::Result<Self> {
        let target = stdout::Stdout::new()?;
        let output = output::Output::new(target, DEFAULT_BACKLOG);
        Ok(Self { filter, outlet: OutputSink::Stdout(output) })
    }

    /// A file, appended to and rotated by size.
    pub fn file(settings: FileSettings, filter: Filter) -> Result<Self, OpenError> {
        let backlog = settings.backlog;
        let target = file::RotatedFile::open(settings)?;
        Ok(Self { filter, outlet: OutputSink::File(output::Output::new(target, backlog)) })
    }

    /// Whether events of this kind belong here.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.filter.events.contains(kind)
    }

    /// Whether alerts belong here.
    pub fn wants_alerts(&self) -> bool {
        self.filter.alerts
    }

    /// Replaces what it wants to see.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Takes in one or more whole lines of one class. What cannot be written now is kept for
    /// [`retry`](Self::retry). The notice is there once when the sink begins to fail.
    pub fn write(&mut self, class: Class, lines: &[u8]) -> Result<Option<Notice>, Closed> {
        match &mut self.outlet {
            OutputSink::Stdout(output) => output.write(class, lines),
            OutputSink::File(output) => output.write(class, lines),
        }
    }

    /// Tries again what waits, if its time has come; call it about every second. The notice is there once
    /// when the sink works again.
    pub fn retry(&mut self, now: BootTime) -> Result<Option<Notice>, Closed> {
        match &mut self.outlet {
            OutputSink::Stdout(output) => output.retry(now),
            OutputSink::File(output) => output.retry(now),
        }
    }

    /// Opens the file by its name again, after something else moved it away (SIGHUP). If that fails, the
    /// open one stays in use. Standard output stays what it is.
    pub fn reopen(&mut self) -> Result<(), OpenError> {
        match &mut self.outlet {
            OutputSink::Stdout(_) => Ok(()),
            OutputSink::File(output) => output.target_mut().reopen(),
        }
    }

    /// Writes what waits for the last time and asks the kernel to put it on the disk. The notice says what
    /// had to be given up.
    pub fn finish(&mut self) -> Result<Option<Notice>, Closed> {
        match &mut self.outlet {
            OutputSink::Stdout(output) => output.finish(),
            OutputSink::File(output) => output.finish(),
        }
    }

    /// What it did so far.
    pub fn counters(&self) -> Counters {
        match &self.outlet {
            OutputSink::Stdout(output) => output.counters(),
            OutputSink::File(output) => output.counters(),
        }
    }

    /// Its name for messages and metrics: `standard output` or the file's path.
    pub fn name(&self) -> &str {
        match &self.outlet {
            OutputSink::Stdout(output) => output.name(),
            OutputSink::File(output) => output.name(),
        }
    }
}
