//! Parses the head of an HTTP request.

/// Maximum size of the head of a request, in bytes.
pub(super) const MAX_HEAD: usize = 8 << 10;
/// Maximum number of headers.
const MAX_HEADERS: usize = 64;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The head is not complete yet.
    More,
    /// `GET /metrics`. For `HEAD`, without the body.
    Metrics {
        /// Whether the body is wanted.
        body: bool,
    },
    /// `GET /healthz`.
    Health,
    /// Any other path.
    Unknown,
    /// Any other method.
    Method,
    /// Not HTTP, or too large.
    Bad,
}

/// Parses what a client has sent so far.
pub(super) fn parse(bytes: &[u8]) -> Asked {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Asked::More,
        Ok(httparse::Status::Partial) | Err(_) => return Asked::Bad,
    }
    let path = request.path.unwrap_or_default();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    match (request.method.unwrap_or_default(), path) {
        ("GET", "/metrics") => Asked::Metrics { body: true },
        ("HEAD", "/metrics") => Asked::Metrics { body: false },
        ("GET" | "HEAD", "/healthz") => Asked::Health,
        ("GET" | "HEAD", _) => Asked::Unknown,
        _ => Asked::Method,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_complete_with_its_empty_line() {
        let request = b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(parse(&request[..end]), Asked::More, "{end}");
        }
        assert_eq!(parse(request), Asked::Metrics { body: true });
    }

    #[test]
    fn paths_and_methods() {
        for (line, expected) in [
            ("HEAD /metrics", Asked::Metrics { body: false }),
            ("GET /healthz", Asked::Health),
            ("GET /", Asked::Unknown),
            ("GET /metrics/", Asked::Unknown),
            ("POST /metrics", Asked::Method),
        ] {
            assert_eq!(parse(format!("{line} HTTP/1.0\r\n\r\n").as_bytes()), expected, "{line}");
        }
        assert_eq!(parse(b"\x16\x03\x01\x02\x00\x01"), Asked::Bad, "TLS");
        assert_eq!(parse(&[b'G'; MAX_HEAD]), Asked::Bad, "too large");
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(parse(many.as_bytes()), Asked::Bad);
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes);
        }
    }
}
