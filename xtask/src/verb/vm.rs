//! `cargo xtask vm`.

mod architecture;
mod archive;
mod cpio;
mod expected;
mod initramfs;
mod kernels;
mod machine;
mod module;
mod overhead;
mod report;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::workspace;

use super::setup;
use crate::command;
use architecture::Architecture;
use archive::Archive;
use expected::Expected;
use kernels::{Package, Series};
use machine::Boot;
use report::Report;

const EXAMPLES: &str = "\
Examples:
  cargo xtask vm                              the kernels of the table in docs/kernels.md
  cargo xtask vm --kernel 5.10                one of them
  cargo xtask vm --kernel 6.16 --kernel 7.0   any series that Debian has for clouds
  cargo xtask vm --arm64                      the same on arm64
  cargo xtask vm --bless                      take what is seen for what is expected
  cargo xtask vm --overhead --kernel 6.12     what minerwatch adds to each operation, in instructions";

/// Boot other kernels and check what the sensor sees on them
///
/// Takes the newest cloud kernel of each series from the Debian mirrors that apt uses here, and boots it in an emulated
/// machine (no /dev/kvm, no root, no network) with the release build. Asks `minerwatch doctor` which hooks load, and
/// checks what `minerwatch run` reports about a fixed sequence of processes, connections and file changes. Fails if a
/// check fails, or if a kernel's hooks differ from tests/kernels.expected. All files are below target/vm: the images
/// and, for each kernel, its console, the report, and the programs' messages with the verifier's reasons.
#[derive(Args, Clone)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Only this series: two numbers such as 6.1, or `newest`; can be given several times
    #[arg(long = "kernel", value_name = "SERIES")]
    kernels: Vec<Series>,
    /// Boot arm64 kernels, with minerwatch built for arm64 and optimised less than a release
    #[arg(long)]
    arm64: bool,
    /// Boot with the BPF security module (LSM) enabled
    #[arg(long)]
    lsm: bool,
    /// Write the hooks that load to tests/kernels.expected
    #[arg(long)]
    bless: bool,
    /// Instead, count the instructions that minerwatch adds to each operation
    ///
    /// The machine has one processor, and its clock counts instructions. The figures are therefore the same in every
    /// run, whatever else this host does. Fails if the overhead of an operation is more than a tenth above
    /// tests/overhead.expected; --bless writes that file.
    #[arg(long, alias = "prices")]
    overhead: bool,
    /// With --overhead, also print the runs and instructions of each eBPF program, and the daemon's own work
    #[arg(long, requires = "overhead")]
    profile: bool,
    /// Options for minerwatch, separated by commas, such as `--hook,file=tracepoint`
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    with: Option<String>,
    /// Timeout for one machine, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(10..=3600))]
    timeout: u64,
}

/// Boots everything that CI checks: the kernels of the table, and the reference kernel with the BPF security module,
/// with perf buffers, with its overhead counted, and on arm64.
pub fn matrix() -> Result<()> {
    boot_where_possible(&[
        Arguments::of(&Series::DEFAULT),
        Arguments { lsm: true, ..Arguments::of(&[Series::REFERENCE]) },
        Arguments {
            with: Some("--hook,transport=perf-buffer".to_owned()),
            ..Arguments::of(&[Series::REFERENCE])
        },
        Arguments { overhead: true, ..Arguments::of(&[Series::REFERENCE]) },
        Arguments { arm64: true, ..Arguments::of(&[Series::REFERENCE]) },
    ])
}

/// Boots the reference kernel, which stands for the others.
pub fn reference() -> Result<()> {
    boot_where_possible(&[Arguments::of(&[Series::REFERENCE])])
}

