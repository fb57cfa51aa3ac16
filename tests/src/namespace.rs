//! Two hosts on one machine: a pair of network namespaces joined by a cable.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{command, unique};

/// A network namespace with one address, removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    /// Its name, for `ip netns exec`.
    pub name: String,
    /// Its IPv4 address.
    pub address: String,
    /// Its IPv6 address.
    pub address_v6: String,
}

/// A victim and a server that can reach each other and nobody else.
#[derive(Debug)]
pub struct Pair {
    /// Where the test's processes run.
    pub victim: Namespace,
    /// Where servers run.
    pub server: Namespace,
}

impl Pair {
    /// Makes both namespaces and the cable. `subnet` is the third byte of their addresses, one for each
    /// test, so that a trace tells the tests apart.
    ///
    /// # Panics
    /// When the system refuses.
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
        ip(&["link", "set", "lo", "up"]);
    }

    /// A command that will run in this namespace.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]).args(arguments).stdin(Stdio::null());
        command
    }

    /// Starts a server in this namespace and waits until a connection from within it is accepted.
    ///
    /// # Panics
    /// When it does not come up within ten seconds.
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

    /// Whether a socket of this namespace listens on a TCP port (state 0A in /proc/net/tcp).
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

/// A server process, ended when dropped.
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
