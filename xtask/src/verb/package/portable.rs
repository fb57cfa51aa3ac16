//! Builds static executables, which run on every distribution: they need no library and no loader of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::super::{
    arm64,
    setup::{self, ToolSet},
};
use crate::command;

/// An architecture that packages are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portable {
    X86_64,
    Aarch64,
}

impl Portable {
    /// The architecture of this machine, if packages are made for it.
    pub fn of_host() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The name of the architecture in names of archives.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Rust's target triple with musl, whose programs are static.
    pub fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }

    /// The directory with the finished build.
    pub fn built(self) -> PathBuf {
        command::target_dir().join(self.target()).join("release")
    }

    /// Makes the release build, unless it is up to date.
    pub fn build(self) -> Result<()> {
        setup::ensure(ToolSet::Package(self))?;
        // The C code of the dependencies (ring) uses no function of a C library but those that compilers assume. So the
        // compiler of this system serves, with or without the headers of musl.
        let compiler = self.tool("gcc");
        let (lower, upper) =
            (self.target().replace('-', "_"), self.target().replace('-', "_").to_uppercase());
        let mut cargo = command::cargo(["build", "--package", "minerwatch", "--release", "--target"]);
        cargo
            .arg(self.target())
            .env(format!("CC_{lower}"), &compiler)
            .env(format!("CFLAGS_{lower}"), "-U_FORTIFY_SOURCE -fno-stack-protector")
            .env(format!("CARGO_TARGET_{upper}_LINKER"), &compiler)
            // This variable would override the target's own flags.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command::check(&mut cargo)
    }

    /// Splits an executable: writes it without symbols to `stripped`, and its symbols to a file beside it that ends in
    /// `.debug`.
    pub fn strip(self, executable: &Path, stripped: &Path) -> Result<PathBuf> {
        let debug = stripped.with_extension("debug");
        let objcopy = || Command::new(self.tool("objcopy"));
        command::check(objcopy().arg("--only-keep-debug").arg(executable).arg(&debug))?;
        let link = format!("--add-gnu-debuglink={}", debug.display());
        command::check(objcopy().args(["--strip-all", &link]).arg(executable).arg(stripped))
            .with_context(|| format!("stripping {}", executable.display()))?;
        Ok(debug)
    }

    /// Returns the name of a tool that works on files of this architecture.
    fn tool(self, name: &str) -> String {
        if Self::of_host() == Some(self) {
            return if name == "gcc" { "cc".to_owned() } else { name.to_owned() };
        }
        arm64::COMPILER.replace("gcc", name)
    }
}
