//! Hooks that are part of a program which an earlier hook attaches.

use anyhow::ensure;
use aya::{Btf, programs::Program};

use super::program_type::ProgramType;
use crate::model::AttachType;

/// A part of a program that an earlier row of the table loads and attaches. The field is the attach type of that
/// program.
#[derive(Debug)]
pub struct PartOf(pub AttachType);

impl ProgramType for PartOf {
    fn attach_type(&self) -> AttachType {
        self.0
    }

    fn load(&self, program: &mut Program, _btf: &Btf) -> anyhow::Result<()> {
        ensure!(program.fd().is_ok(), "the program is not loaded");
        Ok(())
    }

    fn attach(&self, _program: &mut Program) -> anyhow::Result<()> {
        Ok(())
    }

    fn detach(&self, _program: &mut Program) -> anyhow::Result<()> {
        Ok(())
    }
}
