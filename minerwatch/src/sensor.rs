//! The eBPF programs, seen from userspace. This is the only module that imports aya.
//!
//! [`Sensor::open`] checks what this kernel and these privileges allow, tells the programs the offsets of kernel fields,
//! loads and attaches the hooks that work, and reports what is unavailable. After that the sensor is a set of rings to
//! drain and a table of loss counters.

mod attach;
mod btf;
mod choices;
mod current_pids;
mod devices;
mod error;
mod event_rings;
mod flows;
mod hooks;
mod layout;
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
mod unsafe_io;

use std::fmt;

use aya::Ebpf;
use tracing::debug;

use self::event_rings::OpenRings;
pub use self::{
    current_pids::CurrentPids,
    error::SensorError,
    event_rings::EventRings,
    flows::{Flows, RememberError, Remembered},
    losses::Losses,
    merge::Drained,
    options::SensorOptions,
    report::{SensorReport, SourceStatus},
    sockets::Sockets,
    unsafe_io::give_back_memory,
};
use crate::model::DataSource;

/// The loaded and attached programs. Dropping it detaches them.
pub struct Sensor {
    // Links and programs live as long as this does.
    _programs: Ebpf,
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

impl Sensor {
    /// Loads and attaches everything that this kernel allows.
    ///
    /// An unavailable data source is not an error; [`Sensor::report`] gives the reason. An error means that nothing can be
    /// watched at all.
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
            _programs: programs,
            rings: Some(rings),
            losses,
            current_pids,
            sockets,
            flows: Some(flows),
            report,
        })
    }

    /// Checks only privileges and type information, without loading anything.
    pub fn check() -> Result<(), SensorError> {
        preflight::check()
    }

    /// Which hook serves each data source on this kernel, and what is unavailable.
    pub fn report(&self) -> &SensorReport {
        &self.report
    }

    /// The rings, for the task that drains them. `None` the second time. Needs a tokio runtime with I/O.
    pub fn take_rings(&mut self) -> Result<Option<EventRings>, SensorError> {
        self.rings.take().map(EventRings::watch).transpose()
    }

    /// The process on each CPU, for the sampler. `None` the second time, and where no rounding mode can be read.
    pub fn take_current_pids(&mut self) -> Option<CurrentPids> {
        self.current_pids.take()
    }

    /// The state stored at sockets, to which further sockets can be added. `None` the second time, and where no payload is
    /// read.
    pub fn take_sockets(&mut self) -> Option<Sockets> {
        self.sockets.take()
    }

    /// The table of open connections, to which those from before the start can be added. `None` the second time.
    pub fn take_flows(&mut self) -> Option<Flows> {
        self.flows.take()
    }

    /// The counts of lost events.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }
}
