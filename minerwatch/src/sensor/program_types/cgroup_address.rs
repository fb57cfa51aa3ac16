//! Loads and attaches cgroup programs on the addresses that sockets connect or send to.

use aya::{
    Btf,
    programs::{CgroupAttachMode, CgroupSockAddr, Program},
};

use super::{program_type::ProgramType, root_cgroup};
use crate::model::AttachType;

/// Attaches to the root cgroup. The section name of the program decides which system call it sees.
#[derive(Debug)]
pub struct CgroupAddress;

impl ProgramType for CgroupAddress {
    fn attach_type(&self) -> AttachType {
        AttachType::Cgroup
    }

    fn load(&self, program: &mut Program, _btf: &Btf) -> anyhow::Result<()> {
        let program: &mut CgroupSockAddr = program.try_into()?;
        Ok(program.load()?)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut CgroupSockAddr = program.try_into()?;
        program.attach(root_cgroup::open()?, CgroupAttachMode::Single)?;
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut CgroupSockAddr = program.try_into()?;
        Ok(program.unload()?)
    }
}
