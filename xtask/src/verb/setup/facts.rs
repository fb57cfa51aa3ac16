//! Gathers the facts about the machine that set-up needs for its decisions.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use xtask::linker::{self, Linker};
use xtask::toolchain::{self, Toolchain};

use super::super::{arm64, package::Portable};
use super::{unpack, wheel};
use crate::command;

/// Programs that tests run, each with its Debian package and its purpose.
pub const PROGRAMS: [Program; 5] = [
    Program { name: "ip", package: "iproute2", why: "tests make network namespaces of their own" },
    Program { name: "python3", package: "python3", why: "tests serve files from a local server" },
    Program { name: "curl", package: "curl", why: "tests fetch files as an intruder does" },
    Program { name: "cc", package: "build-essential", why: "tests build simulators that are written in C" },
    Program { name: "runc", package: "runc", why: "tests start containers of their own" },
];

/// Servers that tests talk to. They are optional: a test whose server is missing is skipped. They are unpacked and not
/// installed, because a package starts its server.
pub const SERVERS: [Program; 5] = [
    Program { name: "prometheus", package: "prometheus", why: "tests serve metrics and check alert rules" },
    Program { name: "prometheus-alertmanager", package: "prometheus-alertmanager", why: "tests fire alerts" },
    Program { name: "rsyslogd", package: "rsyslog", why: "tests send syslog messages" },
    Program { name: "lmnsd_gtls.so", package: "rsyslog-gnutls", why: "tests send syslog messages over TLS" },
    Program { name: "lmnsd_ossl.so", package: "rsyslog-openssl", why: "tests send syslog messages over TLS" },
];

/// What tests use of Python packages: a server, and what renders and checks the Helm chart. They are optional, too.
pub const WHEELS: [Wheel; 4] = [
    Wheel {
        package: "noida-db",
        version: "0.2.3",
        sha256: "40a2fb15567e3d344e7483df62bb439e7d64ac6fb232f4f223554aed58204f82",
        file: "noida_db/noida-db",
        why: "tests send alerts to a server with the APIs of Elasticsearch and Kafka",
    },
    Wheel {
        package: "helm-python-sdk",
        version: "0.2.2",
        sha256: "28cc13abaf134c3a7e37f070c939be8d9cdc9825c3c8b8b2d35161073bcd4578",
        file: "helm_python/lib/libhelm_c.so",
        why: "tests render and lint the Helm chart",
    },
    Wheel {
        package: "jsonschema-rs",
        version: "0.61.2",
        sha256: "2ecc653144d3b70803bcc7b95b3f8714bdc3ad4a1f808d6aa747572cccc95a4d",
        file: "jsonschema_rs/jsonschema_rs.abi3.so",
        why: "tests check manifests of Kubernetes",
    },
    Wheel {
        package: "kubernetes-validate",
        version: "1.37.0",
        sha256: "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9",
        file: "kubernetes_validate-1.37.0-py3-none-any.whl",
        why: "tests check manifests against the schemas of Kubernetes",
    },
];

/// Programs that `bench --loads` runs, and the peer that it knows best. All are optional: a load whose program is missing
/// is skipped. They are unpacked and not installed, because a package starts its server.
pub const BENCH_PROGRAMS: [Program; 11] = [
    Program { name: "nginx", package: "nginx", why: "the loads nginx and nginx-connections" },
    Program { name: "ab", package: "apache2-utils", why: "the loads nginx and nginx-connections" },
    Program { name: "redis-server", package: "redis-server", why: "the loads redis and redis-connections" },
    Program { name: "redis-cli", package: "redis-tools", why: "the loads redis and redis-connections" },
    Program { name: "redis-benchmark", package: "redis-tools", why: "the loads redis and redis-connections" },
    Program { name: "initdb", package: "postgresql", why: "the load pgbench" },
    Program { name: "pgbench", package: "postgresql-contrib", why: "the load pgbench" },
    Program { name: "gcc", package: "gcc", why: "the load compile" },
    Program { name: "make", package: "make", why: "the load compile" },
    Program { name: "hackbench", package: "rt-tests", why: "the load hackbench" },
    Program { name: "bpftrace", package: "bpftrace", why: "the peer bpftrace of bench --against" },
];

/// Emulators for virtual machines of this architecture.
pub const EMULATORS: [Program; 1] =
    [Program { name: "qemu-system-x86_64", package: "qemu-system-x86", why: "to boot other kernels" }];

/// Emulators for arm64 virtual machines.
pub const ARM64_EMULATORS: [Program; 1] =
    [Program { name: "qemu-system-aarch64", package: "qemu-system-arm", why: "to boot kernels of arm64" }];

