//! What TLS still shows: the client's first message, which is in the clear.

mod hello;
mod ja4;

pub use hello::{ClientHello, extension};
pub use ja4::ja4;

use crate::model::{Direction, Payload, Protocol, TlsHello};

/// The most protocols that are told of.
const PROTOCOLS: usize = 8;

/// The message in a payload that a process of this host sent, if it is one.
pub fn hello_of(payload: &Payload) -> Option<ClientHello<'_>> {
    let ours = payload.direction == Direction::Sent && !payload.accepted;
    (ours && payload.flow.protocol == Protocol::Tcp).then(|| ClientHello::read(&payload.bytes.0))?
}

/// The same for whoever shows it.
pub fn facts(payload: &Payload) -> Option<TlsHello> {
    let hello = hello_of(payload)?;
    let protocols = hello.protocol_names().take(PROTOCOLS);
    Some(TlsHello {
        server_name: hello.server_name.map(str::to_ascii_lowercase),
        names_host: hello.extension_types().any(|kind| kind == extension::SERVER_NAME),
        offers_protocols: hello.protocols.is_some(),
        whole: hello.whole,
        protocols: protocols
            .map(|name| name.escape_ascii().to_string())
            .filter(|name| !name.is_empty())
            .collect(),
        ja4: ja4(&hello),
    })
}

/// The message of a client that names a host and a protocol, of which nothing is to be said.
#[cfg(test)]
pub(super) fn hello_for_tests() -> Vec<u8> {
    hello_naming("www.example")
}

/// The same with another name.
#[cfg(test)]
pub(super) fn hello_naming(name: &str) -> Vec<u8> {
    use hello::tests::{hello, named, protocols};
    hello(&[0x1301], &[named(name), protocols(&["h2"])])
}

/// The message of a client that names neither.
#[cfg(test)]
pub(super) fn anonymous_hello() -> Vec<u8> {
    hello::tests::hello(&[0x1301], &[(10, vec![0; 4])])
}

#[cfg(test)]
mod tests {
    use super::hello::tests::{hello, named, protocols};
    use crate::{
        engine::testing::{Host, findings, seconds, verdict},
        model::Verdict,
    };

    fn after(destination: &str, bytes: &[u8]) -> (Vec<(&'static str, u8)>, Option<Verdict>) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        host.send(client, destination, bytes);
        (findings(&host), verdict(&host))
    }

    #[test]
    fn who_names_nothing_is_odd_and_no_more() {
        let anonymous = hello(&[0x1301], &[(10, vec![0; 4])]);
        assert_eq!(after("192.0.2.9:443", &anonymous), (vec![("N6", 15)], None));
        for (destination, bytes) in [
            ("127.0.0.1:443", anonymous.clone()),
            ("192.0.2.9:443", anonymous[..anonymous.len() - 6].to_vec()),
            ("192.0.2.9:443", hello(&[0x1301], &[named("www.example")])),
            ("192.0.2.9:443", hello(&[0x1301], &[protocols(&["mqtt"])])),
        ] {
            assert_eq!(after(destination, &bytes), (vec![], None), "{}", bytes.escape_ascii());
        }
    }

    /// Half an hour of messages over TLS to a broker that is known by its address, on a port that pools like as well.
    #[test]
    fn a_broker_s_client_is_left_in_peace() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/sensor", &["sensor"]);
        let (mqtt, nats) = ("192.0.2.9:8883", "192.0.2.10:4444");
        let anonymous = hello(&[0x1301, 0x1302], &[(10, vec![0; 4]), (13, vec![0, 2, 4, 3])]);
        for _ in 0..30 {
            for broker in [mqtt, nats] {
                host.connect(client, broker);
                host.send(client, broker, &anonymous);
                host.receive(client, broker, b"\x16\x03\x03\0\x05\x02\0\0\x01\0");
                host.send(client, broker, b"\x17\x03\x03\0\x40encrypted");
            }
            host.wait(seconds(60));
        }
        assert_eq!(verdict(&host), None);
        assert!(findings(&host).iter().all(|(id, _)| matches!(*id, "N4" | "N6")), "{:?}", findings(&host));
    }

    #[test]
    fn a_pool_is_known_by_the_name_a_client_asks_for() {
        let browser = hello(&[0x1301], &[named("SupportXMR.com"), protocols(&["h2", "http/1.1"])]);
        assert_eq!(after("192.0.2.9:443", &browser).0, [("N3", 20)], "a visit");
        assert_eq!(after("192.0.2.9:9000", &browser).0, [("N3", 60)], "no web page");
        let miner = hello(&[0x1301], &[named("pool.supportxmr.com")]);
        assert_eq!(after("192.0.2.9:443", &miner), (vec![("N3", 60)], Some(Verdict::Noted)));
    }
}
