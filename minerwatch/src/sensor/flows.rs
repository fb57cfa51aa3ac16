//! Adds connections that were open before the start to the programs' tables, so that the end of each is reported.
//!
//! The programs use the address of the socket as the key of a TCP connection, but userspace cannot know that address.
//! The key of a connection added here is the socket's cookie (`SO_COOKIE`, socket(7)), as for UDP.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aya::{
    Ebpf,
    maps::{HashMap, Map, MapData, MapError},
};
use minerwatch_common::{AF_INET, AF_INET6, ConnectRecord, FlowState, FlowTuple, Transport};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{getpeername, sockopt::socket_cookie},
};
use zerocopy::IntoBytes as _;

use super::{error::SensorError, record_header};
use crate::model::{Flow, Protocol, Subject};

/// `BPF_NOEXIST` (include/uapi/linux/bpf.h): keeps an entry that the programs made.
const IF_NEW: u64 = 1;

type Table = HashMap<MapData, u64, [u8; size_of::<FlowState>()]>;

/// The programs' tables of open connections.
pub struct Flows {
    tcp: Table,
    udp: Table,
    no_room: Arc<AtomicU64>,
}

impl fmt::Debug for Flows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Flows").field("no_room", &self.no_room).finish_non_exhaustive()
    }
}

/// Whether the end of a connection will be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The end will be reported.
    Yes,
    /// The end will not be reported, because the table is full. This is counted as a loss.
    NoRoom,
    /// The connection has already ended, and the end was not reported.
    Ended,
}

impl Flows {
    pub(super) fn new(programs: &mut Ebpf) -> Result<Self, SensorError> {
        let (tcp, udp) = (table(programs, "TCP_FLOWS")?, table(programs, "UDP_FLOWS")?);
        Ok(Self { tcp, udp, no_room: Arc::default() })
    }

    /// Returns the counter of connections that found the table full.
    pub(super) fn no_room(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.no_room)
    }

    /// Makes the programs report the end of a connection of `owner`. `socket` must be the socket of the connection.
    pub fn remember(
        &mut self,
        socket: impl AsFd,
        owner: &Subject,
        flow: &Flow,
    ) -> Result<Remembered, RememberError> {
        let cookie = socket_cookie(&socket)?;
        let state = FlowState {
            owner: record_header::header::<ConnectRecord>(owner, flow.opened),
            flow: tuple(flow),
            bytes_sent: 0,
            bytes_received: 0,
            network_namespace: 0,
            reported: 1,
            first_payload: 0,
        };
        let mut bytes = [0; size_of::<FlowState>()];
        bytes.copy_from_slice(state.as_bytes());
        let table = match flow.protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        };
        match table.insert(cookie, bytes, IF_NEW) {
            Ok(()) => {}
            Err(error) => match errno(&error) {
                Some(Errno::EXIST) => return Ok(Remembered::Yes),
                Some(Errno::TOOBIG) => {
                    self.no_room.fetch_add(1, Ordering::Relaxed);
                    return Ok(Remembered::NoRoom);
                }
                _ => return Err(error.into()),
            },
        }
        // If the connection ended before it was added, the programs never remove the entry. The side that removes the entry
        // reports the end.
        let ended = flow.protocol == Protocol::Tcp && has_ended(&socket)? && table.remove(&cookie).is_ok();
        Ok(if ended { Remembered::Ended } else { Remembered::Yes })
    }
}

/// Why a connection could not be added.
#[derive(Debug, thiserror::Error)]
pub enum RememberError {
    /// The socket could not be queried.
    #[error("the socket: {0}")]
    Socket(#[from] Errno),
    /// The table could not be changed.
    #[error("the table: {0}")]
    Table(#[from] MapError),
}

fn table(programs: &mut Ebpf, name: &'static str) -> Result<Table, SensorError> {
    let map: Map = programs.take_map(name).ok_or(SensorError::Incomplete { map: name })?;
    HashMap::try_from(map).map_err(|source| SensorError::Load { source: source.into() })
}

fn errno(error: &MapError) -> Option<Errno> {
    match error {
        MapError::SyscallError(error) => Errno::from_io_error(&error.io_error),
        _ => None,
    }
}

/// Returns whether a TCP socket is in the state CLOSE. Such a socket has no peer, and polling it reports a hang-up. A
/// socket that is still connecting has no peer either, but reports no hang-up (`inet_getname` and `tcp_poll`,
/// net/ipv4).
fn has_ended(socket: &impl AsFd) -> Result<bool, Errno> {
    match getpeername(socket) {
        Ok(_) => return Ok(false),
        Err(Errno::NOTCONN) => {}
        Err(error) => return Err(error),
    }
    let mut polled = [PollFd::new(socket, PollFlags::empty())];
    poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(polled[0].revents().contains(PollFlags::HUP))
}

fn tuple(flow: &Flow) -> FlowTuple {
    let family = if flow.source.is_ipv4() && flow.destination.is_ipv4() { AF_INET } else { AF_INET6 };
    FlowTuple {
        source: address(flow.source, family),
        destination: address(flow.destination, family),
        source_port: flow.source.port(),
        destination_port: flow.destination.port(),
        family,
        transport: match flow.protocol {
            Protocol::Tcp => Transport::Tcp as u16,
            Protocol::Udp => Transport::Udp as u16,
        },
    }
}

fn address(address: SocketAddr, family: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    match address.ip() {
        IpAddr::V4(address) if family == AF_INET => bytes[..4].copy_from_slice(&address.octets()),
        IpAddr::V4(address) => bytes = address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => bytes = address.octets(),
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::model::BootTime;

    #[test]
    fn a_socket_has_ended_once_both_sides_are_done() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (server, _) = listener.accept().expect("a client");
        assert!(!has_ended(&client).expect("open"));
        client.shutdown(std::net::Shutdown::Both).expect("connected");
        drop(server);
        let state = || has_ended(&client).expect("open");
        assert!((0..1000).any(|_| state() || {
            std::thread::sleep(std::time::Duration::from_millis(1));
            false
        }));
    }

    #[test]
    fn both_ends_are_of_one_family() {
        let ends = |source: &str, destination: &str| {
            let tuple = tuple(&Flow {
                protocol: Protocol::Tcp,
                source: source.parse().unwrap(),
                destination: destination.parse().unwrap(),
                opened: BootTime(1),
            });
            (tuple.family, tuple.source, tuple.destination)
        };
        let (family, source, destination) = ends("10.0.0.2:40000", "192.0.2.9:443");
        assert_eq!(
            (family, &source[..5], &destination[..5]),
            (AF_INET, &[10, 0, 0, 2, 0][..], &[192, 0, 2, 9, 0][..])
        );
        let (family, source, destination) = ends("0.0.0.0:40000", "[2001:db8::1]:443");
        assert_eq!((family, source[10], destination[15]), (AF_INET6, 0xff, 1));
    }
}
