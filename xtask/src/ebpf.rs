//! Builds the eBPF programs.

mod strip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::toolchain::{self, Core, Pair, TARGET};
use crate::{environment, linker, workspace};

/// The name of the eBPF package, and of the object file that cargo builds from it.
pub const PACKAGE: &str = "minerwatch-ebpf";

/// The name of the object file with the programs of an isolation, as cargo builds it.
const ISOLATION: &str = "minerwatch-isolation";

/// The file name of that object beside those of [`RingBackend::object`].
pub const ISOLATION_OBJECT: &str = "minerwatch-isolation.o";

/// The kind of buffer that carries records from the eBPF programs to the daemon. Each kind has its own object file,
/// because a kernel refuses an object with map types that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingBackend {
    /// BPF ring buffers, which all CPUs share.
    RingBuffer,
    /// Perf buffers, one per CPU.
    PerfBuffer,
}

impl RingBackend {
    /// All backends. The preferred one comes first.
    pub const ALL: [Self; 2] = [Self::RingBuffer, Self::PerfBuffer];

    /// Returns the file name of the backend's object, for example in the directory that [`OBJECTS_VARIABLE`] names.
    pub fn object(self) -> &'static str {
        match self {
            Self::RingBuffer => "minerwatch-ebpf.o",
            Self::PerfBuffer => "minerwatch-ebpf-perf.o",
        }
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::RingBuffer => &[],
            Self::PerfBuffer => &["--features", "perf-buffer"],
        }
    }
}

/// The environment variable that names a directory of prebuilt objects, relative to the workspace root. If the variable
/// is set, these objects are used instead of a build, as in cross builds and packages.
pub const OBJECTS_VARIABLE: &str = "MINERWATCH_EBPF_OBJECTS";

/// Returns the files and directories that the objects are made from. If none of them changes, neither do the objects.
pub fn inputs() -> Vec<PathBuf> {
    prebuilt().map_or_else(
        || {
            ["Cargo.lock", "Cargo.toml"]
                .into_iter()
                .chain(["minerwatch-common/Cargo.toml", "minerwatch-common/src"])
                .chain(["minerwatch-ebpf/Cargo.toml", "minerwatch-ebpf/src"])
                .map(|input| workspace::root().join(input))
                .collect()
        },
        |objects| objects_of_all().map(|object| objects.join(object)).collect(),
    )
}

fn prebuilt() -> Option<PathBuf> {
    let objects = std::env::var_os(OBJECTS_VARIABLE).filter(|objects| !objects.is_empty())?;
    Some(workspace::root().join(objects))
}

/// Provides the eBPF objects for minerwatch's build script. Discovers the tools, builds the objects, and copies them to
/// `out_dir` under the names of [`RingBackend::object`]. Prebuilt objects are copied without a build. `arch` is the
/// architecture of the kernel that will run the programs, in Rust's spelling.
///
/// # Errors
///
/// Returns [`toolchain::Missing`] if a tool is missing, and another error if a file operation or the compiler fails.
pub fn build_script(out_dir: &Path, arch: &str) -> Result<()> {
    if let Some(objects) = prebuilt() {
        return objects_of_all().try_for_each(|object| copy(&objects.join(object), &out_dir.join(object)));
    }
    let target_dir = workspace::target_dir(out_dir);
    let (toolchains, linkers) = (toolchain::discover::toolchains(), linker::discover(&target_dir));
    let pair = toolchain::choose(&toolchains, &linkers)?;
    RingBackend::ALL.into_iter().try_for_each(|backend| {
        let object = build(pair, &target_dir, arch, backend)?;
        copy_without_dwarf(&object, &out_dir.join(backend.object()))?;
        // It is the same for each backend.
        copy_without_dwarf(&object.with_file_name(ISOLATION), &out_dir.join(ISOLATION_OBJECT))
    })
}

/// Returns the file names of all objects.
pub fn objects_of_all() -> impl Iterator<Item = &'static str> {
    RingBackend::ALL.into_iter().map(RingBackend::object).chain([ISOLATION_OBJECT])
}

fn copy(object: &Path, copy: &Path) -> Result<()> {
    fs::copy(object, copy)
        .map(drop)
        .with_context(|| format!("cannot copy the eBPF object {} to {}", object.display(), copy.display()))
}

fn copy_without_dwarf(object: &Path, copy: &Path) -> Result<()> {
    let bytes = fs::read(object).with_context(|| format!("cannot read {}", object.display()))?;
    let stripped = strip::without_dwarf(&bytes).with_context(|| object.display().to_string())?;
    fs::write(copy, stripped).with_context(|| format!("cannot write {}", copy.display()))
}

