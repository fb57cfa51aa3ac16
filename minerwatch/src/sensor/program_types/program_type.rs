//! The interface of every type of program.

use std::fmt;

use aya::{Btf, programs::Program};

use crate::model::AttachType;

/// A type of eBPF program together with its place in the kernel.
pub trait ProgramType: fmt::Debug + Sync {
    /// The attach type that `--hook` and the reports use for this type of program.
    fn attach_type(&self) -> AttachType;

    /// Returns the names of the places in the kernel where the program could be attached, if this kernel has none of
    /// them. A hook skips such a program, as long as another of its programs can be attached.
    fn missing_places(&self) -> &[&'static str] {
        &[]
    }

    /// Loads the program into the kernel.
    fn load(&self, program: &mut Program, btf: &Btf) -> anyhow::Result<()>;

    /// Attaches the loaded program.
    fn attach(&self, program: &mut Program) -> anyhow::Result<()>;

    /// Detaches and unloads the program.
    fn detach(&self, program: &mut Program) -> anyhow::Result<()>;
}
