//! Makes the programs read the payloads of additional TCP sockets: sockets that were open before the start, and sockets
//! on which a suspect listens.

use std::{fmt, os::fd::AsRawFd};

use aya::{
    Ebpf,
    maps::{MapData, MapError, SkStorage},
};
use minerwatch_common::{CaptureBudget, FlowProgress, PayloadRecord, WatchedSocket};
use zerocopy::IntoBytes as _;

use super::{error::SensorError, record_header};
use crate::model::{BootTime, HeldSocket, SocketSide};

/// `BPF_NOEXIST` (include/uapi/linux/bpf.h): keeps an entry that the programs made.
const IF_NEW: u64 = 1;

/// The socket storage of the programs, which marks the sockets whose payloads they read.
pub struct Sockets {
    storage: SkStorage<MapData, [u8; size_of::<WatchedSocket>()]>,
}

impl fmt::Debug for Sockets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sockets").finish_non_exhaustive()
    }
}

impl Sockets {
    pub(super) fn new(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let map = programs.take_map("SOCKETS").ok_or(SensorError::Incomplete { map: "SOCKETS" })?;
        let storage =
            SkStorage::try_from(map).map_err(|source| SensorError::Load { source: source.into() })?;
        Ok(Self { storage })
    }

    /// Makes the programs read the next payloads of a TCP socket on behalf of its owner. A listening socket passes its
    /// state on to the connections that it accepts later. Returns `false` if the socket was watched already.
    pub fn watch(
        &mut self,
        socket: &impl AsRawFd,
        held: &HeldSocket,
        now: BootTime,
    ) -> Result<bool, MapError> {
        let (budget, accepted, opened) = match held.side {
            SocketSide::Opened(flow) => (CaptureBudget::UNDER_WAY, 0, flow.opened),
            SocketSide::Accepted => (CaptureBudget::UNDER_WAY, 1, now),
            SocketSide::Listening => (CaptureBudget::FRESH, 1, now),
        };
        let state = WatchedSocket {
            owner: record_header::header::<PayloadRecord>(&held.owner, opened),
            sent: budget,
            received: budget,
            accepted,
            refilled: 0,
            progress: FlowProgress::FRESH,
        };
        let mut bytes = [0; size_of::<WatchedSocket>()];
        bytes.copy_from_slice(state.as_bytes());
        match self.storage.insert(socket, bytes, IF_NEW) {
            Err(MapError::SyscallError(error))
                if error.io_error.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                Ok(false)
            }
            outcome => outcome.map(|()| true),
        }
    }
}
