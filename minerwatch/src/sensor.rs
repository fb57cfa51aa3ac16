//! The kernel side, seen from userspace: the only importer of aya.
//!
//! [`Sensor::open`] checks what this kernel and these privileges allow, tells the programs where the
//! kernel's fields lie, loads and attaches what works, and says what is blind. After that the sensor is three
//! rings to drain and a table of loss counters.

mod attach;
mod btf;
mod current_pids;
mod devices;
mod error;
mod event_rings;
mod flows;
mod hooks;
mod layout;
mod losses;
mod merge;
mod preflight;
mod record_header;
mod ring_backend;
mod sockets;
mod unsafe_io;

use std::fmt;

use aya::Ebpf;
use tracing::debug;

use self::event_rings::Opened;
pub use self::{
    current_pids::CurrentPids,
    error::SensorError,
    event_rings::EventRings,
    flows::{Flows, RememberError, Remembered},
    hooks::{SensorReport, Service},
    losses::Losses,
    merge::Drained,
    sockets::Sockets,
    unsafe_io::give_back_memory,
};
use crate::model::{DataSource, HookChoice};

/// What the programs are told; the defaults are the daemon's.
#[derive(Clone, Debug)]
pub struct SensorOptions {
    /// Bytes of the ring for process life, connections and CPU; a power of two, a multiple of the page size.
    pub process_ring: u32,
    /// Bytes of the ring for file changes; the same rules.
    pub file_ring: u32,
    /// Bytes of the ring for payloads; the same rules.
    pub payload_ring: u32,
    /// Nanoseconds between two CPU records of one process.
    pub cpu_interval: u64,
    /// Nanoseconds on a CPU within the interval below which a process is not reported.
    pub cpu_threshold: u64,
    /// Nanoseconds after which a connection that goes on is told of again.
    pub flow_interval: u64,
    /// Hooks to take instead of the best that work; of two for one purpose the later counts.
    pub hooks: Vec<HookChoice>,
}

impl Default for SensorOptions {
    fn default() -> Self {
        Self {
            process_ring: 4 << 20,
            file_ring: 4 << 20,
            payload_ring: 2 << 20,
            cpu_interval: 1_000_000_000,
            cpu_threshold: 100_000_000,
            flow_interval: 60_000_000_000,
            hooks: Vec::new(),
        }
    }
}

/// The loaded and attached programs. Dropping it detaches them.
pub struct Sensor {
    // Links and programs live as long as this does.
    _programs: Ebpf,
    rings: Option<Opened>,
    losses: Losses,
    running: Option<CurrentPids>,
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
    /// Loads and attaches everything this kernel allows.
    ///
    /// A purpose that no hook can serve is not an error but stands in [`Sensor::report`] with the reason; an
    /// error means that nothing could be watched at all.
    pub fn open(options: &SensorOptions) -> Result<Self, SensorError> {
        hooks::check(&options.hooks)?;
        preflight::check()?;
        let layout = layout::of_running_kernel()?;
        for field in layout.absent() {
            debug!(structure = field.structure, member = field.member, "this kernel has no such field");
        }
        let btf = aya::Btf::from_sys_fs().map_err(|source| SensorError::Types { source: source.into() })?;
        let (mut programs, rings, transport) = ring_backend::load(options, &layout, &btf)?;
        if let Err(error) = aya_log::EbpfLogger::init(&mut programs) {
            debug!(%error, "the programs' own log is not read");
        }
        let mut report = attach::attach(&mut programs, &layout, &btf, &options.hooks);
        if report.serves_nothing() {
            return Err(SensorError::NothingAttached { reasons: report.reasons() });
        }
        report.services.push(transport);
        let flows = Flows::new(&mut programs)?;
        let losses = Losses::new(&mut programs, flows.no_room())?;
        let running =
            report.serves(DataSource::Rounding).then(|| CurrentPids::new(&mut programs)).transpose()?;
        let sockets = report.serves(DataSource::Payload).then(|| Sockets::new(&mut programs)).transpose()?;
        Ok(Self {
            _programs: programs,
            rings: Some(rings),
            losses,
            running,
            sockets,
            flows: Some(flows),
            report,
        })
    }

    /// Checks privileges and type information alone, without loading anything.
    pub fn check() -> Result<(), SensorError> {
        preflight::check()
    }

    /// Which hook serves each purpose here, and what is blind.
    pub fn report(&self) -> &SensorReport {
        &self.report
    }

    /// The rings, for the one task that drains them; `None` the second time. Needs a tokio runtime with I/O.
    pub fn take_rings(&mut self) -> Result<Option<EventRings>, SensorError> {
        self.rings.take().map(EventRings::watch).transpose()
    }

    /// Who runs where, for the one sampler; `None` the second time, and where no rounding mode can be read.
    pub fn take_current_pids(&mut self) -> Option<CurrentPids> {
        self.running.take()
    }

    /// The marks at sockets, for whoever finds sockets; `None` the second time, and where no payload is read.
    pub fn take_sockets(&mut self) -> Option<Sockets> {
        self.sockets.take()
    }

    /// The connections under way, for whoever finds those of before; `None` the second time.
    pub fn take_flows(&mut self) -> Option<Flows> {
        self.flows.take()
    }

    /// What the kernel side counted as lost.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }
}
