//! A parser for tunnel requests. SOCKS and HTTP CONNECT name a host; the tunnelled content follows the request.
//!
//! Source: RFC 1928 (SOCKS 5), the SOCKS 4 and 4A notes, RFC 9110 section 9.3.6 (CONNECT).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::http::body_of;
use crate::model::{TunnelHost, TunnelRequest};

/// A tunnel request; borrows from the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel<'a> {
    /// The tunnel protocol: `SOCKS5`, `SOCKS4` or `HTTP CONNECT`.
    pub kind: &'static str,
    /// The requested host.
    pub host: Host<'a>,
    /// The requested port.
    pub port: u16,
}

/// A host by name or by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name, or an address as text.
    Name(&'a str),
    /// An address.
    Address(IpAddr),
}

impl Tunnel<'_> {
    /// Returns the request as an owned value.
    pub fn to_request(&self) -> TunnelRequest {
        let host = match self.host {
            Host::Name(name) => TunnelHost::Name(name.to_owned()),
            Host::Address(address) => TunnelHost::Address(address),
        };
        TunnelRequest { kind: self.kind, host, port: self.port }
    }
}

/// A stream after its tunnel requests were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peeled<'a> {
    /// The requested tunnel, if any, and the content that follows the request.
    Content(Option<Tunnel<'a>>, &'a [u8]),
    /// More bytes of the stream are needed to decide.
    Unfinished,
}

/// Removes greetings and tunnel requests from the front of a stream.
pub fn peel(stream: &[u8]) -> Peeled<'_> {
    match stream {
        [5, ..] => socks5(stream),
        [4, 1, ..] => socks4(stream).unwrap_or(Peeled::Unfinished),
        [b'C', ..] if stream.starts_with(b"CONNECT ") => connect(stream),
        [b'C', ..] if b"CONNECT ".starts_with(stream) => Peeled::Unfinished,
        _ => Peeled::Content(None, stream),
    }
}

fn socks5(stream: &[u8]) -> Peeled<'_> {
    let mut rest = stream;
    // Skips the greeting, and a second greeting after a password. The password itself is not captured.
    while let [5, methods @ 1..=16, tail @ ..] = rest {
        if let [5, 1, 0, 1 | 3 | 4, ..] = rest {
            break;
        }
        let Some(after) = tail.get(usize::from(*methods)..) else { return Peeled::Unfinished };
        rest = after;
    }
    match rest {
        [] => Peeled::Unfinished,
        [5, 1, 0, tail @ ..] => request(tail).unwrap_or(Peeled::Unfinished),
        other => Peeled::Content(None, other),
    }
}

/// Parses a SOCKS 5 request from its address type on.
fn request(bytes: &[u8]) -> Option<Peeled<'_>> {
    let (kind, rest) = bytes.split_first()?;
    let (host, rest) = match kind {
        1 => {
            let (address, rest) = rest.split_first_chunk::<4>()?;
            (Host::Address(Ipv4Addr::from(*address).into()), rest)
        }
        4 => {
            let (address, rest) = rest.split_first_chunk::<16>()?;
            (Host::Address(Ipv6Addr::from(*address).into()), rest)
        }
        3 => {
            let (length, rest) = rest.split_first()?;
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            (Host::Name(std::str::from_utf8(name).unwrap_or("?")), rest)
        }
        _ => return Some(Peeled::Content(None, bytes)),
    };
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let tunnel = Tunnel { kind: "SOCKS5", host, port: u16::from_be_bytes(*port) };
    Some(Peeled::Content(Some(tunnel), rest))
}

fn socks4(stream: &[u8]) -> Option<Peeled<'_>> {
    let (port, rest) = stream.get(2..)?.split_first_chunk::<2>()?;
    let (address, rest) = rest.split_first_chunk::<4>()?;
    let (_user, mut rest) = until_nul(rest)?;
    let mut host = Host::Address(Ipv4Addr::from(*address).into());
    // SOCKS 4A: an address 0.0.0.x, which no host can have, means that a host name follows.
    if let [0, 0, 0, 1..=255] = address {
        let (name, after) = until_nul(rest)?;
        host = Host::Name(std::str::from_utf8(name).unwrap_or("?"));
        rest = after;
    }
    let tunnel = Tunnel { kind: "SOCKS4", host, port: u16::from_be_bytes(*port) };
    Some(Peeled::Content(Some(tunnel), rest))
}

fn until_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn connect(stream: &[u8]) -> Peeled<'_> {
    let Some(body) = body_of(stream) else { return Peeled::Unfinished };
    let target = stream.get(8..).and_then(|rest| rest.split(|byte| *byte == b' ').next());
    let target = target.and_then(|target| std::str::from_utf8(target).ok()).unwrap_or_default();
    let (host, port) = target.rsplit_once(':').unwrap_or((target, ""));
    let host = Host::Name(host.trim_matches(['[', ']']));
    let tunnel = Tunnel { kind: "HTTP CONNECT", host, port: port.parse().unwrap_or(0) };
    Peeled::Content(Some(tunnel), body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Peer = (String, u16);

    fn peeled(stream: &[u8]) -> Option<(Option<Peer>, Vec<u8>)> {
        match peel(stream) {
            Peeled::Content(tunnel, rest) => Some((
                tunnel.map(|tunnel| (tunnel.to_request().host.to_string(), tunnel.port)),
                rest.to_vec(),
            )),
            Peeled::Unfinished => None,
        }
    }

    #[test]
    fn requests_for_tunnels_are_taken_off() {
        let pool = || Some(("pool.test".to_owned(), 3333));
        let cases: [(&[u8], _, &[u8]); 8] = [
            (b"{}", None, b"{}"),
            (b"\x05\x01\0\x05\x01\0\x03\x09pool.test\x0d\x05{}", pool(), b"{}"),
            (b"\x05\x02\0\x02\x05\x01\0\x03\x09pool.test\x0d\x05", pool(), b""),
            (b"\x05\x01\0\x05\x01\0\x01\x0a\0\0\x02\x0d\x05{", Some(("10.0.0.2".into(), 3333)), b"{"),
            (b"\x04\x01\x0d\x05\0\0\0\x01me\0pool.test\0{}", pool(), b"{}"),
            (b"\x04\x01\x0d\x05\x0a\0\0\x02\0{}", Some(("10.0.0.2".into(), 3333)), b"{}"),
            (b"CONNECT pool.test:3333 HTTP/1.1\r\nHost: x\r\n\r\n{}", pool(), b"{}"),
            (b"CONNECT [fd00::2]:3333 HTTP/1.1\r\n\r\n", Some(("fd00::2".into(), 3333)), b""),
        ];
        for (stream, tunnel, rest) in cases {
            assert_eq!(peeled(stream), Some((tunnel, rest.to_vec())), "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn a_request_cut_off_needs_more() {
        for stream in [
            &b"\x05\x01\0"[..],
            b"\x05\x02\0",
            b"\x05\x01\0\x05\x01\0\x03\x09poo",
            b"CONNECT a:1 HTTP/1.1\r\n",
            b"\x04\x01\x0d",
        ] {
            assert_eq!(peeled(stream), None, "{}", stream.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(first in 3_u8..7, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = bytes;
            bytes.insert(0, first);
            let _ = peel(&bytes);
        }
    }
}
