//! Sends one HTTP request over a stream and reads the answer. With HTTP/1.0, the server closes the connection after the
//! answer, and sends no chunks.

use std::fmt::Write as _;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::error::AskError;

/// Maximum length of the head of an answer, in bytes.
const MAX_HEAD: usize = 16 << 10;
/// Maximum number of header fields.
const MAX_HEADERS: usize = 64;
/// Bytes per read.
const CHUNK: usize = 8 << 10;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// The part of an answer's head that matters.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    /// Number of bytes.
    length: usize,
    status: u16,
    /// Length of the body, if the server says so.
    body: Option<usize>,
}

/// Requests a path, which needs no escaping. `limit` is the maximum length of the body, in bytes.
pub(super) async fn get(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
    limit: usize,
) -> Result<Answer, AskError> {
    let mut request = String::new();
    // Writing to a string cannot fail.
    let _ = write!(request, "GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    let mut head = None;
    loop {
        if head.is_none() {
            head = parse_head(&bytes)?;
            if head.is_none() && bytes.len() > MAX_HEAD {
                return Err(AskError::Garbage("a head without an end".to_owned()));
            }
        }
        if let Some(Head { length, body, .. }) = &head {
            let read = bytes.len() - length;
            if read.max(body.unwrap_or(0)) > limit {
                return Err(AskError::TooLarge);
            }
            if body.is_some_and(|body| read >= body) {
                break;
            }
        }
        bytes.reserve(CHUNK);
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
    }
    let Some(Head { length, status, body }) = head else {
        return Err(AskError::Garbage("the answer ended too early".to_owned()));
    };
    let mut content = bytes.split_off(length);
    if let Some(expected) = body {
        if content.len() < expected {
            return Err(AskError::Garbage("the answer ended too early".to_owned()));
        }
        content.truncate(expected);
    }
    Ok(Answer { status, body: content })
}

/// Parses the head of an answer. Returns `None` if it is not complete.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, AskError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let garbage = |error: &dyn std::fmt::Display| AskError::Garbage(error.to_string());
    let length = match response.parse(bytes).map_err(|error| garbage(&error))? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let named = |name: &str| response.headers.iter().find(|own| own.name.eq_ignore_ascii_case(name));
    if named("transfer-encoding").is_some() {
        return Err(garbage(&"chunks in HTTP/1.0"));
    }
    let body = match named("content-length") {
        Some(header) => Some(
            std::str::from_utf8(header.value)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(|| garbage(&"a wrong length"))?,
        ),
        None => None,
    };
    Ok(Some(Head { length, status: response.code.unwrap_or(0), body }))
}

/// Parses any bytes as a head; for the fuzzer.
pub(super) fn parse_all(bytes: &[u8]) {
    let _ = parse_head(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer_to(bytes: &[u8], limit: usize) -> Result<Answer, AskError> {
        let (ours, mut theirs) = tokio::io::duplex(256 << 10);
        theirs.write_all(bytes).await.expect("there is room");
        theirs.shutdown().await.expect("it ends");
        get(ours, "/x", limit).await
    }

    fn run(bytes: &[u8], limit: usize) -> Result<Answer, AskError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(answer_to(bytes, limit))
    }

    #[test]
    fn an_answer_ends_with_its_length_or_with_the_connection() {
        for head in ["HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"] {
            let answer = run(format!("{head}{{}}").as_bytes(), 10).expect(head);
            assert_eq!(answer, Answer { status: 200, body: b"{}".to_vec() }, "{head}");
        }
        let more = run(b"HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nxyz", 10).expect("an answer");
        assert_eq!(more, Answer { status: 404, body: b"x".to_vec() });
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in [
            "",
            "HTTP/1.0 200",
            "not http at all\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ] {
            assert!(matches!(run(bytes.as_bytes(), 10), Err(AskError::Garbage(_))), "{bytes:?}");
        }
        let endless = format!("HTTP/1.0 200 OK\r\nX: {}", "x".repeat(2 * MAX_HEAD));
        assert!(matches!(run(endless.as_bytes(), 10), Err(AskError::Garbage(_))));
    }

    #[test]
    fn a_large_answer_is_not_read() {
        let large = format!("HTTP/1.0 200 OK\r\n\r\n{}", "x".repeat(11));
        assert!(matches!(run(large.as_bytes(), 10), Err(AskError::TooLarge)));
        let announced = b"HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n";
        assert!(matches!(run(announced, 10), Err(AskError::TooLarge)));
    }
}
