//! Outbound connections.

use super::{Attachment, Hook, IDENTITY, Row};
use crate::model::DataSource;

/// The rows of the table.
pub(super) const ROWS: &[Row] = &[
    Row {
        purpose: DataSource::Tcp,
        without: "no TCP connection is seen",
        hooks: &[Hook {
            name: "raw tracepoint inet_sock_set_state",
            // In this order: the stand-in comes after the one it stands in for.
            attachments: &[
                Attachment::RawTracepoint { program: "tcp_state", tracepoint: "inet_sock_set_state" },
                Attachment::RawTracepoint {
                    program: "tcp_state_stand_in",
                    tracepoint: "inet_sock_set_state",
                },
            ],
            fields: &[
                IDENTITY,
                &[
                    "sock_protocol",
                    "sock_family",
                    "sock_destination",
                    "sock_source",
                    "sock_destination_port",
                    "inet_source_port",
                ],
            ],
            caveat: None,
        }],
    },
    Row {
        purpose: DataSource::TcpUnanswered,
        without: "an attempt that nobody answers is reported only when the kernel gives up",
        hooks: &[Hook {
            name: "raw tracepoint tcp_retransmit_skb",
            attachments: &[Attachment::RawTracepoint {
                program: "tcp_retransmit",
                tracepoint: "tcp_retransmit_skb",
            }],
            fields: &[],
            caveat: None,
        }],
    },
    Row {
        purpose: DataSource::Udp,
        without: "no UDP flow is seen",
        hooks: &[Hook {
            name: "cgroup connect, sendmsg and sock_release",
            attachments: &[
                Attachment::CgroupAddress { program: "udp_connect4" },
                Attachment::CgroupAddress { program: "udp_connect6" },
                Attachment::CgroupAddress { program: "udp_send4" },
                Attachment::CgroupAddress { program: "udp_send6" },
                Attachment::CgroupSocket { program: "udp_release" },
            ],
            fields: &[IDENTITY],
            caveat: None,
        }],
    },
    Row {
        purpose: DataSource::Payload,
        without: "nothing that goes over the wire is read, and the end of a UDP flow is reported without byte counts",
        hooks: &[Hook {
            name: "cgroup packets",
            attachments: &[
                Attachment::CgroupPacket { program: "packet_sent", sent: true },
                Attachment::CgroupPacket { program: "packet_received", sent: false },
            ],
            fields: &[],
            caveat: None,
        }],
    },
];