/// Tools to build for arm64, in addition to Rust's standard library.
pub const ARM64_COMPILERS: [Program; 2] = [
    Program { name: arm64::COMPILER, package: "gcc-aarch64-linux-gnu", why: "to link for arm64" },
    Program {
        name: "/usr/aarch64-linux-gnu/lib/libc.a",
        package: "libc6-dev-arm64-cross",
        why: "the C library for arm64",
    },
];

/// Subcommands of cargo that `lint` runs, as a toolchain ships them.
pub const LINTERS: [LintTool; 2] = [
    LintTool { executable: "cargo-fmt", component: "rustfmt", package: "rustfmt-web" },
    LintTool { executable: "cargo-clippy", component: "clippy", package: "rust-web-clippy" },
];

/// Tools that cargo builds into the target directory. Each version is the newest that the oldest supported compiler can
/// build.
pub const CARGO_TOOLS: [CargoTool; 3] = [
    CargoTool {
        name: "cargo-deny",
        version: "0.20.2",
        why: "to check licences, advisories and duplicates of dependencies",
    },
    CargoTool { name: "cargo-nextest", version: "0.9.114", why: "to run the tests" },
    CargoTool { name: "cargo-machete", version: "0.9.2", why: "to find dependencies that nothing uses" },
];

/// Tools that make packages. Both write their formats themselves, so no distribution's tools are needed.
pub const PACKAGE_TOOLS: [CargoTool; 2] = [
    CargoTool { name: "cargo-deb", version: "3.8.0", why: "to make the .deb" },
    CargoTool { name: "cargo-generate-rpm", version: "0.21.1", why: "to make the .rpm" },
];

/// The tool that runs the fuzz targets.
pub const CARGO_FUZZ: CargoTool =
    CargoTool { name: "cargo-fuzz", version: "0.13.2", why: "to run the fuzz targets" };

/// A program to find on `PATH`, or a file at an absolute path.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The name of the executable, or the path of the file.
    pub name: &'static str,
    /// The Debian package that contains the program.
    pub package: &'static str,
    /// The purpose of the program.
    pub why: &'static str,
}

/// A subcommand of cargo to find in the target directory or on `PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CargoTool {
    /// The name of the executable and of its crate.
    pub name: &'static str,
    /// The version to install. Any other version that is already installed is accepted.
    pub version: &'static str,
    /// The purpose of the tool.
    pub why: &'static str,
}

/// What a test uses of a Python package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wheel {
    /// The name of the package.
    pub package: &'static str,
    /// The version to install.
    pub version: &'static str,
    /// The digest of the package's file.
    pub sha256: &'static str,
    /// The path of a file in the package, or the name of the package's own file, which then stays packed.
    pub file: &'static str,
    /// The purpose of the package.
    pub why: &'static str,
}

/// A subcommand of cargo to find next to the active cargo.
#[derive(Debug, PartialEq, Eq)]
pub struct LintTool {
    /// The name of the executable.
    pub executable: &'static str,
    /// The rustup component that contains the executable.
    pub component: &'static str,
    /// The Debian package that contains the executable.
    pub package: &'static str,
}

/// The facts about a machine.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// All compilers, best first.
    pub toolchains: Vec<Toolchain>,
    /// All linkers, best first.
    pub linkers: Vec<Linker>,
    /// The rustup toolchain that components can be added to.
    pub rustup: Option<String>,
    /// Whether packages can be installed: there is apt-get, and this process is root or there is sudo.
    pub apt: bool,
    /// The major versions of LLVM whose development files are installed, below `/usr/lib/llvm-<major>`.
    pub llvm: Vec<u32>,
    /// The compilers of rustup toolchains that ship an LLVM library to link bpf-linker with.
    pub own_llvm: Vec<PathBuf>,
    /// The compilers of toolchains that include clippy.
    pub with_clippy: Vec<PathBuf>,
    /// The [`PROGRAMS`] that are not on `PATH`.
    pub missing_programs: Vec<&'static Program>,
    /// The [`SERVERS`] that are neither on `PATH` nor unpacked.
    pub missing_servers: Vec<&'static Program>,
    /// The [`BENCH_PROGRAMS`] that are neither on `PATH` nor unpacked.
    pub missing_bench_programs: Vec<&'static Program>,
    /// The [`WHEELS`] that are not here, where there is a pip.
    pub missing_wheels: Vec<Wheel>,
    /// The [`EMULATORS`] that are neither on `PATH` nor unpacked.
    pub missing_emulators: Vec<&'static Program>,
    /// The [`ARM64_EMULATORS`] that are neither on `PATH` nor unpacked.
    pub missing_arm64_emulators: Vec<&'static Program>,
    /// The [`ARM64_COMPILERS`] that are missing.
    pub missing_arm64_compilers: Vec<&'static Program>,
    /// Whether the active toolchain has Rust's standard library for arm64.
    pub arm64_std: bool,
    /// The [`LINTERS`] that are not next to the active cargo.
    pub missing_linters: Vec<&'static LintTool>,
    /// The [`CARGO_TOOLS`] that are neither in the target directory nor on `PATH`.
    pub missing_cargo_tools: Vec<CargoTool>,
    /// The [`PACKAGE_TOOLS`] that are neither in the target directory nor on `PATH`.
    pub missing_package_tools: Vec<CargoTool>,
    /// The architectures for which the active toolchain has Rust's standard library with musl.
    pub portable_std: Vec<Portable>,
    /// Whether [`CARGO_FUZZ`] is in the target directory or on `PATH`.
    pub cargo_fuzz: bool,
    /// Whether this process is root, so that nothing goes through sudo.
    pub root: bool,
    /// Whether there are prebuilt eBPF objects, so that no compiler for eBPF is needed.
    pub prebuilt_objects: bool,
}

