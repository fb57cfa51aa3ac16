//! What speaks against a process: one file per signal, weights and thresholds in one table.
//!
//! A detector looks at one event in the light of the process table and says what it found. What the
//! findings of several processes mean together is the business of [`crate::incident`].

pub mod behavior;
pub mod compute;
pub mod network;

mod finding;
mod places;
mod weights;
mod written;

use crate::{
    model::{BootTime, Event, EventBody, ProcessKey},
    process::{Process, ProcessTable},
};

pub use finding::{Fact, Finding};
pub use places::Place;
pub use weights::{SignalInfo, catalogue, tuning};
pub use written::{WrittenFile, WrittenFiles};

pub(crate) use weights::signals;

/// What a detector sees.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What happened.
    pub event: &'a Event,
    /// To whom, as of now (an exec's new image already in place).
    pub process: &'a Process,
    /// Everybody else.
    pub table: &'a ProcessTable,
    /// Processors of the host, at least 1.
    pub processors: u32,
}

impl Scene<'_> {
    /// When it happened.
    pub fn at(&self) -> BootTime {
        self.event.time
    }

    /// The process it happened to.
    pub fn key(&self) -> ProcessKey {
        self.event.subject.key
    }
}

/// All detectors, and what they remember between events.
#[derive(Debug)]
pub struct Detectors {
    written: WrittenFiles,
    busy: compute::BusyProcesses,
}

impl Default for Detectors {
    fn default() -> Self {
        Self {
            written: WrittenFiles::new(tuning::WRITTEN_FILES),
            busy: compute::BusyProcesses::new(tuning::BUSY_PROCESSES),
        }
    }
}

impl Detectors {
    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, scene: &Scene<'_>, findings: &mut Vec<Finding>) {
        match &scene.event.body {
            EventBody::Exec(_) => {
                findings.extend(behavior::service_downloader(scene));
                findings.extend(behavior::drop_and_run(scene, &self.written));
                findings.extend(behavior::fileless(scene));
                findings.extend(behavior::kernel_name(scene));
                findings.extend(behavior::miner_command_line(scene));
            }
            EventBody::RunningProcess(running) => {
                if !running.kernel_thread {
                    findings.extend(behavior::fileless_at_start(scene));
                    findings.extend(behavior::kernel_name(scene));
                    findings.extend(behavior::miner_command_line(scene));
                }
            }
            EventBody::Connect(connect) => {
                findings.extend(network::pool_port(scene, connect));
                findings.extend(network::suspect_connection(scene, connect));
            }
            EventBody::RunningFlow(flow) => findings.extend(network::pool_port_at_start(scene, flow)),
            EventBody::File(change) => {
                self.written.observe(scene, change);
                findings.extend(behavior::preload(scene, change));
                findings.extend(behavior::persistence(scene, change));
            }
            EventBody::Cpu(usage) => findings.extend(self.busy.sustained(scene, usage)),
            EventBody::Exit(_) => self.busy.forget(scene.key()),
            EventBody::Fork(_) | EventBody::Close(_) | EventBody::HashedFile(_) => {}
        }
    }

    /// The files written lately that may be run.
    pub fn written(&self) -> &WrittenFiles {
        &self.written
    }
}
