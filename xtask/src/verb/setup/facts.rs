//! What set-up knows about the machine before it decides.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use xtask::linker::{self, Linker};
use xtask::toolchain::{self, Toolchain};

use super::super::arm64;
use super::unpack;
use crate::command;

/// Programs that tests run, each with its Debian package and what it is for.
pub const PROGRAMS: [Program; 5] = [
    Program { name: "ip", package: "iproute2", why: "tests make network namespaces of their own" },
    Program { name: "python3", package: "python3", why: "tests serve files from a local server" },
    Program { name: "curl", package: "curl", why: "tests fetch files as an intruder does" },
    Program { name: "cc", package: "build-essential", why: "tests build simulators that are written in C" },
    Program { name: "runc", package: "runc", why: "tests start containers of their own" },
];

/// Programs for virtual machines.
pub const EMULATORS: [Program; 1] =
    [Program { name: "qemu-system-x86_64", package: "qemu-system-x86", why: "to boot other kernels" }];

/// Further programs for virtual machines of arm64.
pub const ARM64_EMULATORS: [Program; 1] =
    [Program { name: "qemu-system-aarch64", package: "qemu-system-arm", why: "to boot kernels of arm64" }];

/// What building for arm64 needs besides Rust's own library.
pub const ARM64_COMPILERS: [Program; 2] = [
    Program { name: arm64::COMPILER, package: "gcc-aarch64-linux-gnu", why: "to link for arm64" },
    Program {
        name: "/usr/aarch64-linux-gnu/lib/libc.a",
        package: "libc6-dev-arm64-cross",
        why: "the C library for arm64",
    },
];

/// cargo's subcommands that linting runs.
pub const LINTERS: [LintTool; 2] = [
    LintTool { executable: "cargo-fmt", component: "rustfmt", package: "rustfmt-web" },
    LintTool { executable: "cargo-clippy", component: "clippy", package: "rust-web-clippy" },
];

/// Tools that cargo builds, into the target directory. Each is the newest that the tree's oldest compiler builds.
pub const CARGO_TOOLS: [CargoTool; 3] = [
    CargoTool {
        name: "cargo-deny",
        version: "0.20.2",
        why: "to check licences, advisories and duplicates of dependencies",
    },
    CargoTool { name: "cargo-nextest", version: "0.9.114", why: "to run the tests" },
    CargoTool { name: "cargo-machete", version: "0.9.2", why: "to find dependencies that nothing uses" },
];

/// The fuzzer.
pub const CARGO_FUZZ: CargoTool =
    CargoTool { name: "cargo-fuzz", version: "0.13.2", why: "to run the fuzz targets" };

/// A program that is looked for on `PATH`, or a file at an absolute path.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The executable.
    pub name: &'static str,
    /// The package that has it.
    pub package: &'static str,
    /// What it is for.
    pub why: &'static str,
}

/// A subcommand of cargo that is looked for in the target directory and on `PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CargoTool {
    /// The executable, and the package that has it.
    pub name: &'static str,
    /// The release to install. Any other that is already installed is fine.
    pub version: &'static str,
    /// What it is for.
    pub why: &'static str,
}

/// A subcommand of cargo that is looked for beside the active cargo.
#[derive(Debug, PartialEq, Eq)]
pub struct LintTool {
    /// The executable.
    pub executable: &'static str,
    /// rustup's component that has it.
    pub component: &'static str,
    /// The package that has it.
    pub package: &'static str,
}

/// What set-up knows about a machine.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// All compilers, best first.
    pub toolchains: Vec<Toolchain>,
    /// All linkers, best first.
    pub linkers: Vec<Linker>,
    /// The rustup toolchain that components can be added to.
    pub rustup: Option<String>,
    /// Whether packages can be installed: apt-get is here, and we are root or have sudo.
    pub apt: bool,
    /// The majors of LLVM whose development files are installed, below `/usr/lib/llvm-<major>`.
    pub llvm: Vec<u32>,
    /// rustup toolchains, by their compiler, whose own LLVM library bpf-linker can be linked with.
    pub own_llvm: Vec<PathBuf>,
    /// Compilers that come with clippy.
    pub with_clippy: Vec<PathBuf>,
    /// Those of [`PROGRAMS`] that are not on `PATH`.
    pub missing_programs: Vec<&'static Program>,
    /// Those of [`EMULATORS`] that are not on `PATH`.
    pub missing_emulators: Vec<&'static Program>,
    /// Those of [`ARM64_EMULATORS`] that are not on `PATH`.
    pub missing_arm64_emulators: Vec<&'static Program>,
    /// Those of [`ARM64_COMPILERS`] that are not here.
    pub missing_arm64_compilers: Vec<&'static Program>,
    /// Whether the active toolchain has Rust's standard library for arm64.
    pub arm64_std: bool,
    /// Those of [`LINTERS`] that the active cargo does not have.
    pub missing_linters: Vec<&'static LintTool>,
    /// Those of [`CARGO_TOOLS`] that are not here.
    pub missing_cargo_tools: Vec<CargoTool>,
    /// Whether [`CARGO_FUZZ`] is here.
    pub cargo_fuzz: bool,
    /// Whether we are root already, so that nothing goes through sudo.
    pub root: bool,
    /// Whether the eBPF objects are given, so that no compiler for it is needed.
    pub prebuilt_objects: bool,
}

