//! A parser of the heads of HTTP requests and answers (RFC 9112).

/// Methods of requests that have a body.
const WITH_BODY: [&[u8]; 3] = [b"POST ", b"PUT ", b"PATCH "];

/// The result of parsing an HTTP request with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A request with a body.
    Body {
        /// The path of the request, with its query.
        path: &'a [u8],
        /// Whether the body comes in chunks.
        is_chunked: bool,
        /// The captured part of the body.
        body: &'a [u8],
    },
    /// The beginning of a request that has or may have a body. More bytes are needed.
    Unfinished,
    /// No request, or a request without a body.
    Other,
}

/// Parses a request from its first byte on.
pub fn request(bytes: &[u8]) -> Request<'_> {
    if WITH_BODY.iter().any(|method| bytes.starts_with(method)) {
        let Some((head, body)) = head_of(bytes) else { return Request::Unfinished };
        let body = body.trim_ascii_start();
        if body.is_empty() {
            return Request::Unfinished;
        }
        return Request::Body { path: path_of(bytes), is_chunked: is_chunked(head), body };
    }
    let may_become_one = !bytes.is_empty() && WITH_BODY.iter().any(|method| method.starts_with(bytes));
    if may_become_one { Request::Unfinished } else { Request::Other }
}

/// Whether bytes begin with the request line of a request that is read.
pub fn begins_request(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GET ") || WITH_BODY.iter().any(|method| bytes.starts_with(method))
}

/// Returns the path of a request, with its query; empty if the request line is cut off in the method.
pub fn path_of(request: &[u8]) -> &[u8] {
    request.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).nth(1).unwrap_or_default()
}

/// Returns the head and what follows it, or `None` if the head is incomplete.
pub fn head_of(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((message.get(..end)?, message.get(end + 4..)?))
}

/// Returns the bytes after the head of a request, or `None` if the head is incomplete.
pub fn body_of(request: &[u8]) -> Option<&[u8]> {
    head_of(request).map(|(_, body)| body)
}

/// Whether a head says that the body comes in chunks.
pub fn is_chunked(head: &[u8]) -> bool {
    has_field(head, b"transfer-encoding:", b"chunked")
}

/// Whether a head asks for a WebSocket, or grants one.
pub fn is_websocket(head: &[u8]) -> bool {
    has_field(head, b"upgrade:", b"websocket")
}

/// Whether a head says that a document of JSON follows, whole or as events. The answer to a CONNECT says nothing of a
/// document, and is followed by the words of another protocol.
pub fn announces_json(head: &[u8]) -> bool {
    has_field(head, b"content-type:", b"json") || has_field(head, b"content-type:", b"event-stream")
}

/// Whether a head has this field, and its value contains this word. Both in small letters.
fn has_field(head: &[u8], name: &[u8], word: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').any(|line| {
        let (field, value) = line.split_at(name.len().min(line.len()));
        field.eq_ignore_ascii_case(name)
            && value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_with_a_body_are_told_from_others() {
        let body = |is_chunked| Request::Body { path: b"/", is_chunked, body: b"{}" };
        for (bytes, expected) in [
            ("POST / HTTP/1.1\r\n\r\n{}", body(false)),
            ("POST / HTTP/1.1\r\nTransfer-encoding: gzip, Chunked\r\n\r\n{}", body(true)),
            ("PUT / HTTP/1.1\r\n\r\n \n{}", body(false)),
            ("PATCH / HTTP/1.1\r\n\r\n", Request::Unfinished),
            ("POST / HTTP/1.1\r\nHost", Request::Unfinished),
            ("PU", Request::Unfinished),
            ("GET / HTTP/1.1\r\n\r\n", Request::Other),
            ("", Request::Other),
        ] {
            assert_eq!(request(bytes.as_bytes()), expected, "{}", bytes.escape_debug());
        }
    }

    #[test]
    fn fields_are_known_in_any_case() {
        assert!(is_websocket(b"GET /x HTTP/1.1\r\nUPGRADE:WebSocket\r\n"));
        assert!(!is_websocket(b"GET /x HTTP/1.1\r\nUpgrade: h2c\r\nX-Upgrade: websocket\r\n"));
        assert!(announces_json(b"HTTP/1.1 200 OK\r\ncontent-type: Application/JSON; charset=utf-8\r\n"));
        assert!(!announces_json(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: json/1\r\n"));
        assert_eq!(path_of(b"GET /a?b=c HTTP/1.1\r\n"), b"/a?b=c");
        assert_eq!(path_of(b"GET"), b"");
    }
}
