//! Loads and attaches programs at the entry of a kernel function.

use anyhow::anyhow;
use aya::{
    Btf,
    programs::{FEntry, Program, ProgramError},
};

use super::program_type::ProgramType;
use crate::model::AttachType;

/// The entry of a kernel function, which may have a different name on each architecture. The first name that the kernel
/// accepts is used.
#[derive(Debug)]
pub struct Fentry(pub &'static [&'static str]);

impl ProgramType for Fentry {
    fn attach_type(&self) -> AttachType {
        AttachType::Fentry
    }

    fn load(&self, program: &mut Program, btf: &Btf) -> anyhow::Result<()> {
        let program: &mut FEntry = program.try_into()?;
        let mut refusal = anyhow!("this kernel has no {}", self.0.join(" or "));
        for name in self.0 {
            match program.load(name, btf) {
                Ok(()) => return Ok(()),
                // This kernel has no function with this name.
                Err(ProgramError::Btf(_)) => {}
                Err(error) => refusal = error.into(),
            }
        }
        Err(refusal)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut FEntry = program.try_into()?;
        program.attach()?;
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut FEntry = program.try_into()?;
        Ok(program.unload()?)
    }
}
