//! Decides which tools are missing and how to install them. The decisions are pure functions of [`Facts`].

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use xtask::linker::{self, SUPPORTED_LLVM};
use xtask::toolchain::{self, Missing, TARGET, Toolchain};

use super::super::{arm64, package::Portable};
use super::facts::{CARGO_FUZZ, CargoTool, Facts, Program, Wheel};

/// Debian's compiler with a prebuilt `core` for the target.
const DISTRIBUTION_COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];

/// The tools for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolSet {
    /// To build and to run.
    Build,
    /// To build, to lint and to test.
    Test,
    /// To build, to lint, to test, and to run the fuzz targets.
    Fuzz,
    /// To build, and to boot the result in virtual machines.
    Vm,
    /// To build for arm64, and to boot the result in arm64 virtual machines.
    VmArm64,
    /// To make packages for an architecture.
    Package(Portable),
}

/// A missing tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Need {
    /// The name of the tool.
    pub what: String,
    /// The purpose of the tool.
    pub why: String,
    /// The action that installs the tool.
    pub action: Action,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.what, self.why, self.action)
    }
}

/// One step of an installation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Install the distribution's packages.
    Apt {
        /// The names of the packages.
        packages: Vec<String>,
        /// Whether apt-get runs through sudo.
        sudo: bool,
    },
    /// Unpack the distribution's packages below the target directory.
    Unpack(Vec<String>),
    /// Put a Python package below the target directory.
    Wheel(Wheel),
    /// Add components to a rustup toolchain.
    Rustup {
        /// The name of the toolchain in rustup.
        toolchain: String,
        /// The names of the components.
        components: Vec<&'static str>,
    },
    /// Build bpf-linker.
    Linker {
        /// The compiler that builds bpf-linker.
        rustc: PathBuf,
        /// The major version of the LLVM that bpf-linker is built against.
        llvm: u32,
        /// Whether that LLVM is the compiler's own library; otherwise it is the one below `/usr/lib`.
        own: bool,
    },
    /// Build a cargo tool into the target directory.
    CargoTool(CargoTool),
    /// No action is possible. The text tells the user what to do.
    None(String),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apt { packages, sudo } => {
                let sudo = if *sudo { "sudo " } else { "" };
                write!(f, "{sudo}apt-get install {}", packages.join(" "))
            }
            Self::Unpack(packages) => {
                write!(f, "unpacked below the target directory: {}", packages.join(" "))
            }
            Self::Wheel(Wheel { package, version, .. }) => {
                write!(f, "pip install {package}=={version}, into the target directory")
            }
            Self::Rustup { toolchain, components } => {
                write!(f, "rustup component add --toolchain {toolchain} {}", components.join(" "))
            }
            Self::Linker { llvm, own, .. } => {
                let whose = if *own { "the compiler's own" } else { "the system's" };
                write!(f, "cargo install bpf-linker {}, against {whose} LLVM {llvm}", linker::VERSION)
            }
            Self::CargoTool(tool) => {
                write!(f, "cargo install {} --version {} --locked", tool.name, tool.version)?;
                f.write_str(", into the target directory")
            }
            Self::None(sentence) => f.write_str(sentence),
        }
    }
}

/// Returns the tools of `set` that are missing on the machine that `facts` describe. Actions in `failed` are not
/// proposed again.
pub fn needs(facts: &Facts, set: ToolSet, failed: &BTreeSet<Action>) -> Vec<Need> {
    let plan = Plan { facts, failed };
    let mut needs = Vec::new();
    if !facts.prebuilt_objects {
        needs.extend(plan.sensor());
    }
    match set {
        ToolSet::Build => {}
        ToolSet::Test | ToolSet::Fuzz => {
            needs.extend(plan.programs(&facts.missing_programs, false));
            needs.extend(plan.optional(&facts.missing_servers));
            needs.extend(plan.wheels());
            needs.extend(plan.linters());
            needs.extend(plan.sensor_linter());
            let fuzz = (set == ToolSet::Fuzz && !facts.cargo_fuzz).then_some(CARGO_FUZZ);
            let missing = facts.missing_cargo_tools.iter().copied();
            needs.extend(missing.chain(fuzz).map(|tool| plan.cargo_tool(tool)));
        }
        ToolSet::Vm => needs.extend(plan.programs(&facts.missing_emulators, true)),
        ToolSet::VmArm64 => {
            needs.extend(plan.programs(&facts.missing_arm64_emulators, true));
            needs.extend(plan.arm64());
        }
        ToolSet::Package(portable) => {
            if Portable::of_host() != Some(portable) {
                needs.extend(plan.programs(&facts.missing_arm64_compilers, false));
            }
            needs.extend(plan.portable_std(portable));
            let missing = facts.missing_package_tools.iter().copied();
            needs.extend(missing.map(|tool| plan.cargo_tool(tool)));
        }
    }
    needs
}

