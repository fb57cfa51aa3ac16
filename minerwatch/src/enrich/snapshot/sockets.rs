//! Finds the sockets of processes: outbound connections, and the sockets of servers.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use rustc_hash::{FxHashMap, FxHashSet};

use super::found::Found;
use crate::{
    enrich::proc::Proc,
    model::{Flow, ProcessKey, Protocol, RunningFlow, SocketSide},
};

/// States in `/proc/net/tcp` (`include/net/tcp_states.h`). A connected UDP socket is also "established".
const ESTABLISHED: u8 = 1;
const SYN_SENT: u8 = 2;
const LISTEN: u8 = 10;

/// The port of DNS servers (RFC 1035, section 4.2).
const DNS: u16 = 53;

/// Maximum number of bytes read of one table: about 400,000 sockets.
const MAX_TABLE: u64 = 64 << 20;
/// Maximum number of open files that are read of one process.
const MAX_FILES: usize = 65_536;

/// Maximum number of listening and accepted sockets of one process.
const MAX_SERVED: usize = 1024;

/// An outbound connection of a process.
pub(super) struct HeldFlow {
    /// The process.
    pub(super) key: ProcessKey,
    /// The number of the file descriptor in the process.
    pub(super) descriptor: i32,
    /// The inode of the socket.
    pub(super) inode: u64,
    /// The connection.
    pub(super) flow: RunningFlow,
}

/// Finds at most `limit` outbound connections of these processes. Also returns the number of further connections. If
/// several processes share a socket, the socket belongs to the first of them. Parents come first in `found`, and
/// usually the parent opened the socket.
pub(super) fn outbound(proc: &Proc, found: &[Found], limit: usize) -> (Vec<HeldFlow>, u64) {
    let sockets = tables(proc, found);
    let (mut flows, mut beyond) = (Vec::new(), 0);
    if sockets.is_empty() {
        return (flows, beyond);
    }
    let mut owned: FxHashSet<u64> = FxHashSet::default();
    for process in found.iter().filter(|process| !process.running.kernel_thread) {
        for (descriptor, inode) in held(proc, process.key.pid) {
            let Some(flow) = sockets.get(&inode).filter(|_| owned.insert(inode)) else { continue };
            if flows.len() < limit {
                flows.push(HeldFlow { key: process.key, descriptor, inode, flow: flow.clone() });
            } else {
                beyond += 1;
            }
        }
    }
    (flows, beyond)
}

/// Finds the socket of a TCP connection of a process. Returns its file descriptor and inode.
pub(super) fn of_connection(proc: &Proc, pid: u32, flow: &Flow) -> Option<(i32, u64)> {
    let ends = |row: &&Row| (row.local, row.remote) == (flow.source, flow.destination);
    let inode = rows(proc, pid, ["net/tcp", "net/tcp6"]).iter().find(ends)?.inode;
    held(proc, pid).find(|(_, held)| *held == inode)
}

/// Returns whether a process has a socket for DNS queries: a UDP socket without a peer, or a listening TCP socket.
pub(super) fn serves_names(proc: &Proc, pid: u32) -> bool {
    let udp = rows(proc, pid, ["net/udp", "net/udp6"]).into_iter().filter(|row| row.state != ESTABLISHED);
    let tcp = rows(proc, pid, ["net/tcp", "net/tcp6"]).into_iter().filter(|row| row.state == LISTEN);
    let of_names = udp.chain(tcp).filter(|row| row.local.port() == DNS);
    let inodes: FxHashSet<u64> = of_names.map(|row| row.inode).filter(|inode| *inode != 0).collect();
    !inodes.is_empty() && held(proc, pid).any(|(_, inode)| inodes.contains(&inode))
}

/// Reads all sockets in these tables, in the network namespace of a process.
fn rows(proc: &Proc, pid: u32, tables: [&str; 2]) -> Vec<Row> {
    let open = |name| File::open(proc.path(pid, name)).ok();
    let tables = tables.into_iter().filter_map(open);
    tables.flat_map(|file| parse(BufReader::new(file.take(MAX_TABLE)))).collect()
}

/// Returns the server sockets of a process: file descriptor, inode, and whether the socket listens or was accepted.
pub(super) fn served(proc: &Proc, pid: u32) -> Vec<(i32, u64, SocketSide)> {
    let sides = serving(&rows(proc, pid, ["net/tcp", "net/tcp6"]));
    let sockets =
        held(proc, pid).filter_map(|(descriptor, inode)| Some((descriptor, inode, *sides.get(&inode)?)));
    sockets.take(MAX_SERVED).collect()
}

/// Returns the listening sockets and the sockets accepted from them, by inode.
fn serving(rows: &[Row]) -> FxHashMap<u64, SocketSide> {
    let listening = listening_ports(rows);
    let side = |row: &Row| match row.state {
        LISTEN => Some(SocketSide::Listening),
        ESTABLISHED if listening.contains(&row.local.port()) => Some(SocketSide::Accepted),
        _ => None,
    };
    rows.iter().filter(|row| row.inode != 0).filter_map(|row| Some((row.inode, side(row)?))).collect()
}

fn listening_ports(rows: &[Row]) -> FxHashSet<u16> {
    rows.iter().filter(|row| row.state == LISTEN).map(|row| row.local.port()).collect()
}

