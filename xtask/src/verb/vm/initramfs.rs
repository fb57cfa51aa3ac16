//! Builds the initramfs of a virtual machine: the daemon, PID 1, the simulators, and the tools and libraries that they
//! need.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::workspace;

use super::architecture::Architecture;
use super::archive;
use super::cpio::Archive;
use crate::command;

/// The programs that cargo builds, and their paths in the machine. PID 1 relies on these paths.
pub const PROGRAMS: [(&str, &str); 3] =
    [("init", "/init"), ("minerwatch", "/usr/bin/minerwatch"), ("simulator", "/usr/bin/simulator")];

/// Small programs and their paths in the machine. The simulator starts the first, and the measured operations start the
/// second.
const TOOLS: [(&str, &str); 2] = [("chmod", "/usr/bin/chmod"), ("true", "/bin/true")];

/// The simulators in C, and their paths in the machine.
const NATIVE: [(&str, &str); 4] = [
    ("arithmetic", "/usr/bin/arithmetic"),
    ("memory", "/usr/bin/memory"),
    ("privileged", "/usr/bin/privileged"),
    ("uring", "/usr/bin/uring"),
];

/// Compiles the simulators in C into `directory`.
pub fn build_native(architecture: Architecture, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for (name, _) in NATIVE {
        let source = workspace::root().join(format!("tests/simulators/{name}.c"));
        command::check(
            architecture.cc().args(["-O2", "-pthread", "-o"]).arg(directory.join(name)).arg(source),
        )?;
    }
    Ok(())
}

/// Returns the small programs, each with its path in the machine. On amd64 they are this system's own. On another
/// architecture they are all Debian's busybox, unpacked below `directory`.
pub fn tools(packages: &archive::Archive, directory: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    if packages.architecture() == Architecture::Amd64 {
        let own = TOOLS.iter().map(|(name, target)| {
            let tool = command::find(name).with_context(|| format!("there is no {name} on this system"))?;
            Ok((tool, *target))
        });
        return own.collect();
    }
    let unpacked = directory.join("busybox");
    let program = unpacked.join("bin/busybox");
    if !program.is_file() {
        let package = packages.download("busybox-static", directory)?;
        command::check(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&unpacked))?;
    }
    Ok(TOOLS.iter().map(|(_, target)| (program.clone(), *target)).collect())
}

/// Packs the programs in `built` (a directory of cargo's) and `native`, the `tools`, and their libraries. All kernels
/// of an architecture use the same archive.
pub fn pack(built: &Path, native: &Path, tools: &[(PathBuf, &'static str)]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    let mut libraries = BTreeSet::new();
    // The kernel opens this device for PID 1's standard streams before anything is mounted.
    archive.device("/dev/console", 5, 1)?;
    archive.file("/etc/passwd", 0o644, b"root:x:0:0:root:/root:/usr/sbin/nologin\n")?;
    let programs = PROGRAMS.iter().map(|(name, target)| (built.join(name), *target));
    let native = NATIVE.iter().map(|(name, target)| (native.join(name), *target));
    for (program, target) in programs.chain(tools.iter().cloned()).chain(native) {
        libraries.extend(libraries_of(&program)?);
        archive.file(target, 0o755, &read(&program)?)?;
    }
    for library in libraries {
        let target = library.to_str().context("a library's path is not UTF-8")?.to_owned();
        archive.file(&target, 0o755, &read(&library)?)?;
    }
    archive.finish()
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Returns the libraries that a program loads, and the program's loader.
fn libraries_of(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).env("LC_ALL", "C").output().context("cannot start ldd")?;
    let text = String::from_utf8_lossy(&output.stdout);
    // ldd fails for a static program, which needs no libraries.
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        if message.contains("not a dynamic executable") {
            return Ok(Vec::new());
        }
        bail!("ldd {}: {}", program.display(), message.trim_end());
    }
    Ok(paths(&text))
}

/// Parses ldd's lines: `name => path (address)`, `path (address)` for the loader, and the kernel's own library, which
/// has no path.
fn paths(listing: &str) -> Vec<PathBuf> {
    listing
        .lines()
        .filter_map(|line| {
            let found = line.split_once("=>").map_or(line, |(_, found)| found);
            let path = found.split_whitespace().next()?;
            path.starts_with('/').then(|| PathBuf::from(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_the_listing() {
        let listing = "\tlinux-vdso.so.1 (0x00007ffc)\n\
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
            \tlibmissing.so => not found\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(paths(listing), expected);
        assert_eq!(paths("\tstatically linked\n"), Vec::<PathBuf>::new());
    }
}
