//! Simulates two hosts on one machine: a pair of network namespaces joined by a virtual cable (veth).

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{command, unique};

/// A network namespace with one address per IP version. It is removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    /// Name of the namespace, for `ip netns exec`.
    pub name: String,
    /// IPv4 address of the namespace.
    pub address: String,
    /// IPv6 address of the namespace.
    pub address_v6: String,
}

/// Two namespaces that can reach each other and nothing else.
#[derive(Debug)]
pub struct Pair {
    /// Namespace of the test's processes.
    pub victim: Namespace,
    /// Namespace of the servers.
    pub server: Namespace,
}

impl Pair {
    /// Creates both namespaces and the cable. `subnet` is the third part of their addresses. Use a separate number for
    /// each test, so that a trace distinguishes the tests.
    ///
    /// # Panics
    /// When a command of `ip` fails.
    pub fn new(subnet: u8) -> Self {
        let victim = Namespace::new(subnet, 1);
        let server = Namespace::new(subnet, 2);
        let (near, far) = (format!("mwv{subnet}"), format!("mws{subnet}"));
        command::run(
            "ip",
            &[
                "link",
                "add",
                &near,
                "netns",
                &victim.name,
                "type",
                "veth",
                "peer",
                &far,
                "netns",
                &server.name,
            ],
        );
        victim.configure(&near);
        server.configure(&far);
        Self { victim, server }
    }
}

impl Namespace {
    /// Creates a namespace that reaches nothing but itself.
    ///
    /// # Panics
    /// When a command of `ip` fails.
    pub fn alone() -> Self {
        let namespace = Self::new(0, 1);
        namespace.set_loopback(true);
        namespace
    }

    /// Switches the loopback interface on or off. Without it, processes of the namespace do not reach each other.
    ///
    /// # Panics
    /// When a command of `ip` fails.
    pub fn set_loopback(&self, on: bool) {
        command::run("ip", &["-n", &self.name, "link", "set", "lo", if on { "up" } else { "down" }]);
    }

    fn new(subnet: u8, host: u8) -> Self {
        let name = unique("mw");
        command::run("ip", &["netns", "add", &name]);
        Self {
            name,
            address: format!("10.213.{subnet}.{host}"),
            address_v6: format!("fd00:213:{subnet:x}::{host}"),
        }
    }

    fn configure(&self, device: &str) {
        let ip = |arguments: &[&str]| command::run("ip", &[&["-n", &self.name], arguments].concat());
        ip(&["address", "add", &format!("{}/24", self.address), "dev", device]);
        ip(&["address", "add", &format!("{}/64", self.address_v6), "dev", device, "nodad"]);
        ip(&["link", "set", device, "up"]);
        self.set_loopback(true);
    }

    /// Returns a command that runs `program` in this namespace.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]).args(arguments).stdin(Stdio::null());
        command
    }

    /// Starts a server in this namespace and waits until it listens on the IPv4 port `port`.
    ///
    /// # Panics
    /// When the server does not listen within ten seconds.
    pub fn serve(&self, port: u16, program: &str, arguments: &[&str]) -> Server {
        let child = self
            .command(program, arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let server = Server { child };
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if self.listens(port) {
                return server;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{program} does not listen on port {port}");
    }

    /// Returns whether a socket of this namespace listens on a TCP port (state 0A in /proc/net/tcp).
    pub fn listens(&self, port: u16) -> bool {
        let sockets = command::run("ip", &["netns", "exec", &self.name, "cat", "/proc/net/tcp"]);
        let wanted = format!(":{port:04X} ");
        String::from_utf8_lossy(&sockets.stdout)
            .lines()
            .any(|line| line.contains(&wanted) && line.contains(" 0A "))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = command::try_run("ip", &["netns", "delete", &self.name]);
    }
}

/// A server process. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
