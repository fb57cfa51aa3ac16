//! Levin, the protocol between the nodes of Monero and its relatives.
//!
//! Source: `contrib/epee/include/net/levin_base.h` and `src/p2p/p2p_protocol_defs.h` of
//! `github.com/monero-project/monero`.

/// The signature of every message.
const SIGNATURE: [u8; 8] = [0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01];
/// Offset of the number of the command. The length of the body and a flag are before it.
const COMMAND: usize = 17;
/// Offset of the version of the protocol. A result and flags are before it.
const VERSION: usize = 29;
/// The handshake, the exchange of times, pings and flags.
const PEER_COMMANDS: std::ops::RangeInclusive<u32> = 1001..=1007;
/// Blocks, transactions and the like.
const CHAIN_COMMANDS: std::ops::RangeInclusive<u32> = 2001..=2010;

/// Whether a payload begins with a message between nodes.
pub fn is_message(payload: &[u8]) -> bool {
    let number = |at: usize| {
        let bytes = payload.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    payload.starts_with(&SIGNATURE)
        && number(VERSION) == Some(1)
        && number(COMMAND)
            .is_some_and(|command| PEER_COMMANDS.contains(&command) || CHAIN_COMMANDS.contains(&command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::testing::levin;

    #[test]
    fn only_whole_headers_of_known_commands_are_messages() {
        for command in [1001, 1002, 1007, 2001, 2008] {
            assert!(is_message(&levin(command)), "{command}");
        }
        for command in [0, 1000, 1008, 3000] {
            assert!(!is_message(&levin(command)), "{command}");
        }
        let message = levin(1001);
        for length in 0..33 {
            assert!(!is_message(&message[..length]), "cut at {length}");
        }
        assert!(!is_message(&[1; 64]));
    }
}
