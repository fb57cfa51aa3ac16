//! Counts the runs and the instructions of each eBPF program during an operation, with the kernel's own figures
//! (`bpf_stats`, Documentation/admin-guide/sysctl/kernel.rst). In the emulator, a nanosecond of run time is an
//! instruction. A run also counts about 20 instructions of the counting itself.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context as _, Result};
use aya::programs::loaded_programs;
use xtask::operations::Operation;

use crate::guest;

/// Word on the kernel's command line that requests the profile.
const WORD: &str = "minerwatch.profile";

/// The sysctl that makes the kernel count.
const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The runs of one program so far.
#[derive(Clone, Default)]
struct Runs {
    name: String,
    count: u64,
    time: Duration,
}

/// Returns whether the kernel's command line requests a profile.
pub fn asked_for() -> Result<bool> {
    Ok(guest::command_line()?.split_whitespace().any(|word| word == WORD))
}

/// Runs an operation `count` times. Returns one line per program that ran: `PROGRAM operation name runs instructions`,
/// with tabs between; both figures are per operation.
pub fn of(operation: &Operation, count: u32) -> Result<Vec<String>> {
    fs::write(SWITCH, "1").with_context(|| format!("writing {SWITCH}"))?;
    let before = runs()?;
    (operation.run)(count).with_context(|| format!("profiling {}", operation.name))?;
    let after = runs()?;
    fs::write(SWITCH, "0").with_context(|| format!("writing {SWITCH}"))?;
    let lines = after.into_iter().filter_map(|(id, after)| {
        let before = before.get(&id).cloned().unwrap_or_default();
        let runs = after.count.saturating_sub(before.count);
        let instructions = after.time.saturating_sub(before.time).as_nanos();
        (runs > 0).then(|| {
            let each = f64::from(count);
            format!(
                "PROGRAM\t{}\t{}\t{:.2}\t{:.0}",
                operation.name,
                after.name,
                runs as f64 / each,
                instructions as f64 / each
            )
        })
    });
    Ok(lines.collect())
}

fn runs() -> Result<BTreeMap<u32, Runs>> {
    loaded_programs()
        .map(|program| {
            let program = program.context("listing the loaded programs")?;
            let name = program.name_as_str().unwrap_or_default().to_owned();
            Ok((program.id(), Runs { name, count: program.run_count(), time: program.run_time() }))
        })
        .collect()
}
