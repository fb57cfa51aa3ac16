//! PID 1 of the virtual machines that `cargo xtask vm` boots. It runs the doctor, performs a fixed sequence of
//! processes, connections and file changes while the daemon runs, and reports which events the daemon wrote.
//!
//! The first serial port is the kernel's own. The report goes to the second port, one line per entry: `DOCTOR` with the
//! object of `minerwatch doctor --json`, `CHECK name ok|FAILED|unavailable detail`, and `END`. The messages of the
//! programs go to the third port. With `minerwatch.overhead` on the kernel's command line, the report contains the
//! measured overhead instead of the checks, and with `minerwatch.profile` in addition the runs of each eBPF program. With `minerwatch.with=OPTIONS`, minerwatch is started with these options.

mod checks;
mod daemon;
mod guest;
mod overhead;
mod profile;
mod sequence;

use std::{env, process, process::ExitCode};

use anyhow::{Context as _, Result};
use serde_json::Value;

use checks::{Check, Observed};
use daemon::Daemon;
use guest::Port;

/// The second serial port. On arm64, the first port is not a `ttyS` device, so the numbers begin with the second port.
const REPORT: &str = if cfg!(target_arch = "aarch64") { "/dev/ttyS0" } else { "/dev/ttyS1" };
/// The third serial port.
const LOG: &str = if cfg!(target_arch = "aarch64") { "/dev/ttyS1" } else { "/dev/ttyS2" };

fn main() -> ExitCode {
    if let Some(code) = sequence::exit_code(env::args().skip(1)) {
        return ExitCode::from(code);
    }
    if let Some(measured) = overhead::in_child(env::args().skip(1)) {
        return match measured {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        };
    }
    if process::id() != 1 {
        eprintln!("init: this is PID 1 of a virtual machine that `cargo xtask vm` boots, and nothing else");
        return ExitCode::from(2);
    }
    if let Err(error) = in_the_guest() {
        // Use the kernel's console, because the ports may be what failed.
        eprintln!("init: {error:#}");
    }
    guest::power_off();
    ExitCode::FAILURE
}

fn in_the_guest() -> Result<()> {
    guest::prepare()?;
    let mut report = Port::open(REPORT)?;
    let mut log = Port::open(LOG)?;
    let options = guest::options()?;
    let outcome = if overhead::asked_for()? {
        overhead::measure(&mut report, &mut log, &options)
    } else {
        examine(&mut report, &mut log, &options)
    };
    if let Err(error) = &outcome {
        report.line(&Check::failed("sequence", format!("{error:#}")).to_string())?;
    }
    report.line("END")?;
    report.drain()?;
    log.drain()
}

fn examine(report: &mut Port, log: &mut Port, options: &[String]) -> Result<()> {
    let doctor = doctor(log, options)?;
    report.line(&format!("DOCTOR {doctor}"))?;
    report
        .line(&checks::security_modules(guest::wants_bpf_lsm()?, &guest::security_modules()?).to_string())?;
    let earlier = sequence::earlier()?;
    let daemon = Daemon::start_recording(options)?;
    let sequence = sequence::run(earlier);
    let end = daemon.stop(log)?;
    let observed = Observed { doctor, sequence: sequence?, end };
    for check in observed.checks() {
        report.line(&check.to_string())?;
    }
    Ok(())
}

/// Runs the doctor and returns its report. The debug messages, which contain the reasons of the verifier, go to `log`.
fn doctor(log: &mut Port, options: &[String]) -> Result<Value> {
    let output = process::Command::new(guest::MINERWATCH)
        .args(["doctor", "--json"])
        .args(options)
        .env("MINERWATCH_LOG", "debug")
        .output()
        .context("minerwatch cannot be started")?;
    log.line("--- minerwatch doctor")?;
    log.line(&String::from_utf8_lossy(&output.stderr))?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("minerwatch doctor ended with {} and no object", output.status))
}
