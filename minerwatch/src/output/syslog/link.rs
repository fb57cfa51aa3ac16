//! A stream to a syslog server, over TCP with or without TLS.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream, ToSocketAddrs as _},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use crate::output::tls::TlsFiles;

/// Size of one write, in bytes. Between two writes, the time is checked.
const CHUNK: usize = 64 << 10;

/// Maximum time of one call, in multiples of the time without progress after which a call fails.
const PATIENCE: u32 = 10;

/// Idle time after which the kernel asks whether the other host is there, the pause between two questions, and their
/// number.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(10), 3);

/// Maximum number of bytes that are read while the other side is expected to close. A syslog server sends nothing.
const MAX_ANSWER: usize = 64 << 10;

/// Time for a new connection to show that the server does not want it, or that nobody serves it.
pub(super) const SETTLE: Duration = Duration::from_millis(50);

/// A stream to a server.
#[derive(Debug)]
pub(super) enum Link {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// How a stream ended after this side had closed its half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// The server has read everything and closed the stream.
    ByServer,
    /// The server did not close the stream in time.
    NotYet,
}

impl Link {
    /// Connects to a server. `tls` has the files, and the name that the server's certificate must have. `timeout` is the
    /// time for each address of the host, and then for the handshake of TLS.
    pub fn open(
        host: &str,
        port: u16,
        tls: Option<(&TlsFiles, &str)>,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let prepared = tls.map(|(files, name)| prepare_tls(files, name)).transpose()?;
        let socket = connect(host, port, timeout)?;
        let Some(connection) = prepared else { return Ok(Self::Plain(socket)) };
        let mut stream = StreamOwned::new(connection, socket);
        let end = Instant::now() + timeout;
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
            if Instant::now() >= end {
                return Err(anyhow!(io::Error::from(io::ErrorKind::TimedOut)).context("the handshake of TLS"));
            }
        }
        let mut link = Self::Tls(Box::new(stream));
        // With TLS 1.3, a server refuses a client's certificate after the handshake.
        if link.ended(SETTLE)? {
            return Err(anyhow!("the server has ended the connection after the handshake of TLS"));
        }
        Ok(link)
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    fn stream(&mut self) -> &mut dyn ReadWrite {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &mut **stream,
        }
    }

    /// Writes everything. Fails if the server takes nothing for `timeout`.
    pub fn write(&mut self, bytes: &[u8], timeout: Duration) -> io::Result<()> {
        let end = Instant::now() + timeout * PATIENCE;
        for chunk in bytes.chunks(CHUNK) {
            if Instant::now() >= end {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream().write_all(chunk).map_err(|error| self.reason(error))?;
        }
        self.stream().flush().map_err(|error| self.reason(error))
    }

    /// Returns why the server has ended TLS, if it said so before a write failed.
    fn reason(&mut self, error: io::Error) -> io::Error {
        let answer = if matches!(self, Self::Tls(_)) { self.ended(Duration::ZERO).err() } else { None };
        answer.filter(|answer| answer.kind() == io::ErrorKind::InvalidData).unwrap_or(error)
    }

    /// Whether the server has not closed the stream. Waits at most `wait` for the answer.
    pub fn is_open(&mut self, wait: Duration) -> bool {
        self.ended(wait).is_ok_and(|ended| !ended)
    }

    /// Closes this half of the stream, and waits for the server to close the other.
    ///
    /// A server that has closed its half regularly has read everything before. If it had not, its kernel would have reset
    /// the connection, which is an error here.
    pub fn close(mut self, wait: Duration) -> io::Result<Closing> {
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            while stream.conn.wants_write() {
                stream.conn.write_tls(&mut stream.sock)?;
            }
        }
        self.socket().shutdown(Shutdown::Write)?;
        Ok(if self.ended(wait)? { Closing::ByServer } else { Closing::NotYet })
    }

    /// Reads until the stream ends or `wait` has passed. Returns whether it ended.
    fn ended(&mut self, wait: Duration) -> io::Result<bool> {
        let end = Instant::now() + wait;
        let mut read = 0;
        let mut buffer = [0; 1_024];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // A time of zero would mean without limit.
            self.socket().set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            match self.stream().read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(count) => read += count,
                // The server ended TLS without saying so, as many do. Its kernel says the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
            if left.is_zero() || read > MAX_ANSWER {
                return Ok(false);
            }
        }
    }
}

/// Returns whether a call failed because the time was over.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

fn connect(host: &str, port: u16, timeout: Duration) -> anyhow::Result<TcpStream> {
    let addresses = (host, port).to_socket_addrs().with_context(|| format!("looking up {host}"))?;
    let mut failure = anyhow!("{host} has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout).and_then(|socket| prepare(socket, timeout)) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = anyhow!(error).context(format!("connecting to {address}")),
        }
    }
    Err(failure)
}

fn prepare_tls(files: &TlsFiles, name: &str) -> anyhow::Result<ClientConnection> {
    let server =
        ServerName::try_from(name.to_owned()).with_context(|| format!("`{name}` is no name of a server"))?;
    Ok(ClientConnection::new(Arc::new(files.config()?), server)?)
}

fn prepare(socket: TcpStream, timeout: Duration) -> io::Result<TcpStream> {
    use rustix::net::sockopt;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(timeout))?;
    socket.set_write_timeout(Some(timeout))?;
    let (idle, interval, count) = KEEPALIVE;
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, idle)?;
    sockopt::set_tcp_keepintvl(&socket, interval)?;
    sockopt::set_tcp_keepcnt(&socket, count)?;
    // What the other host does not confirm in time counts as not received.
    sockopt::set_tcp_user_timeout(&socket, u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))?;
    Ok(socket)
}
