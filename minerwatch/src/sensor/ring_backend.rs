//! How what the programs see reaches the daemon: the first way that the kernel takes, found by trying. There is an object
//! of the programs for each.

use aya::{Btf, Ebpf, EbpfLoader};
use minerwatch_common::{KernelLayout, Settings};
use rustix::time::{ClockId, clock_getres};
use tracing::debug;
use zerocopy::IntoBytes as _;

use super::{SensorError, SensorOptions, attach::short, devices, event_rings::Opened, hooks::Service};
use crate::model::{AttachType, DataSource, HookChoice};

/// One way, with the programs that go it.
struct Transport {
    way: AttachType,
    name: &'static str,
    caveat: Option<&'static str>,
    /// As the build script left it, aligned as an ELF reader wants it.
    object: &'static [u8],
    /// Takes the rings out of what was loaded.
    open: fn(&mut Ebpf, &SensorOptions) -> Result<Opened, SensorError>,
}

/// All ways, the best first.
const TRANSPORTS: [Transport; 2] = [
    Transport {
        way: AttachType::RingBuffer,
        name: "ring buffers",
        caveat: None,
        object: aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/minerwatch-ebpf.o")),
        open: |programs, _| Opened::shared(programs),
    },
    Transport {
        way: AttachType::PerfBuffer,
        name: "perf buffers of each CPU",
        caveat: Some("each event wakes the daemon; what happens on a CPU that comes online later is lost"),
        object: aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/minerwatch-ebpf-perf.o")),
        open: Opened::per_cpu,
    },
];

/// The names of the ways, for who asks for another.
pub(super) fn ways() -> impl Iterator<Item = AttachType> {
    TRANSPORTS.iter().map(|transport| transport.way)
}

/// The programs, not yet attached, with the rings on which they will send, and which way that is.
pub(super) fn load(
    options: &SensorOptions,
    layout: &KernelLayout,
    btf: &Btf,
) -> Result<(Ebpf, Opened, Service), SensorError> {
    let choice = options.hooks.iter().rev().find(|choice| choice.concerns(DataSource::RingBackend));
    let mut refused = Vec::new();
    let mut refusal = None;
    for transport in &TRANSPORTS {
        if let Some(HookChoice { way: Some(way), .. }) = choice
            && *way != transport.way
        {
            continue;
        }
        match open(transport, options, layout, btf) {
            Ok((programs, rings)) => {
                let service = Service {
                    purpose: DataSource::RingBackend,
                    hook: Some(transport.name),
                    way: Some(transport.way),
                    caveat: transport.caveat,
                    without: "",
                    refused,
                };
                return Ok((programs, rings, service));
            }
            Err(error) => {
                debug!(transport = transport.name, %error, "refused");
                refused.push((transport.name, short(&anyhow::anyhow!(error.to_string()))));
                refusal.get_or_insert(error);
            }
        }
    }
    Err(refusal.unwrap_or(SensorError::NothingAttached { reasons: Vec::new() }))
}

fn open(
    transport: &Transport,
    options: &SensorOptions,
    layout: &KernelLayout,
    btf: &Btf,
) -> Result<(Ebpf, Opened), SensorError> {
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
        // An object without rings has none of these.
        .map_max_entries("PROCESS_RING", options.process_ring)
        .map_max_entries("FILE_RING", options.file_ring)
        .map_max_entries("PAYLOAD_RING", options.payload_ring)
        .load(transport.object)
        .map_err(|source| SensorError::Load { source: source.into() })?;
    let rings = (transport.open)(&mut programs, options)?;
    Ok((programs, rings))
}

/// Nanoseconds between two ticks of the kernel's timer: the coarse clocks go by it (`KTIME_LOW_RES`, kernel/time).
fn tick() -> u64 {
    let tick = clock_getres(ClockId::MonotonicCoarse);
    u64::try_from(tick.tv_nsec).unwrap_or(0)
}
