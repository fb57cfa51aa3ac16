//! Loads and attaches cgroup programs on the creation and release of sockets.

use aya::{
    Btf,
    programs::{CgroupAttachMode, CgroupSock, Program},
};

use super::{program_type::ProgramType, root_cgroup};
use crate::model::AttachType;

/// Attaches to the root cgroup. The section name of the program decides which event it sees.
#[derive(Debug)]
pub struct CgroupSocket;

impl ProgramType for CgroupSocket {
    fn attach_type(&self) -> AttachType {
        AttachType::Cgroup
    }

    fn load(&self, program: &mut Program, _btf: &Btf) -> anyhow::Result<()> {
        let program: &mut CgroupSock = program.try_into()?;
        Ok(program.load()?)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut CgroupSock = program.try_into()?;
        program.attach(root_cgroup::open()?, CgroupAttachMode::Single)?;
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut CgroupSock = program.try_into()?;
        Ok(program.unload()?)
    }
}
