//! Loads and attaches raw tracepoints.

use aya::{
    Btf,
    programs::{Program, RawTracePoint},
};

use super::program_type::ProgramType;
use crate::model::AttachType;

/// A raw tracepoint, by name.
#[derive(Debug)]
pub struct RawTracepoint(pub &'static str);

impl ProgramType for RawTracepoint {
    fn attach_type(&self) -> AttachType {
        AttachType::RawTracepoint
    }

    fn load(&self, program: &mut Program, _btf: &Btf) -> anyhow::Result<()> {
        let program: &mut RawTracePoint = program.try_into()?;
        Ok(program.load()?)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut RawTracePoint = program.try_into()?;
        program.attach(self.0)?;
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut RawTracePoint = program.try_into()?;
        Ok(program.unload()?)
    }
}
