//! Resets the connections that suspects have open.
//!
//! A program of a cgroup sees only sockets that were created in the cgroup (`sk_cgrp_data` is set by `cgroup_sk_alloc`,
//! net/core/sock.c), so a suspect that was moved keeps its older sockets outside. Each is therefore disconnected through a
//! duplicate of the suspect's own descriptor. That needs no option of the kernel, unlike `SOCK_DESTROY`, and finds the
//! sockets of every network namespace.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use rustix::{
    net::{AddressFamily, Shutdown, SocketType, connect_unspec, getpeername, shutdown, sockopt},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};
use tracing::debug;

use super::tree::Running;
use crate::{enrich::proc::Proc, model::Allowed};

/// Maximum number of descriptors of one process that are looked at.
const MAX_DESCRIPTORS: usize = 65_536;

/// Resets the connections to peers that are not allowed. Returns how many.
pub fn reset(processes: &[Running], allowed: &[Allowed], proc: &Proc) -> usize {
    processes.iter().map(|process| reset_of(process, allowed, proc)).sum()
}

fn reset_of(process: &Running, allowed: &[Allowed], proc: &Proc) -> usize {
    let pid = process.key.pid;
    let Some(handle) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return 0 };
    let Ok(handle) = pidfd_open(handle, PidfdFlags::empty()) else { return 0 };
    if Running::read(pid, proc).is_none_or(|now| now.key != process.key) {
        return 0;
    }
    let entries = fs::read_dir(proc.path(pid, "fd")).into_iter().flatten().flatten().take(MAX_DESCRIPTORS);
    let sockets = entries.filter(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    });
    let mut count = 0;
    for entry in sockets {
        let Some(descriptor) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        match pidfd_getfd(&handle, descriptor, PidfdGetfdFlags::empty()) {
            Ok(socket) => count += usize::from(disconnect(&socket, allowed)),
            Err(error) => debug!("descriptor {descriptor} of the process {pid}: {error}"),
        }
    }
    count
}

/// Disconnects a socket, and keeps it from connecting elsewhere. Returns whether it was connected to a peer that is not
/// allowed.
fn disconnect(socket: &OwnedFd, allowed: &[Allowed]) -> bool {
    let (Ok(family), Ok(kind)) = (sockopt::socket_domain(socket), sockopt::socket_type(socket)) else {
        return false;
    };
    let is_inet = family == AddressFamily::INET || family == AddressFamily::INET6;
    if !is_inet || sockopt::socket_acceptconn(socket).unwrap_or(false) {
        return false;
    }
    let peer = getpeername(socket).ok().flatten().and_then(|peer| SocketAddr::try_from(peer).ok());
    if peer.is_some_and(|peer| is_allowed(peer, allowed)) {
        return false;
    }
    if peer.is_some() && connect_unspec(socket).is_err() {
        // A thread that waits on the socket can keep newer kernels from disconnecting it (EBUSY).
        let _ = shutdown(socket, Shutdown::Both);
    }
    // The socket belongs to the cgroup in which it was created, so a later connect would pass. A socket that is bound to
    // loopback reaches only this host.
    if kind == SocketType::STREAM || kind == SocketType::DGRAM {
        let own: IpAddr = if family == AddressFamily::INET {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        };
        if let Err(error) = rustix::net::bind(socket, &SocketAddr::new(own, 0)) {
            debug!("a socket could not be bound to loopback: {error}");
        }
    }
    peer.is_some()
}

fn is_allowed(peer: SocketAddr, allowed: &[Allowed]) -> bool {
    let address = peer.ip().to_canonical();
    address.is_loopback() || allowed.iter().any(|allowed| allowed.contains(address, peer.port()))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        net::{TcpListener, TcpStream, UdpSocket},
        os::fd::OwnedFd,
    };

    use super::*;

    #[test]
    fn loopback_and_allowed_peers_stay_connected() {
        let allowed = [Allowed::try_from("10.0.0.0/8:443".to_owned()).expect("a network")];
        for (peer, expected) in [
            ("127.0.0.1:3333", true),
            ("[::1]:3333", true),
            ("[::ffff:10.1.2.3]:443", true),
            ("10.1.2.3:443", true),
            ("10.1.2.3:3333", false),
            ("203.0.113.9:443", false),
        ] {
            assert_eq!(is_allowed(peer.parse().expect("an address"), &allowed), expected, "{peer}");
        }
    }

    #[test]
    fn a_listener_and_a_connection_to_this_host_are_left_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let at = listener.local_addr().expect("bound");
        let client = TcpStream::connect(at).expect("it listens");
        let (mut server, _) = listener.accept().expect("a client");
        assert!(!disconnect(&OwnedFd::from(client.try_clone().expect("a copy")), &[]));
        assert!(!disconnect(&OwnedFd::from(listener.try_clone().expect("a copy")), &[]));
        drop(client);
        assert_eq!(server.read(&mut [0]).expect("the end"), 0);
    }

    #[test]
    fn an_open_socket_reaches_only_this_host_afterwards() {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("any");
        let fresh = OwnedFd::from(socket.try_clone().expect("a copy"));
        assert!(!disconnect(&fresh, &[]), "it was not connected");
        let unbound = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).expect("a socket");
        disconnect(&unbound, &[]);
        let outside: SocketAddr = "203.0.113.9:3333".parse().expect("an address");
        assert!(rustix::net::connect(&unbound, &outside).is_err());
        let own = UdpSocket::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound");
        rustix::net::connect(&unbound, &own).expect("this host");
    }
}