/// Returns the outbound connections in all network namespaces of these processes, by socket inode. The inode number of
/// a socket is unique on the host.
fn tables(proc: &Proc, found: &[Found]) -> FxHashMap<u64, RunningFlow> {
    let mut sockets = FxHashMap::default();
    let mut seen = FxHashSet::default();
    for process in found {
        if !seen.insert(process.running.namespaces.network) {
            continue;
        }
        let mut read_any = false;
        for (protocol, names) in
            [(Protocol::Tcp, ["net/tcp", "net/tcp6"]), (Protocol::Udp, ["net/udp", "net/udp6"])]
        {
            let mut rows = Vec::new();
            for name in names {
                if let Ok(file) = File::open(proc.path(process.key.pid, name)) {
                    read_any = true;
                    rows.extend(parse(BufReader::new(file.take(MAX_TABLE))));
                }
            }
            sockets.extend(outbound_of(protocol, &rows));
        }
        if !read_any {
            // The process is gone. Try the next process in this namespace.
            seen.remove(&process.running.namespaces.network);
        }
    }
    sockets
}

/// One socket of `/proc/PID/net/{tcp,udp}{,6}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    inode: u64,
}

/// Returns the outbound connections: established connections, and TCP connections that are being established. A
/// connection whose local port has a listener was accepted, so it is left out.
fn outbound_of(protocol: Protocol, rows: &[Row]) -> impl Iterator<Item = (u64, RunningFlow)> {
    let listening = listening_ports(rows);
    rows.iter()
        .filter(move |row| match protocol {
            Protocol::Tcp => {
                matches!(row.state, ESTABLISHED | SYN_SENT) && !listening.contains(&row.local.port())
            }
            Protocol::Udp => row.state == ESTABLISHED,
        })
        .filter(|row| row.inode != 0 && row.remote.port() != 0 && !row.remote.ip().is_unspecified())
        .map(move |row| {
            (row.inode, RunningFlow { protocol, source: row.local, destination: row.remote, peer: None })
        })
}

pub(super) fn parse(table: impl BufRead) -> Vec<Row> {
    table.split(b'\n').map_while(Result::ok).filter_map(|line| row(str::from_utf8(&line).ok()?)).collect()
}

/// Parses a line `sl local remote state queues timer retransmits uid timeout inode …` (`proc_pid_net(5)`).
fn row(line: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    Some(Row {
        local: address(fields.next()?)?,
        remote: address(fields.next()?)?,
        state: u8::from_str_radix(fields.next()?, 16).ok()?,
        inode: fields.nth(5)?.parse().ok()?,
    })
}

/// Parses an address such as `0100007F:1F90`: the IP address as 32-bit words in the byte order of the machine, then the
/// port. An IPv4-mapped IPv6 address becomes an IPv4 address.
fn address(field: &str) -> Option<SocketAddr> {
    let (address, port) = field.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |text: &str| Some(u32::from_str_radix(text, 16).ok()?.to_ne_bytes());
    let ip = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(address)?)),
        32 => {
            let mut bytes = [0; 16];
            for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(address.get(8 * index..8 * index + 8)?)?);
            }
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Returns the open sockets of a process: file descriptor and inode.
fn held(proc: &Proc, pid: u32) -> impl Iterator<Item = (i32, u64)> {
    let files = proc.path(pid, "fd").read_dir().ok().into_iter().flatten().take(MAX_FILES);
    files.filter_map(|entry| {
        let entry = entry.ok()?;
        let descriptor = entry.file_name().to_str()?.parse().ok()?;
        let target = entry.path().read_link().ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
        Some((descriptor, inode))
    })
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20
   3: 0100007F:C002 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   4: 0A00000A:C003 08080808:0D05 02 00000000:00000000 01:00000000 00000000     0        0 14 1 0 20
";

    #[test]
    fn accepted_and_ended_connections_are_not_outbound() {
        let rows = parse(TABLE.as_bytes());
        assert_eq!(rows.len(), 5);
        let mut found: Vec<_> = outbound_of(Protocol::Tcp, &rows)
            .map(|(inode, flow)| (inode, flow.source.to_string(), flow.destination.to_string()))
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                (13, "127.0.0.1:49153".into(), "127.0.0.1:8080".into()),
                (14, "10.0.0.10:49155".into(), "8.8.8.8:3333".into()),
            ]
        );
    }

    #[test]
    fn sockets_that_listen_or_were_accepted_are_a_servers() {
        let sides = serving(&parse(TABLE.as_bytes()));
        let mut sides: Vec<_> = sides.into_iter().collect();
        sides.sort_by_key(|(inode, _)| *inode);
        assert_eq!(sides, [(11, SocketSide::Listening), (12, SocketSide::Accepted)]);
    }

    #[test]
    fn addresses_are_read_in_the_byte_order_of_the_machine() {
        let cases = [
            ("0100007F:0050", Some("127.0.0.1:80")),
            ("00000000000000000000000001000000:01BB", Some("[::1]:443")),
            ("0000000000000000FFFF00000100007F:01BB", Some("127.0.0.1:443")),
            ("B80D0120000000000000000001000000:0035", Some("[2001:db8::1]:53")),
            ("0100007F", None),
            ("0100007F:G", None),
            ("01:1", None),
            ("\u{e9}\u{e9}\u{e9}\u{e9}:1", None),
        ];
        for (field, expected) in cases {
            let found = address(field).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{field}");
        }
    }

    #[test]
    fn a_table_that_is_cut_off_is_read_as_far_as_it_goes() {
        assert_eq!(row(""), None);
        assert_eq!(row("0: 0100007F:1F90 00000000:0000 0A 0:0"), None);
        assert_eq!(parse(&TABLE.as_bytes()[..200]).len(), 1);
    }
}
