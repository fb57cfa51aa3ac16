//! A parser that finds the body of an HTTP request (RFC 9112).

/// Methods of requests that have a body.
const WITH_BODY: [&[u8]; 3] = [b"POST ", b"PUT ", b"PATCH "];

/// The result of parsing an HTTP request with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A request with a body: the captured part of the body.
    Body(&'a [u8]),
    /// The beginning of a request that has or may have a body. More bytes are needed.
    Unfinished,
    /// No request, or a request without a body.
    Other,
}

/// Parses a request from its first byte on.
pub fn request(bytes: &[u8]) -> Request<'_> {
    if WITH_BODY.iter().any(|method| bytes.starts_with(method)) {
        let body = body_of(bytes).map(<[u8]>::trim_ascii_start).unwrap_or_default();
        return if body.is_empty() { Request::Unfinished } else { Request::Body(body) };
    }
    let may_become_one = !bytes.is_empty() && WITH_BODY.iter().any(|method| method.starts_with(bytes));
    if may_become_one { Request::Unfinished } else { Request::Other }
}

/// Returns the bytes after the head of a request, or `None` if the head is incomplete.
pub fn body_of(request: &[u8]) -> Option<&[u8]> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n")?;
    request.get(end + 4..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_with_a_body_are_told_from_others() {
        for (bytes, expected) in [
            ("POST / HTTP/1.1\r\n\r\n{}", Request::Body(b"{}")),
            ("PUT / HTTP/1.1\r\n\r\n \n{}", Request::Body(b"{}")),
            ("PATCH / HTTP/1.1\r\n\r\n", Request::Unfinished),
            ("POST / HTTP/1.1\r\nHost", Request::Unfinished),
            ("PU", Request::Unfinished),
            ("GET / HTTP/1.1\r\n\r\n", Request::Other),
            ("", Request::Other),
        ] {
            assert_eq!(request(bytes.as_bytes()), expected, "{}", bytes.escape_debug());
        }
    }
}
