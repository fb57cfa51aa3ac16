//! The compiler, whose standard library is in the executable.

use std::env;
use std::process::Command;

use anyhow::{Context, Result};
use xtask::workspace;

use crate::command;

/// What the compiler says about itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Compiler {
    /// Its version, such as `1.90.0`.
    pub release: String,
    /// The target triple of this machine, for which build scripts and macros are compiled.
    pub host: String,
}

impl Compiler {
    /// Asks the compiler of this tree.
    pub fn current() -> Result<Self> {
        let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let said = command::output(Command::new(program).current_dir(workspace::root()).arg("-vV"))?;
        Self::read(&said).context("rustc -vV printed no version")
    }

    /// Reads what `rustc -vV` prints.
    fn read(said: &str) -> Option<Self> {
        let value = |key| said.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        Some(Self { release: value("release: ")?, host: value("host: ")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_host_are_read() {
        let said =
            "rustc 1.90.0 (abc 2025-09-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.90.0\n";
        let read = Compiler::read(said).expect("both are there");
        assert_eq!((read.release.as_str(), read.host.as_str()), ("1.90.0", "x86_64-unknown-linux-gnu"));
        assert_eq!(Compiler::read("rustc 1.90.0\n"), None);
    }
}
