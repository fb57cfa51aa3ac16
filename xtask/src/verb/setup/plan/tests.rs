//! Tests what set-up would do on different machines.

use xtask::linker::Linker;
use xtask::toolchain::{Core, Release, Version};

use super::*;
use crate::verb::setup::facts::{
    ARM64_COMPILERS, ARM64_EMULATORS, BENCH_PROGRAMS, CARGO_TOOLS, EMULATORS, LINTERS, PROGRAMS, SERVERS,
    WHEELS,
};

fn toolchain(path: &str, rustup: Option<&str>, llvm: u32, core: Option<Core>) -> Toolchain {
    Toolchain {
        rustc: format!("{path}/rustc").into(),
        cargo: format!("{path}/cargo").into(),
        sysroot: path.into(),
        version: Version {
            release: Release { major: 1, minor: 95 },
            host: "x86_64-unknown-linux-gnu".into(),
            llvm,
        },
        core,
        rustup: rustup.map(Into::into),
    }
}

fn linker(llvm: u32) -> Linker {
    Linker { path: "/tools/bpf-linker".into(), llvm: Some(llvm) }
}

/// A Debian machine with rustup, but without rust-src.
fn bare() -> Facts {
    Facts {
        toolchains: vec![toolchain("/rustup", Some("stable"), 22, None)],
        rustup: Some("stable".into()),
        apt: true,
        own_llvm: vec!["/rustup/rustc".into()],
        ..Facts::default()
    }
}

fn add_source() -> Action {
    Action::Rustup { toolchain: "stable".into(), components: vec!["rust-src"] }
}

fn apt(packages: &[&str]) -> Action {
    Action::Apt { packages: packages.iter().map(|package| (*package).to_owned()).collect(), sudo: true }
}

fn build_linker(rustc: &str, llvm: u32, own: bool) -> Action {
    Action::Linker { rustc: rustc.into(), llvm, own }
}

fn actions(facts: &Facts, set: ToolSet, failed: &[Action]) -> Vec<Action> {
    needs(facts, set, &failed.iter().cloned().collect()).into_iter().map(|need| need.action).collect()
}

#[test]
fn a_compiler_for_the_sensor() {
    let packages = apt(&DISTRIBUTION_COMPILER);
    assert_eq!(actions(&bare(), ToolSet::Build, &[]), [add_source()]);
    assert_eq!(actions(&bare(), ToolSet::Build, &[add_source()]), std::slice::from_ref(&packages));
    assert_eq!(
        actions(&Facts { rustup: None, ..bare() }, ToolSet::Build, &[]),
        std::slice::from_ref(&packages)
    );

    let stuck = actions(&bare(), ToolSet::Build, &[add_source(), packages]);
    assert!(
        matches!(&stuck[..], [Action::None(sentence)] if sentence.contains("rustup component add rust-src"))
    );
    let no_apt = actions(&Facts { apt: false, ..bare() }, ToolSet::Build, &[add_source()]);
    assert!(matches!(&no_apt[..], [Action::None(_)]));
}

#[test]
fn a_linker_for_rustups_compiler() {
    let facts =
        Facts { toolchains: vec![toolchain("/rustup", Some("stable"), 22, Some(Core::Source))], ..bare() };
    let own = build_linker("/rustup/rustc", 22, true);
    assert_eq!(actions(&facts, ToolSet::Build, &[]), std::slice::from_ref(&own));

    // If a build with the compiler's own LLVM fails: an installed LLVM, else one that can be installed, else the
    // distribution's compiler.
    let with_llvm = Facts { llvm: vec![21, 22, 23], toolchains: facts.toolchains.clone(), ..bare() };
    assert_eq!(
        actions(&with_llvm, ToolSet::Build, std::slice::from_ref(&own)),
        [build_linker("/rustup/rustc", 22, false)]
    );
    assert_eq!(actions(&facts, ToolSet::Build, std::slice::from_ref(&own)), [apt(&["llvm-22-dev"])]);
    assert_eq!(actions(&facts, ToolSet::Build, &[own, apt(&["llvm-22-dev"])]), [apt(&DISTRIBUTION_COMPILER)]);
}

#[test]
fn an_llvm_that_the_linker_does_not_know_is_not_built_against() {
    let future = toolchain("/rustup", Some("nightly"), 24, Some(Core::Source));
    let facts = Facts { toolchains: vec![future], llvm: vec![22], ..bare() };
    assert_eq!(actions(&facts, ToolSet::Build, &[]), [apt(&DISTRIBUTION_COMPILER)]);
}

