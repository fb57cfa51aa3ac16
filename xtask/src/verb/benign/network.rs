//! The other host that workloads talk to: a network namespace, connected by a veth pair.

use std::process::Command;

use anyhow::Result;

use crate::command;

const NAMESPACE: &str = "mw-benign";
const NEAR: &str = "mwb0";
const FAR: &str = "mwb1";

/// The other host. Dropping it removes the namespace and the veth pair.
pub struct OtherHost;

impl OtherHost {
    /// The address of this host on the veth pair.
    pub const NEAR_ADDRESS: &str = "10.213.200.1";
    /// The address of the other host on the veth pair.
    pub const ADDRESS: &str = "10.213.200.2";
    /// The prefix of a command that runs on the other host.
    pub const COMMAND: &str = "ip netns exec mw-benign";

    /// Creates the namespace and the veth pair.
    pub fn new() -> Result<Self> {
        // A run that was killed leaves its namespace behind.
        let _ = Command::new("ip").args(["netns", "delete", NAMESPACE]).output();
        ip(&["netns", "add", NAMESPACE])?;
        let other = Self;
        ip(&["link", "add", NEAR, "type", "veth", "peer", FAR, "netns", NAMESPACE])?;
        ip(&["address", "add", &format!("{}/24", Self::NEAR_ADDRESS), "dev", NEAR])?;
        ip(&["link", "set", NEAR, "up"])?;
        ip(&["-n", NAMESPACE, "address", "add", &format!("{}/24", Self::ADDRESS), "dev", FAR])?;
        ip(&["-n", NAMESPACE, "link", "set", FAR, "up"])?;
        ip(&["-n", NAMESPACE, "link", "set", "lo", "up"])?;
        Ok(other)
    }
}

impl Drop for OtherHost {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", NAMESPACE]).output();
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    command::check(Command::new("ip").args(arguments))
}
