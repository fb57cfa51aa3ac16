//! Compilers that can build for `bpfel-unknown-none`, and the choice between them.
//!
//! The target has no prebuilt standard library upstream. A compiler can therefore be used in one of two cases: its
//! distribution ships a prebuilt `core` for the target (Debian's `libstd-rust-web-dev-bpf`), or the toolchain has
//! the library's source (`rust-src`), from which cargo builds `core`.

pub mod discover;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::linker::Linker;

/// The compilation target of the eBPF programs.
pub const TARGET: &str = "bpfel-unknown-none";

/// The oldest compiler that the workspace supports (`rust-version`).
pub const OLDEST: Release = Release { major: 1, minor: 88 };

/// A compiler's release, for comparison; the patch level does not matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The major version: 1 in 1.90.
    pub major: u32,
    /// The minor version: 90 in 1.90.
    pub minor: u32,
}

/// The version of a compiler, as `rustc -vV` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The compiler's release.
    pub release: Release,
    /// The target triple of the host.
    pub host: String,
    /// The major version of the compiler's LLVM. The linker has to read the bitcode that this LLVM writes.
    pub llvm: u32,
}

impl Version {
    /// Parses the output of `rustc -vV`. Returns `None` if a field is missing or not a number.
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
        };
        let mut release = field("release")?.split(['.', '-']);
        Some(Self {
            release: Release { major: release.next()?.parse().ok()?, minor: release.next()?.parse().ok()? },
            host: field("host")?.to_owned(),
            llvm: field("LLVM version")?.split('.').next()?.parse().ok()?,
        })
    }
}

/// Where `core` for the eBPF target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Already compiled, below the compiler's sysroot.
    Prebuilt,
    /// Built by cargo from the library's source (`-Z build-std=core`).
    Source,
}

/// A compiler with its cargo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// The compiler itself, never rustup's proxy.
    pub rustc: PathBuf,
    /// The cargo in the compiler's directory.
    pub cargo: PathBuf,
    /// The compiler's sysroot.
    pub sysroot: PathBuf,
    /// The compiler's version.
    pub version: Version,
    /// The compiler's `core` for the target, if any.
    pub core: Option<Core>,
    /// The name of the toolchain in rustup; `None` outside rustup.
    pub rustup: Option<String>,
}

impl Toolchain {
    /// Whether the toolchain can compile the eBPF programs.
    pub fn serves(&self) -> bool {
        self.core.is_some() && self.version.release >= OLDEST
    }

    /// Whether the toolchain includes clippy.
    pub fn has_clippy(&self) -> bool {
        let has = |name| self.cargo.parent().is_some_and(|bin| bin.join(name).is_file());
        has("cargo-clippy") && has("clippy-driver")
    }

    /// Returns the directory of the compiler's own libraries. rustup's toolchains ship their LLVM there.
    pub fn library_dir(&self) -> PathBuf {
        self.sysroot.join("lib")
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Release { major, minor } = self.version.release;
        write!(f, "rustc {major}.{minor} (LLVM {}) at {}", self.version.llvm, self.rustc.display())
    }
}

/// A toolchain, and a linker that can read its bitcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The toolchain that compiles the programs.
    pub toolchain: &'a Toolchain,
    /// The linker that links the programs.
    pub linker: &'a Path,
}

/// Why the eBPF programs cannot be built here. Each message is one sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No compiler has `core` for the target.
    Core,
    /// There is a compiler, but no `bpf-linker` that can read its bitcode.
    Linker {
        /// The major version of the compiler's LLVM.
        llvm: u32,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core => {
                write!(
                    f,
                    "no Rust compiler on this machine can build for {TARGET}; `cargo xtask setup` installs one"
                )
            }
            Self::Linker { llvm } => write!(
                f,
                "no bpf-linker on this machine reads the bitcode of LLVM {llvm}; `cargo xtask setup` installs one"
            ),
        }
    }
}

impl std::error::Error for Missing {}

