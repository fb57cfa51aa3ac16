//! Requests and answers of HTTP/1.1, as far as the outputs use them.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use rustix::net::sockopt::set_socket_linger;

/// Time between two looks at whether the server is still open.
const LOOK: Duration = Duration::from_millis(20);

/// Maximum size of a request, in bytes.
const MAX_REQUEST: usize = 64 << 20;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path with its query.
    pub path: String,
    /// The value of the header `Authorization`.
    pub authorization: Option<String>,
    /// The body, uncompressed.
    pub body: Vec<u8>,
    /// Size of the body as it was sent.
    pub size: usize,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Further header fields, each with its line end.
    pub headers: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An answer without further header fields.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: "", body: body.into() }
    }

    fn text(&self) -> Vec<u8> {
        let Self { status, headers, body } = self;
        let length = body.len();
        format!("HTTP/1.1 {status} status\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
    }
}

/// A connection of a client. It is reset when the server is closed.
pub(super) struct Connection<'a> {
    stream: TcpStream,
    open: &'a AtomicBool,
    read: Vec<u8>,
}

impl<'a> Connection<'a> {
    pub fn new(stream: TcpStream, open: &'a AtomicBool) -> io::Result<Self> {
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, open, read: Vec::new() })
    }

    /// Reads the next request. Returns `None` if the client has closed the connection.
    pub fn request(&mut self) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.read_more()? {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        let field = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(':'))
                .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned()))
        };
        let length: usize = field("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if length > MAX_REQUEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        while self.read.len() < end + length {
            if !self.read_more()? {
                return Ok(None);
            }
        }
        let mut body = self.read[end..end + length].to_vec();
        self.read.drain(..end + length);
        if field("content-encoding").as_deref() == Some("gzip") {
            let mut plain = Vec::new();
            GzDecoder::new(body.as_slice()).read_to_end(&mut plain)?;
            body = plain;
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        Ok(Some(Request { path, authorization: field("authorization"), body, size: length }))
    }

    fn read_more(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 8 << 10];
        loop {
            self.check()?;
            match self.stream.read(&mut chunk) {
                Ok(count) => {
                    self.read.extend_from_slice(&chunk[..count]);
                    return Ok(count > 0);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Fails when the server was closed.
    fn check(&self) -> io::Result<()> {
        if self.open.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.reset()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }

    /// Waits, unless the server is closed.
    pub fn think(&self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.check()?;
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Writes an answer.
    pub fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        self.check()?;
        self.stream.write_all(&answer.text())
    }

    /// Writes half of an answer.
    pub fn break_off(&mut self, answer: &Answer) -> io::Result<()> {
        let text = answer.text();
        self.stream.write_all(&text[..text.len() / 2])
    }

    /// Makes the kernel reset the connection when it is dropped.
    pub fn reset(&self) -> io::Result<()> {
        set_socket_linger(&self.stream, Some(Duration::ZERO))?;
        Ok(())
    }
}