/// Boots the kernels of each run. If a mirror lacks a kernel or a compiler, that is no fault of this program, so the
/// run is skipped with a message.
fn boot_where_possible(runs: &[Arguments]) -> Result<()> {
    for run in runs {
        match run.fetch() {
            Ok(()) => run.clone().run()?,
            Err(error) => {
                let labels: Vec<_> = run.kernels.iter().map(|series| run.label(series)).collect();
                println!("vm: {} SKIPPED: {error:#}", labels.join(", "));
            }
        }
    }
    Ok(())
}

/// The default timeout for one machine, in seconds.
const TIMEOUT: u64 = 240;

/// The result of a machine that ran until it powered off.
pub struct Machine {
    /// The requested series and the boot options.
    label: String,
    report: Report,
    elapsed: Duration,
}

impl Arguments {
    /// Returns the arguments that boot these kernels without further options.
    fn of(kernels: &[Series]) -> Self {
        Self {
            kernels: kernels.to_vec(),
            arm64: false,
            lsm: false,
            bless: false,
            overhead: false,
            profile: false,
            with: None,
            timeout: TIMEOUT,
        }
    }

    /// Runs the verb.
    pub fn run(mut self) -> Result<()> {
        if self.kernels.is_empty() {
            self.kernels = self.architecture().series();
        }
        let archive = self.prepare()?;
        let architecture = self.architecture();
        let mut build = architecture.cargo(["build", "--release"]);
        build.args(["--package", "minerwatch", "--package", "minerwatch-tests"]);
        // Only the programs of the machine are built. Others, such as `calibrate`, contain the whole library, which takes
        // minutes to optimise.
        build.args(initramfs::PROGRAMS.iter().flat_map(|(name, _)| ["--bin", name]));
        command::check(&mut build)?;
        let directory = directory();
        let own = directory.join(architecture.debian());
        let (root, native) = (own.join("root.cpio"), own.join("native"));
        initramfs::build_native(architecture, &native)?;
        let tools = initramfs::tools(&archive, &own)?;
        fs::write(&root, initramfs::pack(&architecture.built(&command::target_dir()), &native, &tools)?)
            .with_context(|| format!("cannot write {}", root.display()))?;

        if self.overhead {
            return self.count_overhead(&archive, &root, &directory);
        }
        let mut machines = Vec::new();
        let mut broken = Vec::new();
        for series in &self.kernels {
            match self.boot(series, &archive, &root, &directory) {
                Ok(machine) => machines.push(machine),
                Err(error) => broken.push(format!("{series}: {error:#}")),
            }
        }
        if !machines.is_empty() {
            print!("{}", table::render(&machines));
            println!("vm: {}", table::closing(&machines));
        }
        broken.extend(self.judge(&machines)?);
        conclude(&broken)
    }

    fn architecture(&self) -> Architecture {
        if self.arm64 { Architecture::Arm64 } else { Architecture::Amd64 }
    }

    /// Fetches what the run needs from outside: programs for this host, and the kernels.
    fn fetch(&self) -> Result<()> {
        let archive = self.prepare()?;
        let directory = directory().join("kernels");
        self.kernels.iter().try_for_each(|series| {
            kernels::image(&archive, &kernels::find(&archive, series)?, &directory).map(drop)
        })
    }

    fn prepare(&self) -> Result<Archive> {
        Architecture::check_host()?;
        setup::ensure(self.architecture().tool_set())?;
        Archive::open(&directory().join(self.architecture().debian()).join("apt"), self.architecture())
    }

    /// Returns the label of a kernel of this series, booted with these options.
    fn label(&self, series: &Series) -> String {
        let lsm = if self.lsm { "+lsm" } else { "" };
        let with = self.with.as_ref().map_or(String::new(), |options| format!(" {options}"));
        format!("{series}{}{lsm}{with}", self.architecture().suffix())
    }

