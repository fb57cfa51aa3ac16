//! Cuts the sockets of cgroups off the network, with programs that are attached to these cgroups only.

use std::{fmt, fs::File, net::IpAddr, path::Path};

use anyhow::{Context as _, anyhow};
use aya::{
    Ebpf, EbpfLoader,
    maps::{
        Array, Map, MapData,
        lpm_trie::{Key, LpmTrie},
    },
    programs::{CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSockAddr},
};

use crate::model::{Allowed, BlockedTraffic};

/// The programs of `minerwatch-ebpf/src/isolation`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/minerwatch-isolation.o"));

/// The programs that see calls of `connect` and `sendmsg`.
const CALLS: [&str; 4] = ["isolate_connect4", "isolate_connect6", "isolate_send4", "isolate_send6"];
/// The program that sees packets.
const PACKETS: &str = "isolate_packet";

/// Length of the port and the padding before an address in a key, in bits.
const BEFORE_ADDRESS: u32 = 32;

/// An isolation. Dropping it ends it, and so does the end of this process.
pub struct Isolation {
    programs: Ebpf,
    allowed4: LpmTrie<MapData, [u8; 8], u8>,
    allowed6: LpmTrie<MapData, [u8; 20], u8>,
    blocked: Array<MapData, u64>,
}

impl fmt::Debug for Isolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Isolation").field("blocked", &self.blocked()).finish_non_exhaustive()
    }
}

impl Isolation {
    /// Loads the programs. They block nothing until [`Self::attach`] is called.
    ///
    /// # Errors
    ///
    /// The kernel or the privileges of this process do not allow it.
    pub fn load() -> anyhow::Result<Self> {
        let mut programs =
            EbpfLoader::new().btf(None).load(OBJECT).context("loading the programs of the isolation")?;
        let allowed4 = LpmTrie::try_from(map(&mut programs, "ALLOWED4")?)?;
        let allowed6 = LpmTrie::try_from(map(&mut programs, "ALLOWED6")?)?;
        let blocked = Array::try_from(map(&mut programs, "BLOCKED")?)?;
        for name in CALLS {
            let program: &mut CgroupSockAddr = find(&mut programs, name)?.try_into()?;
            program.load().with_context(|| format!("loading {name}"))?;
        }
        let program: &mut CgroupSkb = find(&mut programs, PACKETS)?.try_into()?;
        program.load().with_context(|| format!("loading {PACKETS}"))?;
        Ok(Self { programs, allowed4, allowed6, blocked })
    }

    /// Allows peers. Loopback is always allowed.
    pub fn allow(&mut self, allowed: &[Allowed]) -> anyhow::Result<()> {
        for Allowed { address, bits, port } in allowed {
            let port = port.unwrap_or(0).to_be_bytes();
            let length = BEFORE_ADDRESS + u32::from(*bits);
            let inserted = match address {
                IpAddr::V4(address) => {
                    let mut data = [0; 8];
                    data[..2].copy_from_slice(&port);
                    data[4..].copy_from_slice(&address.octets());
                    self.allowed4.insert(&Key::new(length, data), 1, 0)
                }
                IpAddr::V6(address) => {
                    let mut data = [0; 20];
                    data[..2].copy_from_slice(&port);
                    data[4..].copy_from_slice(&address.octets());
                    self.allowed6.insert(&Key::new(length, data), 1, 0)
                }
            };
            inserted.with_context(|| format!("allowing {address}/{bits}"))?;
        }
        Ok(())
    }

    /// Blocks the sockets of a cgroup and of those below it.
    pub fn attach(&mut self, cgroup: &Path) -> anyhow::Result<()> {
        let directory = File::open(cgroup).with_context(|| cgroup.display().to_string())?;
        for name in CALLS {
            let program: &mut CgroupSockAddr = find(&mut self.programs, name)?.try_into()?;
            // A link allows other programs beside it anyway.
            program
                .attach(&directory, CgroupAttachMode::Single)
                .with_context(|| format!("attaching {name}"))?;
        }
        let program: &mut CgroupSkb = find(&mut self.programs, PACKETS)?.try_into()?;
        program
            .attach(&directory, CgroupSkbAttachType::Egress, CgroupAttachMode::Single)
            .with_context(|| format!("attaching {PACKETS}"))?;
        Ok(())
    }

    /// What was blocked so far.
    pub fn blocked(&self) -> BlockedTraffic {
        let count = |index| self.blocked.get(&index, 0).unwrap_or(0);
        BlockedTraffic { connects: count(0), sends: count(1), packets: count(2) }
    }
}

fn map(programs: &mut Ebpf, name: &'static str) -> anyhow::Result<Map> {
    programs.take_map(name).ok_or_else(|| anyhow!("the embedded object has no map {name}"))
}

fn find<'a>(programs: &'a mut Ebpf, name: &str) -> anyhow::Result<&'a mut aya::programs::Program> {
    programs.program_mut(name).ok_or_else(|| anyhow!("the embedded object has no program {name}"))
}
