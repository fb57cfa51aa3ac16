//! Loads and attaches cgroup programs on the packets of sockets.

use aya::{
    Btf,
    programs::{CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, Program},
};

use super::{program_type::ProgramType, root_cgroup};
use crate::model::AttachType;

/// Attaches to the root cgroup, for the packets of one direction.
#[derive(Debug)]
pub enum CgroupPacket {
    /// Packets that are sent.
    Sent,
    /// Packets that are received.
    Received,
}

impl ProgramType for CgroupPacket {
    fn attach_type(&self) -> AttachType {
        AttachType::Cgroup
    }

    fn load(&self, program: &mut Program, _btf: &Btf) -> anyhow::Result<()> {
        let program: &mut CgroupSkb = program.try_into()?;
        Ok(program.load()?)
    }

    fn attach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut CgroupSkb = program.try_into()?;
        let direction = match self {
            Self::Sent => CgroupSkbAttachType::Egress,
            Self::Received => CgroupSkbAttachType::Ingress,
        };
        program.attach(root_cgroup::open()?, direction, CgroupAttachMode::Single)?;
        Ok(())
    }

    fn detach(&self, program: &mut Program) -> anyhow::Result<()> {
        let program: &mut CgroupSkb = program.try_into()?;
        Ok(program.unload()?)
    }
}