    fn count_overhead(&self, archive: &Archive, root: &Path, directory: &Path) -> Result<()> {
        let mut expected = overhead::Expected::read()?;
        let (mut kernels, mut broken) = (Vec::new(), Vec::new());
        for series in &self.kernels {
            let counted = self.run_machine(series, archive, root, directory);
            let parsed = counted.and_then(|(label, report)| {
                print!("{}", overhead::profile(&report));
                Ok((label, overhead::parse_report(&report)?))
            });
            match parsed {
                Ok((label, counted)) => {
                    if self.bless {
                        expected.bless(&label, &counted);
                    }
                    broken.extend(expected.rises(&label, &counted));
                    kernels.push((label, counted));
                }
                Err(error) => broken.push(format!("{series}: {error:#}")),
            }
        }
        print!("{}", overhead::render(&kernels));
        if self.bless {
            expected.write()?;
        }
        conclude(&broken)
    }

    fn boot(&self, series: &Series, archive: &Archive, root: &Path, directory: &Path) -> Result<Machine> {
        let start = Instant::now();
        let (label, report) = self.run_machine(series, archive, root, directory)?;
        Ok(Machine { label, report: Report::parse(&report)?, elapsed: start.elapsed() })
    }

    /// Boots a machine and waits until it powers off. Returns its label and its report.
    fn run_machine(
        &self,
        series: &Series,
        archive: &Archive,
        root: &Path,
        directory: &Path,
    ) -> Result<(String, String)> {
        let label = self.label(series);
        let packages = directory.join("kernels");
        let kernel = kernels::find(archive, series)?;
        let image = kernels::image(archive, &kernel, &packages)?;
        let logs =
            directory.join(if self.overhead { "overhead" } else { "logs" }).join(label.replace(' ', "_"));
        let root = &if self.overhead || self.arm64 {
            root.to_owned()
        } else {
            Self::with_module(archive, &kernel, root, &packages)?
        };
        eprintln!("vm: {label}: booting {}", image.display());
        let boot = Boot {
            architecture: self.architecture(),
            image: &image,
            initramfs: root,
            lsm: self.lsm,
            overhead: self.overhead,
            profile: self.profile,
            with: self.with.as_deref().unwrap_or_default(),
            logs: &logs,
            timeout: Duration::from_secs(self.timeout),
        };
        Ok((label, boot.run()?))
    }

    /// Adds the driver for the processor's registers to the initramfs. If no mirror has the driver, returns the plain
    /// initramfs; checks that need the driver are then unavailable.
    fn with_module(archive: &Archive, kernel: &Package, root: &Path, packages: &Path) -> Result<PathBuf> {
        let module = match module::file(archive, kernel, packages) {
            Ok(module) => module,
            Err(error) => {
                eprintln!("vm: without the driver of the processor's registers: {error:#}");
                return Ok(root.to_owned());
            }
        };
        let both = packages.join(kernel.name()).join("root.cpio");
        fs::write(&both, module::add(root, &module)?)
            .with_context(|| format!("cannot write {}", both.display()))?;
        Ok(both)
    }

    /// Returns every failure as one sentence. With `--bless`, first writes the table of expected hooks.
    fn judge(&self, machines: &[Machine]) -> Result<Vec<String>> {
        let file = workspace::root().join(expected::FILE);
        let text = if file.exists() {
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?
        } else {
            String::new()
        };
        let mut expected = Expected::parse(&text)?;
        if self.bless {
            for machine in machines {
                expected.bless(&machine.label, &machine.report);
            }
            fs::write(&file, expected.to_text())
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(machines
            .iter()
            .flat_map(|Machine { label, report, .. }| {
                let failed = report
                    .failed()
                    .map(move |check| format!("{label}: {} FAILED: {}", check.name, check.detail));
                failed.chain(expected.differences(label, report))
            })
            .collect())
    }
}

/// Returns the directory for all files of the virtual machines.
fn directory() -> PathBuf {
    command::target_dir().join("vm")
}

/// Prints the failures. Returns an error if there are any.
fn conclude(broken: &[String]) -> Result<()> {
    for sentence in broken {
        eprintln!("vm: {sentence}");
    }
    match broken.len() {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        count => bail!("{count} checks failed"),
    }
}
