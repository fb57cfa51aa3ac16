//! The eBPF programs, seen from userspace. This is the only module that imports aya.
//!
//! [`Sensor::open`] checks what this kernel and these privileges allow. It tells the programs the offsets of kernel
//! fields, loads and attaches the hooks that work, and reports what is unavailable. After that the sensor is a set of
//! rings to drain and a table of loss counters.

mod attach;
mod btf;
mod choices;
mod current_pids;
mod devices;
mod error;
mod event_rings;
mod flows;
mod hooks;
mod isolation;
mod layout;
mod links;
mod losses;
mod merge;
mod options;
mod preflight;
mod program_types;
mod reason;
mod record_header;
mod report;
mod ring_backend;
mod sockets;
mod statistics;
mod unsafe_io;

use std::fmt;

use aya::Ebpf;
use tracing::debug;

pub use self::{
    current_pids::CurrentPids,
    error::SensorError,
    event_rings::EventRings,
    flows::{Flows, RememberError, Remembered},
    isolation::Isolation,
    losses::Losses,
    merge::Drained,
    options::SensorOptions,
    report::{SensorReport, SourceStatus},
    sockets::Sockets,
    statistics::ProgramRuns,
    unsafe_io::give_back_memory,
};
use self::{event_rings::OpenRings, links::Links, statistics::Statistics};
use crate::model::DataSource;

/// The loaded and attached eBPF programs. Dropping the sensor detaches them.
pub struct Sensor {
    // Keeps the programs loaded and their links attached.
    programs: Ebpf,
    statistics: Statistics,
    links: Links,
    rings: Option<OpenRings>,
    losses: Losses,
    current_pids: Option<CurrentPids>,
    sockets: Option<Sockets>,
    flows: Option<Flows>,
    report: SensorReport,
}

impl fmt::Debug for Sensor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sensor")
            .field("losses", &self.losses)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        attach::detach_tracepoints(&mut self.programs);
    }
}

impl Sensor {
    /// Loads and attaches every hook that this kernel allows.
    ///
    /// An unavailable data source is not an error; [`Sensor::report`] gives the reason. An error means that the sensor
    /// can watch nothing at all.
    pub fn open(options: &SensorOptions) -> Result<Self, SensorError> {
        choices::check(&options.hooks)?;
        preflight::check()?;
        let layout = layout::of_running_kernel()?;
        for field in layout.absent() {
            debug!(structure = field.structure, member = field.member, "this kernel has no such field");
        }
        let btf = aya::Btf::from_sys_fs().map_err(|source| SensorError::Types { source: source.into() })?;
        let (mut programs, rings, backend) = ring_backend::load(options, &layout, &btf)?;
        if let Err(error) = aya_log::EbpfLogger::init(&mut programs) {
            debug!(%error, "the log of the programs is not read");
        }
        let mut report = attach::attach(&mut programs, &layout, &btf, &options.hooks);
        if report.nothing_is_available() {
            return Err(SensorError::NothingAttached { reasons: report.reasons() });
        }
        report.sources.push(backend);
        let flows = Flows::new(&mut programs)?;
        let losses = Losses::new(&mut programs, flows.no_room())?;
        let current_pids =
            report.is_available(DataSource::Rounding).then(|| CurrentPids::new(&mut programs)).transpose()?;
        let sockets =
            report.is_available(DataSource::Payload).then(|| Sockets::new(&mut programs)).transpose()?;
        Ok(Self {
            statistics: Statistics::new(options.statistics),
            links: Links::find(&programs),
            programs,
            rings: Some(rings),
            losses,
            current_pids,
            sockets,
            flows: Some(flows),
            report,
        })
    }

    /// Checks privileges and type information without loading a program. Mounts tracefs if no tracefs is mounted.
    pub fn check() -> Result<(), SensorError> {
        preflight::check()
    }

    /// Returns the hook of each data source on this kernel, and the data sources that are unavailable.
    pub fn report(&self) -> &SensorReport {
        &self.report
    }

    /// Takes the rings, for the task that drains them. Returns `None` on later calls. Needs a tokio runtime with I/O.
    pub fn take_rings(&mut self) -> Result<Option<EventRings>, SensorError> {
        self.rings.take().map(EventRings::watch).transpose()
    }

    /// Takes the table of the process on each CPU, for the sampler. Returns `None` on later calls, and if this kernel
    /// has no hook for the rounding mode.
    pub fn take_current_pids(&mut self) -> Option<CurrentPids> {
        self.current_pids.take()
    }

    /// Takes the storage of watched sockets, to which the daemon can add sockets. Returns `None` on later calls, and if
    /// this kernel has no hook for payloads.
    pub fn take_sockets(&mut self) -> Option<Sockets> {
        self.sockets.take()
    }

    /// Takes the tables of open connections, to which the daemon can add older connections. Returns `None` on later
    /// calls.
    pub fn take_flows(&mut self) -> Option<Flows> {
        self.flows.take()
    }

    /// The counts of lost events.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Returns whether the kernel counts the runs of programs.
    pub fn counts_runs(&self) -> bool {
        self.statistics.are_enabled()
    }

    /// Returns the runs of each program that has run while the kernel counted.
    pub fn program_runs(&self) -> impl Iterator<Item = ProgramRuns<'_>> {
        statistics::runs(&self.programs)
    }

    /// Returns the names of programs that were detached from a cgroup by somebody else. Other programs cannot be
    /// detached while the daemon runs. Reads a small file for each of them.
    pub fn detached(&self) -> Vec<String> {
        self.links.detached()
    }
}
