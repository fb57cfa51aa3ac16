//! Loads and attaches BTF tracepoints: raw tracepoints whose argument types the verifier knows.

use aya::{
    Btf,
    programs::{BtfTracePoint, Program},
};

use super::program_type::ProgramType;
use crate::model::AttachType;

/// A BTF tracepoint, by name.
#[derive(Debug)]
pub struct BtfTracepoint(pub &'static str);

impl ProgramType for BtfTracepoint {
    fn attach_type(&self) -> AttachType {
        AttachType::BtfTracepoint
    }

    fn load(&self, program: &mut Program, btf: &Btf) -> anyhow::Result<()> {
        let program: &mut BtfTracePoint = program.try_into()?;
        Ok(program.load(self.0, btf)?)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut BtfTracePoint = program.try_into()?;
        program.attach()?;
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut BtfTracePoint = program.try_into()?;
        Ok(program.unload()?)
    }
}
