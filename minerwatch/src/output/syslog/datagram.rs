//! Datagrams to a syslog server, over UDP or a Unix socket.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, ToSocketAddrs as _, UdpSocket},
    os::unix::net::UnixDatagram,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};

use super::address::Address;
use crate::output::Refusal;

/// Time after which a name is looked up again. Nothing else would tell that a server has moved.
const FRESH: Duration = Duration::from_secs(300);

/// Time for a host to answer that nobody listens.
const REFUSAL: Duration = Duration::from_millis(100);

/// Number of bytes after which a pause of a millisecond lets a server read. Its kernel drops what does not fit into the
/// buffer of its socket, which is often 200 KiB.
const BURST: usize = 32 << 10;

/// A socket that is connected to a server.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: Socket,
    opened: Instant,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Datagrams {
    /// Opens a socket. `timeout` is the time for which a full socket may block.
    pub fn open(to: &Address, timeout: Duration) -> anyhow::Result<Self> {
        let socket = match to {
            Address::Network { host, port, .. } => {
                let mut addresses = (host.as_str(), *port).to_socket_addrs()?;
                let address = addresses.next().ok_or_else(|| anyhow!("{host} has no address"))?;
                let socket = if address.is_ipv4() {
                    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
                } else {
                    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
                };
                let socket = socket.context("opening a socket")?;
                socket.set_write_timeout(Some(timeout))?;
                socket.connect(address)?;
                Socket::Udp(socket)
            }
            Address::Socket(path) => {
                let socket = UnixDatagram::unbound().context("opening a socket")?;
                socket.set_write_timeout(Some(timeout))?;
                socket.connect(path)?;
                Socket::Unix(socket)
            }
        };
        Ok(Self { socket, opened: Instant::now() })
    }

    /// Whether the server's address is still fresh.
    pub fn is_fresh(&self) -> bool {
        self.opened.elapsed() < FRESH
    }

    /// Sends messages. With `asks`, waits a little for the answer that nobody listens.
    pub fn send(&mut self, messages: &[(usize, String)], asks: bool) -> io::Result<Vec<Refusal>> {
        let mut refused = Vec::new();
        let mut burst = 0;
        for (index, message) in messages {
            burst += message.len();
            if burst > BURST && matches!(self.socket, Socket::Udp(_)) {
                thread::sleep(Duration::from_millis(1));
                burst = message.len();
            }
            let sent = match &self.socket {
                Socket::Udp(socket) => socket.send(message.as_bytes()),
                Socket::Unix(socket) => socket.send(message.as_bytes()),
            };
            match sent {
                Err(error)
                    if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::MSGSIZE) =>
                {
                    refused
                        .push(Refusal { index: *index, reason: "it is too large for the socket".to_owned() });
                }
                sent => {
                    sent?;
                }
            }
        }
        if let Socket::Udp(socket) = &self.socket
            && asks
        {
            thread::sleep(REFUSAL);
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
        }
        Ok(refused)
    }
}
