//! INTERIM: what is not in the list yet; goes away file by file.

use super::{DetectionContext, Findings, LoadThresholds, behavior, compute, tuning};
use crate::model::{EventBody, Request};

/// INTERIM: the detectors that are not in the list yet.
#[derive(Debug)]
pub struct Interim {
    pub scheduling: compute::Scheduling,
    pub rounding: compute::RoundingWitness,
    pub memory: compute::MemoryWitness,
}

impl Interim {
    /// Detectors that know nothing yet.
    pub fn new(load: LoadThresholds) -> Self {
        Self {
            scheduling: compute::Scheduling::new(load),
            rounding: compute::RoundingWitness::new(tuning::ROUNDING_PROCESSES),
            memory: compute::MemoryWitness::new(tuning::MEMORY_PROCESSES),
        }
    }

    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, context: &DetectionContext<'_>, out: &mut Findings) {
        let findings = out.found_mut();
        match &context.event.body {
            EventBody::Exec(_) => {
                findings.extend(behavior::service_downloader(context));
                findings.extend(behavior::drop_and_run(context, &context.known.written));
                findings.extend(behavior::fileless(context));
                findings.extend(behavior::kernel_name(context));
                findings.extend(behavior::miner_command_line(context));
                findings.extend(compute::msr_driver(context));
                self.memory.forget(context.key());
                self.scheduling.exec(context);
            }
            EventBody::RunningProcess(running) => {
                if !running.kernel_thread {
                    findings.extend(behavior::fileless_at_start(context));
                    findings.extend(behavior::kernel_name(context));
                    findings.extend(behavior::miner_command_line(context));
                }
            }
            EventBody::Connect(connect) => {
                if connect.result == 0 {
                    self.scheduling.opened(context.key(), connect.flow.protocol, context.at());
                }
            }
            EventBody::RunningFlow(flow) => {
                self.scheduling.opened(context.key(), flow.protocol, context.at());
            }
            EventBody::Close(close) => {
                self.scheduling.closed(context.key(), close.flow.protocol, context.at());
            }
            EventBody::File(change) => {
                findings.extend(behavior::preload(context, change));
                findings.extend(behavior::persistence(context, change));
                findings.extend(compute::gpu(context, change));
                findings.extend(compute::msr_opened(context, change));
            }
            EventBody::Cpu(usage) => self.scheduling.report(context, usage, findings),
            EventBody::Quota(quota) => findings.extend(self.scheduling.limited(context, quota)),
            EventBody::Mapping(mapping) => findings.extend(self.memory.mapped(context, mapping)),
            EventBody::HugePages(pool) => findings.extend(compute::huge_pages(context, pool)),
            EventBody::Rounding(rounding) => findings.extend(self.rounding.judge(context, rounding)),
            EventBody::Exit(_) => {
                self.scheduling.forget(context.key());
                self.rounding.forget(context.key());
                self.memory.forget(context.key());
            }
            _ => {}
        }
        self.rounding.take_undecided().into_iter().for_each(|key| out.request(Request::SampleRounding(key)));
    }
}
