//! The architectures of the virtual machines, and the differences between them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::super::{arm64, setup::ToolSet};
use super::kernels::Series;
use crate::command;

/// The architecture of a virtual machine. The programs for both architectures are built on `x86_64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// The architecture of this host.
    Amd64,
    /// Another architecture, which needs a cross compiler and a cross linker.
    Arm64,
}

impl Architecture {
    /// Returns an error on a host that cannot run the virtual machines.
    pub fn check_host() -> Result<()> {
        if env::consts::ARCH != "x86_64" {
            bail!("virtual machines are provided for on x86_64 only");
        }
        Ok(())
    }

    /// Returns the tools that set-up must install.
    pub fn tool_set(self) -> ToolSet {
        match self {
            Self::Amd64 => ToolSet::Vm,
            Self::Arm64 => ToolSet::VmArm64,
        }
    }

    /// Returns the kernels to boot by default.
    ///
    /// arm64 has no 5.10: Debian's package lists still contain that kernel, but no mirror has it any more.
    pub fn series(self) -> Vec<Series> {
        match self {
            Self::Amd64 => Series::DEFAULT.to_vec(),
            Self::Arm64 => Series::DEFAULT[1..].to_vec(),
        }
    }

    /// Debian's name of the architecture.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The suffix in the label of a machine.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Amd64 => "",
            Self::Arm64 => "+arm64",
        }
    }

    /// The name of the emulator.
    pub fn emulator(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// Returns the emulator's options for the machine.
    ///
    /// On `x86_64`, cmpxchg16b is disabled, because QEMU 7.2 corrupts the flags with this instruction. Linux 6.12
    /// allocates memory with it, and double-faulted in three boots of four. On arm64, pointers are signed with QEMU's
    /// own cipher, because the architecture's cipher would take most of the time.
    pub fn machine(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &["-cpu", "max,-cx16"],
            Self::Arm64 => &["-machine", "virt", "-cpu", "max,pauth-impdef=on"],
        }
    }

    /// The device of the kernel's console.
    pub fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    /// Returns the emulator's arguments that connect serial port `number` to its file. Port 0 is the console. The arm64
    /// board has a single port, so the other ports are on PCI cards.
    pub fn port(self, number: usize) -> [String; 2] {
        match self {
            Self::Arm64 if number > 0 => ["-device".to_owned(), format!("pci-serial,chardev=port{number}")],
            Self::Amd64 | Self::Arm64 => ["-serial".to_owned(), format!("chardev:port{number}")],
        }
    }

    /// Returns a cargo command that builds for this architecture.
    pub fn cargo<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        match self {
            Self::Amd64 => command::cargo(arguments),
            Self::Arm64 => arm64::cargo(arguments),
        }
    }

    /// Returns the directory of the release build, given cargo's target directory.
    pub fn built(self, target_dir: &Path) -> PathBuf {
        match self {
            Self::Amd64 => target_dir.join("release"),
            Self::Arm64 => arm64::built(target_dir),
        }
    }

    /// Returns a command for the C compiler.
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
