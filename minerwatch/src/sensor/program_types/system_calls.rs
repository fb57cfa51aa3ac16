//! Loads and attaches tracepoints of system calls.

use std::path::PathBuf;

use anyhow::Context as _;
use aya::{
    Btf,
    programs::{Program, TracePoint},
};

use super::program_type::ProgramType;
use crate::model::AttachType;

/// The possible mount points of tracefs.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Tracepoints of the category `syscalls`, by name. Tracepoints that this kernel or architecture lacks are left out.
/// For example, arm64 has no `rename`, only `renameat` and `renameat2`.
#[derive(Debug)]
pub struct SystemCalls(pub &'static [&'static str]);

impl SystemCalls {
    /// Returns the tracepoints that this kernel has.
    fn known(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied().filter(|name| {
            TRACEFS.iter().any(|root| PathBuf::from(format!("{root}/events/syscalls/{name}/id")).exists())
        })
    }
}

impl ProgramType for SystemCalls {
    fn attach_type(&self) -> AttachType {
        AttachType::Tracepoint
    }

    fn missing_places(&self) -> &[&'static str] {
        if self.known().next().is_none() { self.0 } else { &[] }
    }

    fn load(&self, program: &mut Program, _btf: &Btf) -> anyhow::Result<()> {
        let program: &mut TracePoint = program.try_into()?;
        Ok(program.load()?)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut TracePoint = program.try_into()?;
        for name in self.known() {
            program.attach("syscalls", name).context(name)?;
        }
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut TracePoint = program.try_into()?;
        Ok(program.unload()?)
    }
}
