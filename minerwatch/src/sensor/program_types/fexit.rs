//! Loads and attaches programs at the exit of a kernel function.

use aya::{
    Btf,
    programs::{FExit, Program},
};

use super::program_type::ProgramType;
use crate::model::AttachType;

/// The exit of a kernel function, by name.
#[derive(Debug)]
pub struct Fexit(pub &'static str);

impl ProgramType for Fexit {
    fn attach_type(&self) -> AttachType {
        AttachType::Fexit
    }

    fn load(&self, program: &mut Program, btf: &Btf) -> anyhow::Result<()> {
        let program: &mut FExit = program.try_into()?;
        Ok(program.load(self.0, btf)?)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut FExit = program.try_into()?;
        program.attach()?;
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut FExit = program.try_into()?;
        Ok(program.unload()?)
    }
}
