//! The architectures that machines can have, and what differs between them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::super::{arm64, setup::ToolSet};
use super::kernels::Series;
use crate::command;

/// A machine's architecture. The programs are built on `x86_64` for either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// This machine's own.
    Amd64,
    /// For which a compiler and a linker of its own are needed.
    Arm64,
}

impl Architecture {
    /// Fails on hosts that cannot run the machines.
    pub fn check_host() -> Result<()> {
        if env::consts::ARCH != "x86_64" {
            bail!("virtual machines are provided for on x86_64 only");
        }
        Ok(())
    }

    /// The tools that set-up must provide.
    pub fn tool_set(self) -> ToolSet {
        match self {
            Self::Amd64 => ToolSet::Vm,
            Self::Arm64 => ToolSet::VmArm64,
        }
    }

    /// The kernels to boot by default.
    ///
    /// Debian's 5.10 for arm64 is in its lists, and none of its mirrors has it any more.
    pub fn series(self) -> Vec<Series> {
        match self {
            Self::Amd64 => Series::DEFAULT.to_vec(),
            Self::Arm64 => Series::DEFAULT[1..].to_vec(),
        }
    }

    /// Debian's name.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The suffix of its machines' labels.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Amd64 => "",
            Self::Arm64 => "+arm64",
        }
    }

    /// The emulator.
    pub fn emulator(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// The emulator's options for the machine.
    ///
    /// On `x86_64` cmpxchg16b is off: QEMU 7.2 corrupts the flags with it, and Linux 6.12, which allocates memory with it,
    /// double-faulted in three boots of four. On arm64 pointers are signed with QEMU's own cipher, because the
    /// architecture's would take most of the time.
    pub fn machine(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &["-cpu", "max,-cx16"],
            Self::Arm64 => &["-machine", "virt", "-cpu", "max,pauth-impdef=on"],
        }
    }

    /// The kernel's console.
    pub fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    /// The arguments that make `file` the port of that number; port 0 is the console. The board of arm64 has one port
    /// of its own, the others are on cards.
    pub fn port(self, number: usize) -> [String; 2] {
        match self {
            Self::Arm64 if number > 0 => ["-device".to_owned(), format!("pci-serial,chardev=port{number}")],
            Self::Amd64 | Self::Arm64 => ["-serial".to_owned(), format!("chardev:port{number}")],
        }
    }

    /// cargo, to build for it.
    pub fn cargo<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        match self {
            Self::Amd64 => command::cargo(arguments),
            Self::Arm64 => arm64::cargo(arguments),
        }
    }

    /// Where cargo leaves what it built, below its target directory.
    pub fn built(self, target_dir: &Path) -> PathBuf {
        match self {
            Self::Amd64 => target_dir.join("release"),
            Self::Arm64 => arm64::built(target_dir),
        }
    }

    /// The compiler of C.
    pub fn cc(self) -> Command {
        match self {
            Self::Amd64 => Command::new("cc"),
            Self::Arm64 => {
                let mut compiler = Command::new(arm64::COMPILER);
                compiler.arg("-static");
                compiler
            }
        }
    }
}
