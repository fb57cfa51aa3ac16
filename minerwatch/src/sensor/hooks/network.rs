//! The hooks for connections and payloads.

use super::{
    super::program_types::{BtfTracepoint, CgroupAddress, CgroupPacket, CgroupSocket},
    fields::IDENTITY,
    row::{Hook, Row, program},
};
use crate::model::DataSource;

/// The fields of a TCP socket.
const SOCKET: &[&str] = &[
    "sock_family",
    "sock_destination",
    "sock_source",
    "sock_destination_v6",
    "sock_source_v6",
    "sock_destination_port",
    "inet_source_port",
    "sock_network",
    "network_namespace_inode",
    "sock_cookie",
    "sock_error",
    "sock_flags",
    "tcp_bytes_sent",
    "tcp_bytes_resent",
    "tcp_bytes_received",
    "tcp_segments_sent",
    "tcp_segments_received",
    "tcp_all_segments_received",
    "tcp_last_sent",
    "connection_last_received",
];

/// The rows of this family.
pub(super) const ROWS: &[Row] = &[
    Row {
        source: DataSource::Tcp,
        only_with: None,
        if_unavailable: "TCP connections are not seen",
        hooks: &[Hook {
            name: "BTF tracepoints inet_sock_set_state and tcp_destroy_sock",
            programs: &[
                program("tcp_state", &BtfTracepoint("inet_sock_set_state")),
                program("tcp_destroyed", &BtfTracepoint("tcp_destroy_sock")),
            ],
            fields: &[IDENTITY, SOCKET],
            caveat: None,
        }],
    },
    Row {
        source: DataSource::TcpUnanswered,
        only_with: None,
        if_unavailable: "an unanswered connection attempt is only reported when the kernel gives up",
        hooks: &[Hook {
            name: "BTF tracepoint tcp_retransmit_skb",
            programs: &[program("tcp_retransmit", &BtfTracepoint("tcp_retransmit_skb"))],
            fields: &[],
            caveat: None,
        }],
    },
    Row {
        source: DataSource::Udp,
        only_with: None,
        if_unavailable: "UDP flows are not seen",
        hooks: &[Hook {
            name: "cgroup connect, sendmsg and sock_release",
            programs: &[
                program("udp_connect4", &CgroupAddress),
                program("udp_connect6", &CgroupAddress),
                program("udp_send4", &CgroupAddress),
                program("udp_send6", &CgroupAddress),
                program("udp_release", &CgroupSocket),
            ],
            fields: &[IDENTITY],
            caveat: None,
        }],
    },
    Row {
        source: DataSource::Payload,
        only_with: None,
        if_unavailable: "payloads and DNS are not read, and UDP flows end without byte counts",
        hooks: &[Hook {
            name: "cgroup packets",
            programs: &[
                program("packet_sent", &CgroupPacket::Sent),
                program("packet_received", &CgroupPacket::Received),
            ],
            fields: &[],
            caveat: None,
        }],
    },
];
