//! Loads the programs with the best ring backend. A ring backend carries records from the programs to the daemon. The
//! build script makes one object of the programs for each backend, and the first object that the kernel accepts is
//! used.

use aya::{Btf, Ebpf, EbpfLoader};
use minerwatch_common::{KernelLayout, Settings};
use rustix::time::{ClockId, clock_getres};
use tracing::debug;
use zerocopy::IntoBytes as _;

use super::{
    devices, error::SensorError, event_rings::OpenRings, options::SensorOptions, reason, report::SourceStatus,
};
use crate::model::{AttachType, DataSource, HookChoice};

/// A ring backend and the object that is built for it.
struct Backend {
    attach_type: AttachType,
    name: &'static str,
    caveat: Option<&'static str>,
    /// The object from the build script, aligned for an ELF parser.
    object: &'static [u8],
    /// Takes the rings out of the loaded object.
    open: fn(&mut Ebpf, &SensorOptions) -> Result<OpenRings, SensorError>,
}

/// All backends, best first.
const BACKENDS: [Backend; 2] = [
    Backend {
        attach_type: AttachType::RingBuffer,
        name: "ring buffers",
        caveat: None,
        object: aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/minerwatch-ebpf.o")),
        open: |programs, _| OpenRings::shared(programs),
    },
    Backend {
        attach_type: AttachType::PerfBuffer,
        name: "perf buffers of each CPU",
        caveat: Some("each event wakes the daemon; events on a CPU that comes online later are lost"),
        object: aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/minerwatch-ebpf-perf.o")),
        open: OpenRings::per_cpu,
    },
];

/// Returns the attach types of all backends.
pub(super) fn attach_types() -> impl Iterator<Item = AttachType> {
    BACKENDS.iter().map(|backend| backend.attach_type)
}

/// Loads the object of the first backend that works. Returns the programs, which are not attached yet, the rings, and
/// the status of the backend for the report.
pub(super) fn load(
    options: &SensorOptions,
    layout: &KernelLayout,
    btf: &Btf,
) -> Result<(Ebpf, OpenRings, SourceStatus), SensorError> {
    let choice = options.hooks.iter().rev().find(|choice| choice.concerns(DataSource::RingBackend));
    let mut refused = Vec::new();
    let mut refusal = None;
    for backend in &BACKENDS {
        if let Some(HookChoice { attach_type: Some(chosen), .. }) = choice
            && *chosen != backend.attach_type
        {
            continue;
        }
        match open(backend, options, layout, btf) {
            Ok((programs, rings)) => {
                let status = SourceStatus {
                    source: DataSource::RingBackend,
                    hook: Some(backend.name),
                    attach_type: Some(backend.attach_type),
                    caveat: backend.caveat,
                    if_unavailable: "",
                    refused,
                };
                return Ok((programs, rings, status));
            }
            Err(error) => {
                debug!(backend = backend.name, %error, "refused");
                refused.push((backend.name, reason::one_line(&anyhow::anyhow!(error.to_string()))));
                refusal.get_or_insert(error);
            }
        }
    }
    Err(refusal.unwrap_or(SensorError::NothingAttached { reasons: Vec::new() }))
}

fn open(
    backend: &Backend,
    options: &SensorOptions,
    layout: &KernelLayout,
    btf: &Btf,
) -> Result<(Ebpf, OpenRings), SensorError> {
    let settings = Settings {
        cpu_interval: options.cpu_interval,
        cpu_threshold: options.cpu_threshold,
        flow_interval: options.flow_interval,
        tick: tick(),
        agent_pid: std::process::id(),
        reserved: 0,
        devices: devices::watched(),
    };
    let mut programs = EbpfLoader::new()
        .btf(Some(btf))
        .override_global("LAYOUT", layout.as_bytes(), true)
        .override_global("SETTINGS", settings.as_bytes(), true)
        // The object for perf buffers has none of these maps. aya ignores the sizes then.
        .map_max_entries("PROCESS_RING", options.process_ring)
        .map_max_entries("FILE_RING", options.file_ring)
        .map_max_entries("PAYLOAD_RING", options.payload_ring)
        .load(backend.object)
        .map_err(|source| SensorError::Load { source: source.into() })?;
    let rings = (backend.open)(&mut programs, options)?;
    Ok((programs, rings))
}

/// Returns the length of a jiffy in nanoseconds: the resolution of the coarse clocks (`KTIME_LOW_RES`, kernel/time).
fn tick() -> u64 {
    let tick = clock_getres(ClockId::MonotonicCoarse);
    u64::try_from(tick.tv_nsec).unwrap_or(0)
}
