//! HTTP requests, as far as they matter here (RFC 9112).

/// Methods of requests that have a body.
const WITH_BODY: [&[u8]; 3] = [b"POST ", b"PUT ", b"PATCH "];

/// Whether the bytes are a request, and one that has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// It has, and this is what was captured of it.
    Body(&'a [u8]),
    /// It has, or may have. More of it has to come.
    Unfinished,
    /// It is no request, or one without a body.
    Other,
}

/// Reads a request from its first byte on.
pub fn request(bytes: &[u8]) -> Request<'_> {
    if WITH_BODY.iter().any(|method| bytes.starts_with(method)) {
        let body = body_of(bytes).map(<[u8]>::trim_ascii_start).unwrap_or_default();
        return if body.is_empty() { Request::Unfinished } else { Request::Body(body) };
    }
    let may_become_one = !bytes.is_empty() && WITH_BODY.iter().any(|method| method.starts_with(bytes));
    if may_become_one { Request::Unfinished } else { Request::Other }
}

/// What follows the head of a request; `None` while the head is not whole.
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
