//! Connections of simulated processes, with their payloads.

use std::net::SocketAddr;

use super::{Host, NETWORK};
use crate::model::{
    AppData, Bytes, Close, Connect, Direction, EventBody, Flow, GeoLocation, Payload, ProcessKey, Protocol,
};

/// A payload for [`Host::payload`].
#[derive(Clone, Copy, Debug)]
pub struct TcpPayload<'a> {
    /// Address and port of the peer.
    pub peer: &'a str,
    /// Direction of the payload.
    pub direction: Direction,
    /// Whether the peer opened the connection.
    pub accepted: bool,
    /// Content of the payload.
    pub bytes: &'a [u8],
}

impl Host {
    /// Opens a TCP connection.
    pub fn connect(&mut self, key: ProcessKey, destination: &str) {
        self.connect_to(key, destination, None);
    }

    /// Tries to open a TCP connection, which fails with the error `result`, a positive errno.
    pub fn connect_fails(&mut self, key: ProcessKey, destination: &str, result: i32) {
        let flow = self.flow(Protocol::Tcp, destination);
        let connect = Connect { flow, result, network_namespace: NETWORK, peer: None };
        self.happen(key, EventBody::Connect(connect));
    }

    /// Opens a TCP connection from another network namespace.
    pub fn connect_in(&mut self, key: ProcessKey, destination: &str, network: u32) {
        self.connected(key, destination, None, network);
    }

    /// Opens a TCP connection. `peer` is the location of the destination, if a geo database knows it.
    pub fn connect_to(&mut self, key: ProcessKey, destination: &str, peer: Option<GeoLocation>) {
        self.connected(key, destination, peer, NETWORK);
    }

    fn connected(&mut self, key: ProcessKey, destination: &str, peer: Option<GeoLocation>, network: u32) {
        let flow = self.flow(Protocol::Tcp, destination);
        let peer = peer.map(Box::new);
        self.happen(key, EventBody::Connect(Connect { flow, result: 0, network_namespace: network, peer }));
    }

    /// Transfers one TCP payload, cut to 512 bytes as on the kernel side.
    pub fn payload(&mut self, key: ProcessKey, payload: TcpPayload<'_>) {
        let TcpPayload { peer, direction, accepted, bytes } = payload;
        let flow = self.flow(Protocol::Tcp, peer);
        self.happen(
            key,
            EventBody::Payload(Box::new(Payload {
                flow,
                direction,
                index: 0,
                length: u32::try_from(bytes.len()).expect("a payload is short"),
                accepted,
                bytes: Bytes(bytes[..bytes.len().min(512)].into()),
                app: AppData::default(),
            })),
        );
    }

    /// Transfers one datagram of a UDP flow that the process opened.
    pub fn datagram(&mut self, key: ProcessKey, peer: &str, direction: Direction, bytes: &[u8]) {
        let flow = self.flow(Protocol::Udp, peer);
        let length = u32::try_from(bytes.len()).expect("a datagram is short");
        let bytes = Bytes(bytes.into());
        let app = AppData::default();
        let payload = Payload { flow, direction, index: 0, length, accepted: false, bytes, app };
        self.happen(key, EventBody::Payload(Box::new(payload)));
    }

    /// Sends on a TCP connection that the process opened.
    pub fn send(&mut self, key: ProcessKey, peer: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.payload(key, TcpPayload { peer, direction: Direction::Sent, accepted: false, bytes });
    }

    /// Receives on a TCP connection that the process opened.
    pub fn receive(&mut self, key: ProcessKey, peer: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.payload(key, TcpPayload { peer, direction: Direction::Received, accepted: false, bytes });
    }

    /// Closes a TCP connection.
    pub fn disconnect(&mut self, key: ProcessKey, destination: &str) {
        let flow = self.flow(Protocol::Tcp, destination);
        self.happen(
            key,
            EventBody::Close(Close {
                flow,
                bytes: None,
                segments: None,
                first_payload: None,
                last_payload: None,
                network_namespace: NETWORK,
                peer: None,
            }),
        );
    }

    fn flow(&self, protocol: Protocol, destination: &str) -> Flow {
        let port = match protocol {
            Protocol::Tcp => 40_000,
            Protocol::Udp => 50_000,
        };
        Flow {
            protocol,
            source: SocketAddr::from(([10, 0, 0, 2], port)),
            destination: destination.parse().expect("an address"),
            opened: self.now,
        }
    }
}