/// Compiles and links the programs. Returns the path of the object, which the next build of another backend overwrites.
/// All profiles share one build below `target_dir/ebpf`.
pub fn build(pair: Pair<'_>, target_dir: &Path, arch: &str, backend: RingBackend) -> Result<PathBuf> {
    let mut cargo = cargo(pair, "build", &target_dir.join("ebpf"), &flags(pair.linker, arch)?);
    let status = cargo
        .args(backend.features())
        .status()
        .with_context(|| format!("cannot start {}", pair.toolchain.cargo.display()))?;
    if !status.success() {
        bail!("the eBPF programs do not build with {}; the compiler's messages say why", pair.toolchain);
    }
    Ok(target_dir.join("ebpf").join(TARGET).join("release").join(PACKAGE))
}

/// Lints the programs with warnings denied: with clippy if the toolchain has it, otherwise with the compiler's own
/// lints.
pub fn lint(pair: Pair<'_>, target_dir: &Path, arch: &str) -> Result<()> {
    let mut flags = flags(pair.linker, arch)?;
    flags.push("-Dwarnings".into());
    let verb = if pair.toolchain.has_clippy() { "clippy" } else { "check" };
    for backend in RingBackend::ALL {
        let status = cargo(pair, verb, &target_dir.join("ebpf-lint"), &flags)
            .args(backend.features())
            .status()
            .with_context(|| format!("cannot start {}", pair.toolchain.cargo.display()))?;
        if !status.success() {
            bail!("`cargo {verb}` found something in {PACKAGE}, {backend:?} (with {})", pair.toolchain);
        }
    }
    Ok(())
}

/// Returns the compiler flags. An unsupported architecture is an error, because the programs read the CPU's registers.
fn flags(linker: &Path, arch: &str) -> Result<Vec<String>> {
    if !matches!(arch, "x86_64" | "aarch64") {
        bail!(
            "the sensor supports x86_64 and aarch64, not {arch}; build with --no-default-features for the rest"
        );
    }
    let linker = linker.to_str().context("the path of bpf-linker is not UTF-8")?;
    Ok(vec![
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        "--check-cfg=cfg(bpf_target_arch, values(\"x86_64\", \"aarch64\"))".into(),
        // `--btf` turns debug information into the BTF that the kernel verifies and bpftool shows.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        format!("-Clinker={linker}"),
    ])
}

fn cargo(pair: Pair<'_>, verb: &str, target_dir: &Path, flags: &[String]) -> Command {
    let mut cargo = Command::new(&pair.toolchain.cargo);
    environment::scrub(&mut cargo);
    // cargo looks for `cargo-clippy` on PATH, so cargo's own directory has to come first.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bin = pair.toolchain.cargo.parent().map(Path::to_path_buf);
    if let Ok(path) = std::env::join_paths(bin.into_iter().chain(std::env::split_paths(&path))) {
        cargo.env("PATH", path);
    }
    cargo
        .current_dir(workspace::root())
        .env("RUSTC", &pair.toolchain.rustc)
        // aya-ebpf uses unstable features (inline assembly for BPF); so does -Z build-std.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .args([verb, "--release", "--package", PACKAGE, "--target", TARGET, "--target-dir"])
        .arg(target_dir)
        // cargo reads the standard output of a build script, so the inner cargo must not write to it.
        .stdout(Stdio::null());
    if pair.toolchain.core == Some(Core::Source) {
        cargo.args(["-Z", "build-std=core"]);
    }
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_name_the_architecture_and_the_linker() {
        let flags = flags(Path::new("/tools/bpf-linker"), "aarch64").unwrap();
        for expected in
            ["--cfg=bpf_target_arch=\"aarch64\"", "-Clink-arg=--btf", "-Clinker=/tools/bpf-linker"]
        {
            assert!(flags.iter().any(|flag| flag == expected), "{expected} in {flags:?}");
        }
    }

    #[test]
    fn an_unknown_architecture_is_refused_with_a_remedy() {
        let error = flags(Path::new("/tools/bpf-linker"), "s390x").unwrap_err().to_string();
        assert!(error.contains("s390x") && error.contains("--no-default-features"), "{error}");
    }

    #[test]
    fn every_input_exists() {
        for input in inputs() {
            assert!(input.exists(), "{}", input.display());
        }
    }
}
