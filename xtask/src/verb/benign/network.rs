//! Another host to talk to: a network namespace behind a cable.

use std::process::Command;

use anyhow::Result;

use crate::command;

const NAMESPACE: &str = "mw-benign";
const NEAR: &str = "mwb0";
const FAR: &str = "mwb1";

/// The other host; gone when dropped, and the cable with it.
pub struct OtherHost;

impl OtherHost {
    /// This host's address on the cable.
    pub const NEAR_ADDRESS: &str = "10.213.200.1";
    /// The other host's.
    pub const ADDRESS: &str = "10.213.200.2";
    /// The prefix that runs a command on the other host.
    pub const COMMAND: &str = "ip netns exec mw-benign";

    /// Makes it.
    pub fn new() -> Result<Self> {
        // Of a run that was killed.
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
