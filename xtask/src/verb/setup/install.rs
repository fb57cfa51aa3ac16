//! Performs the actions of set-up.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use xtask::toolchain::{self, Toolchain};
use xtask::{environment, linker};

use super::facts::CargoTool;
use super::plan::Action;
use super::{apt, facts, unpack, wheel};
use crate::command;

/// Performs one action. [`Action::None`] does nothing.
pub fn perform(action: &Action) -> Result<()> {
    match action {
        Action::Apt { packages, .. } => apt::install(packages),
        Action::Unpack(packages) => unpack::perform(packages),
        Action::Wheel(wheel) => wheel::perform(wheel),
        Action::Rustup { toolchain, components } => {
            let mut rustup = Command::new("rustup");
            environment::scrub(&mut rustup);
            rustup.args(["component", "add", "--toolchain", toolchain]).args(components);
            command::check(&mut rustup)
        }
        Action::Linker { rustc, llvm, own } => {
            let toolchains = toolchain::discover::toolchains();
            let toolchain = toolchains
                .iter()
                .find(|toolchain| toolchain.rustc == *rustc)
                .with_context(|| format!("{} has gone", rustc.display()))?;
            install_linker(toolchain, *llvm, *own)
        }
        Action::CargoTool(tool) => install_cargo_tool(tool),
        Action::None(_) => Ok(()),
    }
}

/// Builds a tool into `tools` below the target directory. The tool runs for seconds at most, so a short build matters
/// more than a fast tool.
fn install_cargo_tool(tool: &CargoTool) -> Result<()> {
    let tools = command::target_dir().join("tools");
    let build = tools.join("build");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    environment::scrub(&mut cargo);
    cargo
        .args(["install", tool.name, "--version", tool.version, "--locked", "--quiet", "--root"])
        .arg(&tools)
        .arg("--target-dir")
        .arg(&build);
    command::prefer_short_build(&mut cargo, "0");
    let outcome = command::check(&mut cargo);
    let _ = fs::remove_dir_all(build);
    outcome
}

/// Builds bpf-linker into `tools` below the target directory.
fn install_linker(toolchain: &Toolchain, llvm: u32, own: bool) -> Result<()> {
    let target_dir = command::target_dir();
    let tools = target_dir.join("tools");
    let prefix = if own { own_llvm_prefix(toolchain, &tools)? } else { facts::llvm_prefix(llvm) };

    let build = tools.join("build");
    let mut cargo = Command::new(&toolchain.cargo);
    environment::scrub(&mut cargo);
    cargo
        .env("RUSTC", &toolchain.rustc)
        .env("LLVM_PREFIX", prefix)
        .args(["install", "bpf-linker", "--version", linker::VERSION, "--locked", "--force", "--quiet"])
        .args(["--no-default-features", "--features", &format!("llvm-{llvm}"), "--root"])
        .arg(&tools)
        .arg("--target-dir")
        .arg(&build);
    let outcome = command::check(&mut cargo);
    // The build directory takes half a gigabyte and is not needed again. A failure to remove it does not matter.
    let _ = fs::remove_dir_all(build);
    outcome
}

/// Creates a directory with the layout that bpf-linker's build expects of an LLVM. It links to the library that
/// rustup's compiler ships.
///
/// With this directory no LLVM needs to be installed, and the linker reads exactly the bitcode that this compiler
/// writes. The linker stores the path of the directory, and loads the library by its soname, which is the name of its
/// file.
fn own_llvm_prefix(toolchain: &Toolchain, tools: &Path) -> Result<PathBuf> {
    let library = facts::own_llvm_library(toolchain).context("the compiler's LLVM library has gone")?;
    let prefix = tools.join("llvm");
    let lib = prefix.join("lib");
    fs::create_dir_all(&lib).with_context(|| format!("cannot make {}", lib.display()))?;
    let names = [Some("libLLVM.so".as_ref()), library.file_name()];
    for link in names.into_iter().flatten().map(|name| lib.join(name)) {
        let _ = fs::remove_file(&link);
        symlink(&library, &link).with_context(|| format!("cannot make the link {}", link.display()))?;
    }
    Ok(prefix)
}
