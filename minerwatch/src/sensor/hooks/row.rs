//! The types that make up the table of hooks.

use super::super::program_types::ProgramType;
use crate::model::{AttachType, DataSource};

/// A program of the embedded object and where it is attached.
#[derive(Clone, Copy, Debug)]
pub struct HookProgram {
    /// The name of the program's function.
    pub name: &'static str,
    /// The type of program, with the place in the kernel where it is attached.
    pub kind: &'static dyn ProgramType,
}

/// Makes the table entry of the program `name`.
pub(super) const fn program(name: &'static str, kind: &'static dyn ProgramType) -> HookProgram {
    HookProgram { name, kind }
}

/// One way to serve a data source.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// The name of the hook in reports.
    pub name: &'static str,
    /// The programs, all of the same attach type. Either all are attached or none.
    pub programs: &'static [HookProgram],
    /// The fields of [`minerwatch_common::KernelLayout`] that the hook needs, in groups.
    pub fields: &'static [&'static [&'static str]],
    /// What the hook does not see or what it costs, if the user should know.
    pub caveat: Option<&'static str>,
}

impl Hook {
    /// Returns the attach type of the programs.
    pub fn attach_type(&self) -> Option<AttachType> {
        self.programs.first().map(|program| program.kind.attach_type())
    }
}

/// A data source and its hooks.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The data source.
    pub source: DataSource,
    /// A file that only kernels have which can do what the source watches; `None` if every kernel can.
    pub only_with: Option<&'static str>,
    /// What is missing if no hook can be attached.
    pub if_unavailable: &'static str,
    /// The hooks, best first. The first hook that can be loaded and attached is used.
    pub hooks: &'static [Hook],
}
