//! Decodes records about CPU use and memory.

use minerwatch_common::{CpuRecord, MappingRecord, RoundingRecord};

use super::record::{Decode, DecodeError};
use crate::model::{
    ControlRegister, CpuUsage, EventBody, Mapping, MappingClass, Rounding, RoundingCounts, SchedulingPolicy,
};

impl Decode for CpuRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        Ok(EventBody::Cpu(CpuUsage {
            window: self.window,
            on_cpu: self.window_on_cpu,
            total_on_cpu: self.on_cpu,
            voluntary: self.voluntary,
            involuntary: self.involuntary,
            threads: self.threads,
            yields: self.yields,
            stops: self.stops,
            nice: self.nice.clamp(-20, 19),
            policy: SchedulingPolicy::from_number(self.policy),
            allowed_processors: self.allowed_processors,
        }))
    }
}

impl Decode for RoundingRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        let register = match minerwatch_common::ControlRegister::from_number(self.register) {
            Some(minerwatch_common::ControlRegister::Mxcsr) => ControlRegister::Mxcsr,
            Some(minerwatch_common::ControlRegister::Fpcr) => ControlRegister::Fpcr,
            None => return Err(DecodeError::Meaningless("register")),
        };
        let counts = |counts: &minerwatch_common::RoundingCounts| RoundingCounts {
            nearest: counts.nearest,
            down: counts.down,
            up: counts.up,
            zero: counts.zero,
        };
        Ok(EventBody::Rounding(Rounding {
            register,
            flushing: counts(&self.flushing),
            plain: counts(&self.plain),
        }))
    }
}

impl Decode for MappingRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        use minerwatch_common::MappingClass as Class;
        let class = match Class::from_number(self.class) {
            Some(Class::Dataset) => MappingClass::Dataset,
            Some(Class::Cache) => MappingClass::Cache,
            Some(Class::Code) => MappingClass::Code,
            Some(Class::Scratchpad) => MappingClass::Scratchpad,
            Some(Class::Workspace) => MappingClass::Workspace,
            None => return Err(DecodeError::Meaningless("class of mapping")),
        };
        Ok(EventBody::Mapping(Mapping { class, size: self.size, count: self.count, huge: self.huge != 0 }))
    }
}
