//! Requests and answers of HTTP/1.1, as a server sees them.

use std::io::{self, BufRead, Read, Write};

use flate2::read::GzDecoder;

/// Maximum size of a request, in bytes.
const LIMIT: u64 = 64 << 20;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Size of the body on the wire, in bytes.
    pub length: usize,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Received {
    /// Returns the value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Reads a request. Returns `None` at the end of the connection.
    pub(super) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut parts = line.split_whitespace().map(str::to_owned);
        let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut received = Self { method, path, headers, length: 0, body: Vec::new() };
        if received.header("expect").is_some() {
            return Err(io::Error::other("100-continue is not spoken here"));
        }
        let length = received.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0_u64);
        let mut body = Vec::new();
        stream.take(length.min(LIMIT)).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        received.length = body.len();
        if received.header("content-encoding") == Some("gzip") {
            let mut plain = Vec::new();
            GzDecoder::new(body.as_slice()).take(LIMIT).read_to_end(&mut plain)?;
            body = plain;
        }
        received.body = body;
        Ok(Some(received))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    /// Further header fields, each with its line end.
    pub headers: String,
    pub body: Vec<u8>,
    /// Whether the body is sent in chunks.
    pub is_chunked: bool,
}

impl Answer {
    /// An answer with a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: String::new(), body: body.into(), is_chunked: false }
    }

    /// Adds a header field.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// Sends the body in chunks.
    pub fn chunked(self) -> Self {
        Self { is_chunked: true, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} X\r\n{}", self.status, self.headers).into_bytes();
        if self.is_chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in self.body.chunks(100) {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else if self.status == 204 {
            bytes.extend_from_slice(b"\r\n");
        } else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }

    pub(super) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        stream.write_all(&self.bytes())?;
        stream.flush()
    }

    /// Writes the first half.
    pub(super) fn write_half(&self, stream: &mut impl Write) -> io::Result<()> {
        let bytes = self.bytes();
        stream.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
        stream.flush()
    }
}