/// Looks at this machine. Takes a tenth of a second and changes nothing.
pub fn gather() -> Facts {
    let toolchains = toolchain::discover::toolchains();
    let active =
        env::var_os("CARGO").map(PathBuf::from).or_else(|| command::find("cargo")).unwrap_or_default();
    Facts {
        linkers: linker::discover(&command::target_dir()),
        rustup: rustup(&toolchains),
        apt: command::find("apt-get").is_some() && (command::is_root() || command::find("sudo").is_some()),
        llvm: linker::SUPPORTED_LLVM.filter(|major| development_files(*major)).collect(),
        own_llvm: toolchains
            .iter()
            .filter(|toolchain| own_llvm_library(toolchain).is_some())
            .map(|toolchain| toolchain.rustc.clone())
            .collect(),
        with_clippy: toolchains
            .iter()
            .filter(|toolchain| toolchain.has_clippy())
            .map(|toolchain| toolchain.rustc.clone())
            .collect(),
        missing_programs: missing(&PROGRAMS, |name| command::find(name).is_some()),
        missing_emulators: missing(&EMULATORS, |name| unpack::emulator(name).is_some()),
        missing_arm64_emulators: missing(&ARM64_EMULATORS, |name| unpack::emulator(name).is_some()),
        missing_arm64_compilers: missing(&ARM64_COMPILERS, |name| command::find(name).is_some()),
        arm64_std: active
            .parent()
            .and_then(Path::parent)
            .is_some_and(|root| root.join("lib/rustlib").join(arm64::TARGET).join("lib").is_dir()),
        missing_linters: LINTERS
            .iter()
            .filter(|tool| active.parent().is_none_or(|bin| !bin.join(tool.executable).is_file()))
            .collect(),
        missing_cargo_tools: CARGO_TOOLS.into_iter().filter(|tool| !is_here(tool)).collect(),
        cargo_fuzz: is_here(&CARGO_FUZZ),
        root: command::is_root(),
        prebuilt_objects: env::var_os(xtask::ebpf::OBJECTS_VARIABLE)
            .is_some_and(|objects| !objects.is_empty()),
        toolchains,
    }
}

/// Whether a tool of cargo's is in the target directory or on `PATH`.
pub fn is_here(tool: &CargoTool) -> bool {
    command::tools_bin().join(tool.name).is_file() || command::find(tool.name).is_some()
}

fn missing(programs: &'static [Program], is_here: impl Fn(&str) -> bool) -> Vec<&'static Program> {
    programs.iter().filter(|program| !is_here(program.name)).collect()
}

/// The active toolchain if it is rustup's, else the first that rustup has.
fn rustup(toolchains: &[Toolchain]) -> Option<String> {
    command::find("rustup")?;
    toolchains.iter().find_map(|toolchain| toolchain.rustup.clone())
}

fn development_files(major: u32) -> bool {
    llvm_prefix(major).join("lib/libLLVM.so").exists()
}

/// Where Debian installs an LLVM.
pub fn llvm_prefix(major: u32) -> PathBuf {
    Path::new("/usr/lib").join(format!("llvm-{major}"))
}

/// The LLVM library that a rustup toolchain carries, by the name it is loaded with: `libLLVM.so.22.1-rust-1.95.0-stable`
/// (before LLVM 19: `libLLVM-18-rust-1.78.0-stable.so`).
pub fn own_llvm_library(toolchain: &Toolchain) -> Option<PathBuf> {
    toolchain.rustup.as_ref()?;
    fs::read_dir(toolchain.library_dir()).ok()?.flatten().map(|entry| entry.path()).find(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        // The other name is a linker script of a few bytes that points to this one.
        name.is_some_and(|name| name.starts_with("libLLVM") && name.contains("-rust-"))
            && path.metadata().is_ok_and(|meta| meta.len() > 1 << 20)
    })
}
