//! The types of the table of hooks.

use super::super::program_types::ProgramType;
use crate::model::{AttachType, DataSource};

/// A program of the embedded object and where it is attached.
#[derive(Clone, Copy, Debug)]
pub struct HookProgram {
    /// The name of the program's function.
    pub name: &'static str,
    /// The type of program, with its place in the kernel.
    pub kind: &'static dyn ProgramType,
}

/// The program of this name, attached like this.
pub(super) const fn program(name: &'static str, kind: &'static dyn ProgramType) -> HookProgram {
    HookProgram { name, kind }
}

/// One way to serve a data source.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Its name in reports.
    pub name: &'static str,
    /// The programs, all of the same attach type. Either all are attached or none.
    pub programs: &'static [HookProgram],
    /// The fields of [`minerwatch_common::KernelLayout`] that it needs, in groups.
    pub fields: &'static [&'static [&'static str]],
    /// What it does not see or what it costs, if that is worth telling.
    pub caveat: Option<&'static str>,
}

impl Hook {
    /// How its programs are attached.
    pub fn attach_type(&self) -> Option<AttachType> {
        self.programs.first().map(|program| program.kind.attach_type())
    }
}

/// A data source and its hooks.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The data source.
    pub source: DataSource,
    /// What is missing if no hook can be attached.
    pub if_unavailable: &'static str,
    /// The hooks, best first. The first that can be loaded and attached is used.
    pub hooks: &'static [Hook],
}
