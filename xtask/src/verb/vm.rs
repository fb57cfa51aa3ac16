//! `cargo xtask vm`.

mod archive;
mod cpio;
mod expected;
mod initramfs;
mod kernels;
mod machine;
mod prices;
mod report;
mod table;

use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::workspace;

use super::setup::{self, Purpose};
use crate::command;
use archive::Archive;
use expected::Expected;
use kernels::Series;
use machine::Boot;
use report::Report;

const EXAMPLES: &str = "\
Examples:
  cargo xtask vm                              the kernels of the table in docs/kernels.md
  cargo xtask vm --kernel 5.10                one of them
  cargo xtask vm --kernel 6.16 --kernel 7.0   any series that Debian has for clouds
  cargo xtask vm --bless                      take what is seen for what is expected
  cargo xtask vm --prices --kernel 6.12       what minerwatch adds to each operation, in instructions";

/// Boot other kernels, and check there what the sensor sees
///
/// Takes the newest cloud kernel of each series from Debian's mirrors that apt uses here, boots it in an emulated
/// machine (no /dev/kvm, no root, no network) with the release build, asks `minerwatch doctor` which hooks load, and
/// checks what `minerwatch run` says of a fixed sequence of processes, connections and file changes. Fails when a
/// check fails, and when a kernel's hooks differ from tests/kernels.expected. Everything lies below target/vm: images,
/// and for each kernel its console, the report, and the programs' messages with the verifier's reasons.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only this series: two numbers, or `newest`; may be given several times
    #[arg(long = "kernel", value_name = "SERIES")]
    kernels: Vec<Series>,
    /// Boot with BPF among the security modules
    #[arg(long)]
    lsm: bool,
    /// Write the hooks that are seen to tests/kernels.expected
    #[arg(long)]
    bless: bool,
    /// Count instead what minerwatch adds to each operation, in instructions
    ///
    /// The machine has one processor, and its clock counts instructions, so that the figures are the same in every
    /// run, whatever else this machine does. Fails when an operation has become more than a tenth dearer than
    /// tests/prices.expected says; --bless writes that file.
    #[arg(long)]
    prices: bool,
    /// Options for minerwatch, with commas between, as `--hook,file=tracepoint`
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    with: Option<String>,
    /// How long one machine may run, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(10..=3600))]
    timeout: u64,
}

/// The kernels of the table, one of them with BPF among its security modules and with its prices: what CI runs.
///
/// Kernels that no mirror hands out are no fault of the program's: then the matrix does not run, and says so.
pub fn matrix() -> Result<()> {
    if let Err(error) = fetch() {
        println!("vm: SKIPPED, for the kernels cannot be had: {error:#}");
        return Ok(());
    }
    let of = |kernels: &[Series]| Arguments {
        kernels: kernels.to_vec(),
        lsm: false,
        bless: false,
        prices: false,
        with: None,
        timeout: TIMEOUT,
    };
    of(&Series::DEFAULT).run()?;
    Arguments { lsm: true, ..of(&[Series::PRICED]) }.run()?;
    Arguments { prices: true, ..of(&[Series::PRICED]) }.run()
}

fn check_architecture() -> Result<()> {
    if env::consts::ARCH != "x86_64" {
        bail!("virtual machines have this program's own architecture, and only x86_64 is provided for");
    }
    Ok(())
}

fn fetch() -> Result<()> {
    check_architecture()?;
    setup::ensure(Purpose::Vm)?;
    let directory = command::target_dir().join("vm");
    let archive = Archive::open(&directory.join("apt"))?;
    Series::DEFAULT
        .iter()
        .try_for_each(|series| kernels::image(&archive, series, &directory.join("kernels")).map(drop))
}

/// How long one machine may run unless it is told otherwise, in seconds.
const TIMEOUT: u64 = 240;

/// A machine that ran to its end.
pub struct Machine {
    /// The series it was asked for, and how it was booted.
    label: String,
    report: Report,
    elapsed: Duration,
}

impl Arguments {
    /// Does it.
    pub fn run(mut self) -> Result<()> {
        check_architecture()?;
        if self.kernels.is_empty() {
            self.kernels = Series::DEFAULT.to_vec();
        }
        setup::ensure(Purpose::Vm)?;
        command::check(&mut command::cargo([
            "build",
            "--release",
            "--bins",
            "--package",
            "minerwatch",
            "--package",
            "minerwatch-tests",
        ]))?;
        let target_dir = command::target_dir();
        let directory = target_dir.join("vm");
        let archive = Archive::open(&directory.join("apt"))?;
        let root = directory.join("root.cpio");
        let native = directory.join("native");
        initramfs::build_native(&native)?;
        fs::write(&root, initramfs::pack(&target_dir.join("release"), &native)?)
            .with_context(|| format!("cannot write {}", root.display()))?;

        if self.prices {
            return self.count_prices(&archive, &root, &directory);
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
        }
        broken.extend(self.judge(&machines)?);
        conclude(&broken)
    }

    fn count_prices(&self, archive: &Archive, root: &Path, directory: &Path) -> Result<()> {
        let mut expected = prices::Expected::read()?;
        let (mut kernels, mut broken) = (Vec::new(), Vec::new());
        for series in &self.kernels {
            let counted = self.run_machine(series, archive, root, directory);
            match counted.and_then(|(label, report)| Ok((label, prices::parse_report(&report)?))) {
                Ok((label, prices)) => {
                    if self.bless {
                        expected.bless(&label, &prices);
                    }
                    broken.extend(expected.rises(&label, &prices));
                    kernels.push((label, prices));
                }
                Err(error) => broken.push(format!("{series}: {error:#}")),
            }
        }
        print!("{}", prices::render(&kernels));
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

    /// Boots a machine and waits for its end; its label and its report.
    fn run_machine(
        &self,
        series: &Series,
        archive: &Archive,
        root: &Path,
        directory: &Path,
    ) -> Result<(String, String)> {
        let with = self.with.as_ref().map_or(String::new(), |options| format!(" {options}"));
        let label = format!("{series}{}{with}", if self.lsm { "+lsm" } else { "" });
        let image = kernels::image(archive, series, &directory.join("kernels"))?;
        eprintln!("vm: {label}: booting {}", image.display());
        let boot = Boot {
            image: &image,
            initramfs: root,
            lsm: self.lsm,
            prices: self.prices,
            with: self.with.as_deref().unwrap_or_default(),
            logs: &directory.join(if self.prices { "prices" } else { "logs" }).join(label.replace(' ', "_")),
            timeout: Duration::from_secs(self.timeout),
        };
        Ok((label, boot.run()?))
    }

    /// What is wrong, a sentence each. What is to be expected is written first, if that is wanted.
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

/// Fails if something is broken, after saying what.
fn conclude(broken: &[String]) -> Result<()> {
    for sentence in broken {
        eprintln!("vm: {sentence}");
    }
    match broken.len() {
        0 => Ok(()),
        1 => bail!("one thing is not as it should be"),
        count => bail!("{count} things are not as they should be"),
    }
}
