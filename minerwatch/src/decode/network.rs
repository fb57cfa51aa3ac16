//! Decodes records about connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use minerwatch_common::{AF_INET, AF_INET6, CloseRecord, ConnectRecord, FlowTuple, Transport};

use super::record::{Decode, DecodeError};
use crate::model::{BootTime, Close, Connect, EventBody, Flow, Protocol};

impl Decode for ConnectRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        if self.result < 0 {
            return Err(DecodeError::Meaningless("result"));
        }
        Ok(EventBody::Connect(Connect {
            flow: flow(&self.flow, self.opened)?,
            result: self.result,
            network_namespace: self.network_namespace,
            peer: None,
        }))
    }
}

impl Decode for CloseRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        let time = |at: u64| (at != 0).then_some(BootTime(at));
        // The time of the last payload is coarse. If this time is before the first payload, there was only one payload.
        let last = time(self.last_payload).map(|last| last.max(BootTime(self.first_payload)));
        Ok(EventBody::Close(Close {
            flow: flow(&self.flow, self.opened)?,
            bytes: (self.counted != 0).then_some((self.bytes_sent, self.bytes_received)),
            segments: (self.counted != 0 && self.flow.transport == Transport::Tcp as u16)
                .then_some((self.segments_sent, self.segments_received)),
            first_payload: time(self.first_payload),
            last_payload: last,
            network_namespace: self.network_namespace,
            peer: None,
        }))
    }
}

/// Decodes a flow.
pub(super) fn flow(tuple: &FlowTuple, opened: u64) -> Result<Flow, DecodeError> {
    let protocol = match Transport::from_number(tuple.transport) {
        Some(Transport::Tcp) => Protocol::Tcp,
        Some(Transport::Udp) => Protocol::Udp,
        None => return Err(DecodeError::Meaningless("transport")),
    };
    Ok(Flow {
        protocol,
        source: SocketAddr::new(address(tuple.family, &tuple.source)?, tuple.source_port),
        destination: SocketAddr::new(address(tuple.family, &tuple.destination)?, tuple.destination_port),
        opened: BootTime(opened),
    })
}

/// Decodes an address. An IPv4-mapped IPv6 address becomes an IPv4 address.
fn address(family: u16, bytes: &[u8; 16]) -> Result<IpAddr, DecodeError> {
    match family {
        AF_INET => {
            let [a, b, c, d, ..] = *bytes;
            Ok(Ipv4Addr::new(a, b, c, d).into())
        }
        AF_INET6 => Ok(IpAddr::from(Ipv6Addr::from(*bytes)).to_canonical()),
        _ => Err(DecodeError::Meaningless("address family")),
    }
}
