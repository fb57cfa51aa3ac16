//! `minerwatch evidence`: keeps the evidence about the suspects of an incident.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};

use super::{
    ExitReason, Failure, block_on, logging,
    respond::{case, connect},
    streams::write_stdout,
};
use crate::{
    config::Control,
    evidence::{self, Evidence, EvidenceLimits},
    respond::{KnownCase, subjects},
};

/// Keep the evidence about the suspects of an incident
///
/// Writes a directory, or an archive if the name ends in .tar, .tar.gz or .tgz: the executables (also deleted ones and those
/// that only exist in memory), memory maps, environments, open files and sockets, namespaces, the files that were dropped or
/// changed to start again, the process tree, the alert, facts about the host, and the memory of the suspects as ELF core
/// files. `manifest.json` has the SHA-256 of each file, and what was left out and why. Changes nothing of the suspects; to
/// keep their memory from changing meanwhile, freeze them first. Needs root.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The incident's id, as alerts show it
    #[arg(value_name = "INCIDENT")]
    incident: String,
    /// A new directory, or a new archive
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Only this process and its children
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Leave out the memory of the suspects
    #[arg(long)]
    no_memory: bool,
    /// Remove passwords, tokens and keys from the environments of the suspects; their memory still has them
    #[arg(long)]
    redact: bool,
    /// Maximum size of all files together, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    max_mib: u64,
    /// Maximum time, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    max_seconds: u64,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch evidence 4340-7760d-4727c34e36e -o case.tar.gz   keep everything in one archive
  sudo minerwatch evidence 4340-7760d-4727c34e36e -o case --redact   keep it without secrets
  jq -r '.files[] | .sha256 + \"  \" + .path' manifest.json | sha256sum -c   check the hashes";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    if !rustix::process::geteuid().is_root() {
        let message = "the evidence is read from other users' processes: run the command as root";
        return Err(Failure::new(ExitReason::Unsupported, anyhow!(message)));
    }
    let Arguments { incident, output, pid, no_memory, redact, max_mib, max_seconds, socket } = arguments;
    let KnownCase { alert, line, settings } = case(socket, incident)?;
    let Some(alert) = alert else {
        let message = format!("there is no open incident {incident}; `minerwatch explain` shows all");
        return Err(Failure::new(ExitReason::Failed, anyhow!(message)));
    };
    let subjects = subjects(&alert, *pid).map_err(|refusal| Failure::new(ExitReason::Failed, refusal))?;
    let status = block_on(async { Ok(connect(socket).await?.status().await.unwrap_or_default()) })?;
    let by = format!("uid {}", rustix::process::getuid().as_raw());
    let evidence = Evidence {
        alert: &alert,
        line: Some(&line),
        subjects: &subjects,
        by: &by,
        extras: &[("agent-status.json", status.into_bytes())],
    };
    let limits = EvidenceLimits {
        bytes: max_mib << 20,
        time: Duration::from_secs(*max_seconds),
        free_space: settings.free_space,
        brief: false,
        memory: !no_memory,
        redact: *redact,
    };
    let hash = write(&evidence, output, limits)?;
    write_stdout(&format!(
        "{}: {} processes, manifest SHA-256 {hash}\n",
        output.display(),
        subjects.iter().filter(|subject| subject.is_suspect).count()
    ))?;
    Ok(ExitReason::Fine)
}

fn write(evidence: &Evidence<'_>, output: &Path, limits: EvidenceLimits) -> anyhow::Result<String> {
    let name = output.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = [".tar", ".tar.gz", ".tgz"].iter().find_map(|end| name.strip_suffix(end));
    let Some(stem) = stem else { return evidence::collect(evidence, output, limits) };
    anyhow::ensure!(!output.exists(), "{} exists already", output.display());
    // The archive is made of a directory beside it, so that both are on the disk that was chosen.
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = parent.join(format!(".{stem}.{}", std::process::id()));
    let directory = scratch.join(stem);
    let outcome = evidence::collect(evidence, &directory, limits).and_then(|hash| {
        evidence::pack(&directory, output).with_context(|| format!("writing {}", output.display()))?;
        Ok(hash)
    });
    fs::remove_dir_all(&scratch).with_context(|| format!("removing {}", scratch.display()))?;
    outcome
}