/// Returns the programs of `bench` that are missing, of those with a name in `wanted`.
pub fn bench_needs(facts: &Facts, wanted: &[&str]) -> Vec<Need> {
    let missing = facts.missing_bench_programs.iter().copied();
    let missing: Vec<_> = missing.filter(|program| wanted.contains(&program.name)).collect();
    Plan { facts, failed: &BTreeSet::new() }.optional(&missing)
}

struct Plan<'a> {
    facts: &'a Facts,
    failed: &'a BTreeSet<Action>,
}

impl Plan<'_> {
    /// Returns the first candidate that has not failed yet. Without one, returns the text of `otherwise` for the user.
    fn first(
        &self,
        candidates: impl IntoIterator<Item = Action>,
        otherwise: impl FnOnce() -> String,
    ) -> Action {
        let mut candidates = candidates.into_iter();
        candidates.find(|action| !self.failed.contains(action)).unwrap_or_else(|| Action::None(otherwise()))
    }

    fn apt<S: Into<String>>(&self, packages: impl IntoIterator<Item = S>) -> Option<Action> {
        self.facts.apt.then(|| Action::Apt {
            packages: packages.into_iter().map(Into::into).collect(),
            sudo: !self.facts.root,
        })
    }

    fn rustup(&self, components: &[&'static str]) -> Option<Action> {
        let toolchain = self.facts.rustup.clone()?;
        Some(Action::Rustup { toolchain, components: components.to_vec() })
    }

    /// Returns the missing compiler for the eBPF programs or, once there is a compiler, the missing linker.
    fn sensor(&self) -> Option<Need> {
        match toolchain::choose(&self.facts.toolchains, &self.facts.linkers) {
            Ok(_) => None,
            Err(Missing::Core) => Some(Need {
                what: "Rust's core library for eBPF".into(),
                why: format!("to compile the sensor for {TARGET}"),
                action: self.first(
                    self.rustup(&["rust-src"]).into_iter().chain(self.apt(DISTRIBUTION_COMPILER)),
                    || "install a Rust toolchain with rustup, then `rustup component add rust-src`".into(),
                ),
            }),
            Err(Missing::Linker { llvm }) => {
                let serving = self.facts.toolchains.iter().filter(|toolchain| toolchain.serves());
                let candidates = serving
                    .flat_map(|toolchain| self.linker(toolchain))
                    .chain(self.apt(DISTRIBUTION_COMPILER));
                let action = self.first(candidates, || {
                    format!("install bpf-linker {} built against LLVM {llvm} or later", linker::VERSION)
                });
                let what = if matches!(action, Action::Linker { .. } | Action::None(_)) {
                    "bpf-linker".to_owned()
                } else {
                    format!("LLVM {llvm}")
                };
                Some(Need { what, why: "to link the sensor".into(), action })
            }
        }
    }

    /// Returns the actions that lead to a linker for this compiler, best first: build it with the LLVM that the
    /// compiler ships, build it with an installed LLVM, install an LLVM.
    fn linker(&self, toolchain: &Toolchain) -> Vec<Action> {
        let wanted = toolchain.version.llvm;
        let build = |llvm, own| Action::Linker { rustc: toolchain.rustc.clone(), llvm, own };
        let own = self.facts.own_llvm.contains(&toolchain.rustc) && SUPPORTED_LLVM.contains(&wanted);
        let installed = self.facts.llvm.iter().copied().filter(|llvm| *llvm >= wanted).min();
        let installable = installed.is_none() && SUPPORTED_LLVM.contains(&wanted);
        own.then(|| build(wanted, true))
            .into_iter()
            .chain(installed.map(|llvm| build(llvm, false)))
            .chain(self.apt([format!("llvm-{wanted}-dev")]).filter(|_| installable))
            .collect()
    }

    /// Returns a need for each missing program. `unpack` states whether the programs also work if their packages are
    /// only unpacked.
    fn programs(&self, missing: &[&Program], unpack: bool) -> Vec<Need> {
        let packages: Vec<_> = missing.iter().map(|program| program.package.to_owned()).collect();
        let unpacked = (unpack && self.facts.apt).then(|| Action::Unpack(packages.clone()));
        let all: Vec<_> = self.apt(packages).into_iter().chain(unpacked).collect();
        missing
            .iter()
            .map(|program| Need {
                what: program.name.into(),
                why: program.why.into(),
                action: self
                    .first(all.clone(), || format!("install {} with your package manager", program.package)),
            })
            .collect()
    }

    /// Returns a need for each missing program, as long as it can be unpacked. These programs are optional.
    fn optional(&self, missing: &[&Program]) -> Vec<Need> {
        let mut packages: Vec<_> = missing.iter().map(|program| program.package.to_owned()).collect();
        packages.dedup();
        let action = Action::Unpack(packages);
        let can_unpack = self.facts.apt && !self.failed.contains(&action);
        let programs = missing.iter().filter(|_| can_unpack);
        programs
            .map(|program| Need {
                what: program.name.into(),
                why: program.why.into(),
                action: action.clone(),
            })
            .collect()
    }

    /// Returns a need for each missing Python package, as long as it can be installed.
    fn wheels(&self) -> Vec<Need> {
        let wheels = self.facts.missing_wheels.iter().map(|wheel| (wheel, Action::Wheel(*wheel)));
        wheels
            .filter(|(_, action)| !self.failed.contains(action))
            .map(|(wheel, action)| Need { what: wheel.package.into(), why: wheel.why.into(), action })
            .collect()
    }

    fn cargo_tool(&self, tool: CargoTool) -> Need {
        let action = self.first([Action::CargoTool(tool)], || {
            format!("install {} {}, or another release of it, where PATH reaches", tool.name, tool.version)
        });
        Need { what: tool.name.into(), why: tool.why.into(), action }
    }

    fn arm64(&self) -> Vec<Need> {
        let mut needs = self.programs(&self.facts.missing_arm64_compilers, false);
        needs.extend(self.arm64_std());
        needs
    }

    fn arm64_std(&self) -> Option<Need> {
        let component = self.rustup(&["rust-std-aarch64-unknown-linux-gnu"]);
        (!self.facts.arm64_std).then(|| Need {
            what: "Rust's standard library for arm64".into(),
            why: format!("to build for {}", arm64::TARGET),
            action: self.first(component, || {
                format!("install a Rust toolchain with rustup, then `rustup target add {}`", arm64::TARGET)
            }),
        })
    }

    fn portable_std(&self, portable: Portable) -> Option<Need> {
        let component = match portable {
            Portable::X86_64 => "rust-std-x86_64-unknown-linux-musl",
            Portable::Aarch64 => "rust-std-aarch64-unknown-linux-musl",
        };
        let target = portable.target();
        (!self.facts.portable_std.contains(&portable)).then(|| Need {
            what: format!("Rust's standard library for {target}"),
            why: "to build a static executable".into(),
            action: self.first(self.rustup(&[component]), || {
                format!("install a Rust toolchain with rustup, then `rustup target add {target}`")
            }),
        })
    }

    fn linters(&self) -> Vec<Need> {
        let missing = &self.facts.missing_linters;
        let components: Vec<_> = missing.iter().map(|tool| tool.component).collect();
        let actions: Vec<_> = self
            .rustup(&components)
            .into_iter()
            .chain(self.apt(missing.iter().map(|tool| tool.package)))
            .collect();
        missing
            .iter()
            .map(|tool| Need {
                what: tool.executable.into(),
                why: "linting is part of testing".into(),
                action: self
                    .first(actions.clone(), || format!("install {} for your Rust toolchain", tool.component)),
            })
            .collect()
    }

    /// Returns the need for clippy in the toolchain of the eBPF programs. clippy is optional, because the linter can
    /// use the compiler's own lints instead.
    fn sensor_linter(&self) -> Option<Need> {
        let pair = toolchain::choose(&self.facts.toolchains, &self.facts.linkers).ok()?;
        if pair.toolchain.rustup.is_some()
            || self.facts.prebuilt_objects
            || self.facts.with_clippy.contains(&pair.toolchain.rustc)
        {
            return None;
        }
        let action = self.apt(["rust-web-clippy"]).filter(|action| !self.failed.contains(action))?;
        Some(Need { what: "clippy for eBPF".into(), why: "to lint the sensor".into(), action })
    }
}

#[cfg(test)]
mod tests;