/// Gathers the facts about this machine. Takes about a tenth of a second and changes nothing.
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
        missing_servers: missing(&SERVERS, |name| unpack::program(name).is_some()),
        missing_bench_programs: missing(&BENCH_PROGRAMS, |name| unpack::program(name).is_some()),
        missing_wheels: missing_wheels(),
        missing_emulators: missing(&EMULATORS, |name| unpack::emulator(name).is_some()),
        missing_arm64_emulators: missing(&ARM64_EMULATORS, |name| unpack::emulator(name).is_some()),
        missing_arm64_compilers: missing(&ARM64_COMPILERS, |name| command::find(name).is_some()),
        arm64_std: has_std(&active, arm64::TARGET),
        portable_std: [Portable::X86_64, Portable::Aarch64]
            .into_iter()
            .filter(|portable| has_std(&active, portable.target()))
            .collect(),
        missing_package_tools: PACKAGE_TOOLS.into_iter().filter(|tool| !is_here(tool)).collect(),
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

/// Whether the toolchain of this cargo has Rust's standard library for a target.
fn has_std(cargo: &Path, target: &str) -> bool {
    let root = cargo.parent().and_then(Path::parent);
    root.is_some_and(|root| root.join("lib/rustlib").join(target).join("lib").is_dir())
}

/// Whether a cargo tool is in the target directory or on `PATH`.
pub fn is_here(tool: &CargoTool) -> bool {
    command::tools_bin().join(tool.name).is_file() || command::find(tool.name).is_some()
}

fn missing_wheels() -> Vec<Wheel> {
    let missing: Vec<Wheel> = WHEELS.into_iter().filter(|wheel| !wheel::is_here(wheel)).collect();
    if missing.is_empty() || has_pip() { missing } else { Vec::new() }
}

/// Whether Python can install packages.
fn has_pip() -> bool {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    pip.status().is_ok_and(|status| status.success())
}

fn missing(programs: &'static [Program], is_here: impl Fn(&str) -> bool) -> Vec<&'static Program> {
    programs.iter().filter(|program| !is_here(program.name)).collect()
}

/// Returns the first toolchain that rustup manages, which is the active one if rustup manages that. Returns `None` if
/// rustup is not on `PATH`.
fn rustup(toolchains: &[Toolchain]) -> Option<String> {
    command::find("rustup")?;
    toolchains.iter().find_map(|toolchain| toolchain.rustup.clone())
}

fn development_files(major: u32) -> bool {
    llvm_prefix(major).join("lib/libLLVM.so").exists()
}

/// Returns the directory in which Debian installs this major version of LLVM.
pub fn llvm_prefix(major: u32) -> PathBuf {
    Path::new("/usr/lib").join(format!("llvm-{major}"))
}

/// Finds the LLVM library that a rustup toolchain ships. Its file name is the name by which programs load it:
/// `libLLVM.so.22.1-rust-1.95.0-stable` (before LLVM 19: `libLLVM-18-rust-1.78.0-stable.so`).
pub fn own_llvm_library(toolchain: &Toolchain) -> Option<PathBuf> {
    toolchain.rustup.as_ref()?;
    fs::read_dir(toolchain.library_dir()).ok()?.flatten().map(|entry| entry.path()).find(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        // The directory may also contain a linker script of a few bytes that points to the library.
        name.is_some_and(|name| name.starts_with("libLLVM") && name.contains("-rust-"))
            && path.metadata().is_ok_and(|meta| meta.len() > 1 << 20)
    })
}