#[test]
fn a_linker_for_the_distributions_compiler() {
    let debian = || {
        vec![
            toolchain("/rustup", Some("stable"), 22, None),
            toolchain("/usr", None, 22, Some(Core::Prebuilt)),
        ]
    };
    let facts = Facts { toolchains: debian(), ..bare() };
    assert_eq!(actions(&facts, ToolSet::Build, &[]), [apt(&["llvm-22-dev"])]);
    let facts = Facts { llvm: vec![22], ..facts };
    assert_eq!(actions(&facts, ToolSet::Build, &[]), [build_linker("/usr/rustc", 22, false)]);
    let facts = Facts { linkers: vec![linker(22)], ..facts };
    assert_eq!(actions(&facts, ToolSet::Build, &[]), []);
}

#[test]
fn a_linker_left_behind_by_an_older_compiler_is_replaced() {
    let debian = vec![toolchain("/usr", None, 22, Some(Core::Prebuilt))];
    let facts = Facts { toolchains: debian, linkers: vec![linker(21)], llvm: vec![22], ..bare() };
    assert_eq!(actions(&facts, ToolSet::Build, &[]), [build_linker("/usr/rustc", 22, false)]);
}

#[test]
fn prebuilt_objects_need_no_compiler() {
    let facts = Facts { prebuilt_objects: true, ..bare() };
    assert_eq!(actions(&facts, ToolSet::Build, &[]), []);
    assert_eq!(actions(&facts, ToolSet::Test, &[]), []);
}

/// A machine with everything that a build needs.
fn ready() -> Facts {
    Facts {
        toolchains: vec![toolchain("/rustup", Some("stable"), 22, Some(Core::Source))],
        linkers: vec![linker(22)],
        ..bare()
    }
}

#[test]
fn cargo_tools_are_installed_for_tests_and_fuzzing() {
    let facts = || Facts { missing_cargo_tools: CARGO_TOOLS.to_vec(), ..ready() };
    let build = CARGO_TOOLS.map(Action::CargoTool);
    assert_eq!(actions(&facts(), ToolSet::Build, &[]), []);
    assert_eq!(actions(&facts(), ToolSet::Test, &[]), build);
    let fuzz = Action::CargoTool(CARGO_FUZZ);
    assert_eq!(actions(&ready(), ToolSet::Fuzz, &[]), std::slice::from_ref(&fuzz));
    assert_eq!(actions(&Facts { cargo_fuzz: true, ..ready() }, ToolSet::Fuzz, &[]), []);
    let told = actions(&ready(), ToolSet::Fuzz, &[fuzz]);
    assert!(matches!(&told[..], [Action::None(sentence)] if sentence.contains("install cargo-fuzz 0.")));
}

#[test]
fn what_only_tests_need() {
    let facts = || Facts {
        missing_programs: PROGRAMS.iter().collect(),
        missing_linters: LINTERS.iter().collect(),
        ..ready()
    };
    assert_eq!(actions(&facts(), ToolSet::Build, &[]), []);

    let names: Vec<_> = PROGRAMS.iter().map(|program| program.package).collect();
    let packages = apt(&names);
    let components = Action::Rustup { toolchain: "stable".into(), components: vec!["rustfmt", "clippy"] };
    assert_eq!(
        actions(&facts(), ToolSet::Test, &[]),
        [vec![packages; PROGRAMS.len()], vec![components; LINTERS.len()]].concat()
    );
    let debian = Facts { rustup: None, ..facts() };
    assert_eq!(
        actions(&debian, ToolSet::Test, &[])[PROGRAMS.len()..],
        vec![apt(&["rustfmt-web", "rust-web-clippy"]); 2]
    );
    let elsewhere = Facts { rustup: None, apt: false, ..facts() };
    assert!(actions(&elsewhere, ToolSet::Test, &[]).iter().all(|action| matches!(action, Action::None(_))));
}

#[test]
fn servers_for_tests_are_unpacked_and_optional() {
    let facts = || Facts { missing_servers: SERVERS.iter().collect(), ..ready() };
    let unpack = Action::Unpack(SERVERS.iter().map(|server| server.package.to_owned()).collect());
    assert_eq!(actions(&facts(), ToolSet::Build, &[]), []);
    assert_eq!(actions(&facts(), ToolSet::Test, &[]), vec![unpack.clone(); SERVERS.len()]);
    assert_eq!(actions(&facts(), ToolSet::Test, &[unpack]), []);
    assert_eq!(actions(&Facts { apt: false, ..facts() }, ToolSet::Test, &[]), []);
}

#[test]
fn python_packages_are_optional() {
    let facts = || Facts { missing_wheels: WHEELS.to_vec(), ..ready() };
    assert_eq!(actions(&facts(), ToolSet::Build, &[]), []);
    let all = WHEELS.map(Action::Wheel);
    assert_eq!(actions(&facts(), ToolSet::Test, &[]), all);
    assert_eq!(actions(&facts(), ToolSet::Test, &all[1..]), all[..1]);
    assert_eq!(actions(&facts(), ToolSet::Test, &all), []);
}

