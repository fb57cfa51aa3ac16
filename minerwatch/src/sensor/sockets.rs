//! TCP sockets whose payloads are to be looked at, marked from here: those that were there before the programs, and those
//! on which a suspect listens.

use std::{fmt, os::fd::AsRawFd};

use aya::{
    Ebpf,
    maps::{MapData, MapError, SkStorage},
};
use minerwatch_common::{
    CaptureBudget, FlowProgress, PayloadRecord, RecordHeader, RecordKind, WatchedSocket,
};
use zerocopy::IntoBytes as _;

use super::{SensorError, record_header};
use crate::model::{BootTime, HeldSocket, SocketSide};

/// `BPF_NOEXIST` (include/uapi/linux/bpf.h): what the programs remember already stays.
const IF_NEW: u64 = 1;

/// What the kernel side remembers at sockets.
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

    /// Has the next payloads of a TCP socket looked at in the name of its owner. One that listens hands that on to what
    /// it accepts from now on. Answers whether that is new.
    pub fn watch(
        &mut self,
        socket: &impl AsRawFd,
        held: &HeldSocket,
        now: BootTime,
    ) -> Result<bool, MapError> {
        let (look, accepted, opened) = match held.side {
            SocketSide::Opened(flow) => (CaptureBudget::UNDER_WAY, 0, flow.opened),
            SocketSide::Accepted => (CaptureBudget::UNDER_WAY, 1, now),
            SocketSide::Listening => (CaptureBudget::FRESH, 1, now),
        };
        let header = RecordHeader {
            kind: RecordKind::Payload as u16,
            length: u32::try_from(size_of::<PayloadRecord>()).unwrap_or(0),
            ..record_header::header(&held.owner, opened)
        };
        let mark = WatchedSocket {
            owner: header,
            sent: look,
            received: look,
            accepted,
            reserved: 0,
            progress: FlowProgress::FRESH,
        };
        let mut bytes = [0; size_of::<WatchedSocket>()];
        bytes.copy_from_slice(mark.as_bytes());
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
