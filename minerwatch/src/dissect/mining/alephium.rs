//! The binary protocol between an Alephium node and its miners: the jobs of the node, one for each chain.
//!
//! Source: "Mining integration" at `docs.alephium.org`, and the constants of `github.com/alephium/mining-pool`.

use super::ProtocolMatch;
use crate::model::{MiningProtocol, MiningSide};

/// The version of the protocol.
const VERSION: u8 = 1;
/// The type of a message with jobs.
const JOBS: u8 = 0;
/// Number of chains. Each has a job.
const CHAINS: u32 = 16;
/// Number of groups. A chain goes from one to another.
const GROUPS: u32 = 4;

/// Recognises the jobs of a node in the first payload of a server.
pub fn alephium(payload: &[u8]) -> Option<ProtocolMatch<'static>> {
    let (size, message) = number(payload)?;
    // The messages of the first release had no version.
    let jobs = message.strip_prefix(&[VERSION, JOBS]).or_else(|| message.strip_prefix(&[JOBS]))?;
    let (count, rest) = number(jobs)?;
    let (from, rest) = number(rest)?;
    let (to, rest) = number(rest)?;
    let (header, _) = number(rest)?;
    let is_job = (1_000..1_000_000).contains(&size)
        && count == CHAINS
        && from < GROUPS
        && to < GROUPS
        && (64..2_048).contains(&header);
    is_job.then(|| ProtocolMatch::new(MiningProtocol::Solo, MiningSide::Server, "alephium jobs"))
}

/// Splits off a number in network order.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_of_a_node_are_recognised() {
        let jobs = |count: u8, group: u8, header: u16| {
            let mut bytes =
                vec![0, 0, 0x2a, 0x10, VERSION, JOBS, 0, 0, 0, count, 0, 0, 0, group, 0, 0, 0, 3, 0, 0];
            bytes.extend(header.to_be_bytes());
            bytes.extend([7; 64]);
            bytes
        };
        assert!(alephium(&jobs(16, 0, 260)).is_some());
        let mut first = jobs(16, 0, 260);
        first.remove(4);
        assert!(alephium(&first).is_some());
        for other in [jobs(15, 0, 260), jobs(16, 4, 260), jobs(16, 0, 3), vec![0; 64]] {
            assert_eq!(alephium(&other), None);
        }
        for length in 0..22 {
            assert_eq!(alephium(&jobs(16, 0, 260)[..length]), None, "cut at {length}");
        }
    }
}