#[test]
fn what_only_virtual_machines_need() {
    let facts = Facts { missing_emulators: EMULATORS.iter().collect(), ..ready() };
    assert_eq!(actions(&facts, ToolSet::Test, &[]), []);
    assert_eq!(actions(&facts, ToolSet::Vm, &[]), [apt(&["qemu-system-x86"])]);
    // After apt-get has failed, because it would have to remove a package.
    let unpacked = Action::Unpack(vec!["qemu-system-x86".to_owned()]);
    assert_eq!(actions(&facts, ToolSet::Vm, &[apt(&["qemu-system-x86"])]), [unpacked]);
    assert_eq!(actions(&ready(), ToolSet::Vm, &[]), []);
    // Tools for building come first.
    assert_eq!(actions(&bare(), ToolSet::Vm, &[]), [add_source()]);
}

#[test]
fn what_only_machines_of_arm64_need() {
    let facts = || Facts {
        missing_arm64_emulators: ARM64_EMULATORS.iter().collect(),
        missing_arm64_compilers: ARM64_COMPILERS.iter().collect(),
        ..ready()
    };
    assert_eq!(actions(&facts(), ToolSet::Vm, &[]), []);
    let compilers = apt(&["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]);
    let std =
        Action::Rustup { toolchain: "stable".into(), components: vec!["rust-std-aarch64-unknown-linux-gnu"] };
    assert_eq!(
        actions(&facts(), ToolSet::VmArm64, &[]),
        [apt(&["qemu-system-arm"]), compilers.clone(), compilers, std]
    );
    let complete = Facts { arm64_std: true, ..ready() };
    assert_eq!(actions(&complete, ToolSet::VmArm64, &[]), []);
    let without = Facts { rustup: None, ..ready() };
    let told = actions(&without, ToolSet::VmArm64, &[]);
    assert!(matches!(&told[..], [Action::None(sentence)] if sentence.contains("rustup target add")));
}

#[test]
fn clippy_for_the_sensor_is_optional() {
    let facts = || Facts { toolchains: vec![toolchain("/usr", None, 22, Some(Core::Prebuilt))], ..ready() };
    let clippy = apt(&["rust-web-clippy"]);
    assert_eq!(actions(&facts(), ToolSet::Build, &[]), []);
    assert_eq!(actions(&facts(), ToolSet::Test, &[]), std::slice::from_ref(&clippy));
    assert_eq!(actions(&facts(), ToolSet::Test, &[clippy]), []);
    assert_eq!(actions(&Facts { apt: false, ..facts() }, ToolSet::Test, &[]), []);
    let with = Facts { with_clippy: vec!["/usr/rustc".into()], ..facts() };
    assert_eq!(actions(&with, ToolSet::Test, &[]), []);
}

#[test]
fn each_need_is_one_line() {
    let need = &needs(&bare(), ToolSet::Build, &BTreeSet::new())[0];
    assert_eq!(
        need.to_string(),
        "Rust's core library for eBPF (to compile the sensor for bpfel-unknown-none): \
         rustup component add --toolchain stable rust-src"
    );
}

#[test]
fn sudo_is_shown_where_it_is_used() {
    let shown = |root| {
        let facts = Facts { rustup: None, root, ..bare() };
        needs(&facts, ToolSet::Build, &BTreeSet::new())[0].action.to_string()
    };
    assert!(shown(false).starts_with("sudo apt-get install rustc-web"), "{}", shown(false));
    assert!(shown(true).starts_with("apt-get install rustc-web"), "{}", shown(true));
}

#[test]
fn only_the_wanted_programs_of_bench_are_offered() {
    let facts = Facts { missing_bench_programs: BENCH_PROGRAMS.iter().collect(), ..ready() };
    let needs = bench_needs(&facts, &["nginx", "ab"]);
    let names: Vec<_> = needs.iter().map(|need| need.what.as_str()).collect();
    assert_eq!(names, ["nginx", "ab"]);
    assert_eq!(needs[0].action, Action::Unpack(vec!["nginx".into(), "apache2-utils".into()]));
    assert_eq!(bench_needs(&facts, &[]), []);
    assert_eq!(bench_needs(&Facts { apt: false, ..facts }, &["nginx"]), []);
    // No other verb asks for them.
    let facts = Facts { missing_bench_programs: BENCH_PROGRAMS.iter().collect(), ..ready() };
    assert_eq!(needs_of(&facts, ToolSet::Test), []);
}

fn needs_of(facts: &Facts, set: ToolSet) -> Vec<Need> {
    needs(facts, set, &BTreeSet::new())
}