/// Chooses the compiler and the linker for the eBPF programs. Both lists are in order of preference.
///
/// A compiler with a suitable linker wins over a preferred compiler without one, so that the build works with the tools
/// that the machine has.
pub fn choose<'a>(toolchains: &'a [Toolchain], linkers: &'a [Linker]) -> Result<Pair<'a>, Missing> {
    let mut serving = toolchains.iter().filter(|toolchain| toolchain.serves()).peekable();
    let preferred = serving.peek().ok_or(Missing::Core)?.version.llvm;
    serving
        .find_map(|toolchain| {
            let linker = linkers.iter().find(|linker| linker.reads(toolchain.version.llvm))?;
            Some(Pair { toolchain, linker: &linker.path })
        })
        .ok_or(Missing::Linker { llvm: preferred })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STABLE: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 5980\n\
        commit-date: 2026-04-14\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";

    #[test]
    fn the_version_is_read_from_rustc() {
        let release = |minor| Release { major: 1, minor };
        let version = Version::parse(STABLE).unwrap();
        assert_eq!(version.release, release(95));
        assert_eq!((version.host.as_str(), version.llvm), ("x86_64-unknown-linux-gnu", 22));

        let nightly = STABLE.replace("release: 1.95.0", "release: 1.97.0-nightly");
        assert_eq!(Version::parse(&nightly).unwrap().release, release(97));
    }

    #[test]
    fn a_version_with_missing_fields_is_none() {
        for broken in
            ["", "rustc 1.95.0", &STABLE.replace("LLVM version", "LLVM"), &STABLE.replace("1.95", "x.y")]
        {
            assert_eq!(Version::parse(broken), None, "{broken:?}");
        }
    }

    fn toolchain(path: &str, minor: u32, llvm: u32, core: Option<Core>) -> Toolchain {
        Toolchain {
            rustc: format!("{path}/rustc").into(),
            cargo: format!("{path}/cargo").into(),
            sysroot: path.into(),
            version: Version {
                release: Release { major: 1, minor },
                host: "x86_64-unknown-linux-gnu".into(),
                llvm,
            },
            core,
            rustup: None,
        }
    }

    fn linker(path: &str, llvm: Option<u32>) -> Linker {
        Linker { path: path.into(), llvm }
    }

    #[test]
    fn the_best_compiler_and_linker_are_chosen() {
        let none = |path| toolchain(path, 95, 22, None);
        let source = |path, llvm| toolchain(path, 95, llvm, Some(Core::Source));
        let prebuilt = |path| toolchain(path, 96, 22, Some(Core::Prebuilt));
        let ok = |rustc: &str, linker: &str| Ok((PathBuf::from(rustc), PathBuf::from(linker)));

        let cases = [
            ("nothing at all", vec![], vec![], Err(Missing::Core)),
            (
                "rustup without rust-src",
                vec![none("/rustup")],
                vec![linker("/l", Some(22))],
                Err(Missing::Core),
            ),
            (
                "rustup without rust-src, a distribution's compiler with core",
                vec![none("/rustup"), prebuilt("/usr/bin")],
                vec![linker("/l", Some(22))],
                ok("/usr/bin/rustc", "/l"),
            ),
            (
                "rustup with rust-src is preferred",
                vec![source("/rustup", 22), prebuilt("/usr/bin")],
                vec![linker("/l", Some(22))],
                ok("/rustup/rustc", "/l"),
            ),
            (
                "the pair that is complete wins",
                vec![source("/rustup", 23), prebuilt("/usr/bin")],
                vec![linker("/l", Some(22))],
                ok("/usr/bin/rustc", "/l"),
            ),
            (
                "a newer linker reads older bitcode",
                vec![source("/rustup", 21)],
                vec![linker("/old", Some(20)), linker("/new", Some(22))],
                ok("/rustup/rustc", "/new"),
            ),
            (
                "a linker with LLVM inside says nothing and is trusted",
                vec![source("/rustup", 22)],
                vec![linker("/static", None)],
                ok("/rustup/rustc", "/static"),
            ),
            ("no linker", vec![prebuilt("/usr/bin")], vec![], Err(Missing::Linker { llvm: 22 })),
            (
                "too old a compiler",
                vec![toolchain("/usr/bin", 85, 19, Some(Core::Prebuilt))],
                vec![linker("/l", Some(22))],
                Err(Missing::Core),
            ),
        ];
        for (name, toolchains, linkers, expected) in cases {
            let chosen = choose(&toolchains, &linkers)
                .map(|pair| (pair.toolchain.rustc.clone(), pair.linker.to_path_buf()));
            assert_eq!(chosen, expected, "{name}");
        }
    }

    #[test]
    fn every_error_is_one_line_and_names_the_remedy() {
        for missing in [Missing::Core, Missing::Linker { llvm: 22 }] {
            let text = missing.to_string();
            assert!(text.contains("`cargo xtask setup`") && !text.contains('\n'), "{text}");
        }
    }
}
