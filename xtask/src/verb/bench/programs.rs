//! Reads the kernel's own figures for each eBPF program (`bpf_stats`).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::command;

/// The sysctl that enables the figures for all programs of the host; see `kernel.bpf_stats_enabled` in the kernel's
/// Documentation/admin-guide/sysctl/kernel.rst.
const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The number of runs and the run time of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The kernel's ID of the program.
    pub id: u32,
    /// The program's name; empty if bpftool is not installed.
    pub name: String,
    /// The kernel's hash of the program's instructions. It identifies a program without a name.
    pub tag: String,
    /// The number of runs.
    pub runs: u64,
    /// The total time of all runs, in nanoseconds.
    pub nanoseconds: u64,
}

/// Runs `work`. Returns the figures of the programs that process `pid` holds, for the duration of `work` only. The
/// program with the most run time comes first.
pub fn during(pid: u32, work: impl FnOnce() -> Result<()>) -> Result<Vec<Figures>> {
    let statistics = Statistics::enable()?;
    let before = held_by(pid)?;
    work()?;
    let after = held_by(pid)?;
    drop(statistics);
    let names = names();
    let mut figures: Vec<_> = after
        .into_values()
        .map(|after| {
            let earlier = before.get(&after.id).cloned().unwrap_or_default();
            Figures {
                name: names.get(&after.id).cloned().unwrap_or_default(),
                runs: after.runs.saturating_sub(earlier.runs),
                nanoseconds: after.nanoseconds.saturating_sub(earlier.nanoseconds),
                ..after
            }
        })
        .collect();
    figures.sort_by_key(|figures| std::cmp::Reverse(figures.nanoseconds));
    Ok(figures)
}

/// Keeps the figures enabled until it is dropped.
///
/// A child process restores the old value when the pipe to it closes, which happens however this process ends. The
/// child is in its own process group, so that the terminal's interrupt does not reach it.
struct Statistics {
    restorer: Child,
}

impl Statistics {
    fn enable() -> Result<Self> {
        let old = fs::read_to_string(SWITCH).with_context(|| format!("cannot read {SWITCH}"))?;
        let restorer = Command::new("/bin/sh")
            .args(["-c", "cat >/dev/null; echo \"$1\" >\"$2\"", "restore", old.trim(), SWITCH])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start a shell")?;
        let this = Self { restorer };
        fs::write(SWITCH, "1").with_context(|| format!("cannot write {SWITCH}"))?;
        Ok(this)
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        drop(self.restorer.stdin.take());
        if !self.restorer.wait().is_ok_and(|status| status.success()) {
            eprintln!("bench: could not put {SWITCH} back");
        }
    }
}

/// Returns the figures of the programs that a process has open. `/proc/PID/fdinfo` contains the figures of each.
fn held_by(pid: u32) -> Result<BTreeMap<u32, Figures>> {
    let directory = Path::new("/proc").join(pid.to_string()).join("fdinfo");
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    // A descriptor that closes during the scan is not one of the programs under measurement, so its error is ignored.
    let texts = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    Ok(texts.filter_map(|text| parse(&text)).map(|figures| (figures.id, figures)).collect())
}

/// Parses the fdinfo of a program. Returns `None` for other descriptors. A link also has a `prog_id`, but no figures.
fn parse(fdinfo: &str) -> Option<Figures> {
    let field = |name: &str| {
        fdinfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    Some(Figures {
        runs: field("run_cnt")?.parse().ok()?,
        nanoseconds: field("run_time_ns")?.parse().ok()?,
        id: field("prog_id")?.parse().ok()?,
        tag: field("prog_tag")?.to_owned(),
        name: String::new(),
    })
}

/// Returns the names of all programs of the host by ID; empty if bpftool is not installed.
fn names() -> BTreeMap<u32, String> {
    let output =
        command::find("bpftool").and_then(|tool| Command::new(tool).args(["prog", "show"]).output().ok());
    output.map(|output| parse_names(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default()
}

/// Parses lines such as `42: tracing  name sched_switch  tag 0123456789abcdef  gpl`.
fn parse_names(text: &str) -> BTreeMap<u32, String> {
    text.lines()
        .filter_map(|line| {
            let (id, rest) = line.split_once(": ")?;
            let mut words = rest.split_ascii_whitespace().skip_while(|word| *word != "name");
            Some((id.parse().ok()?, words.nth(1)?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_fdinfo() {
        let program = "pos:\t0\nflags:\t02000002\nprog_type:\t26\nprog_jited:\t1\nprog_tag:\t0123456789abcdef\n\
            memlock:\t4096\nprog_id:\t42\nrun_time_ns:\t9000\nrun_cnt:\t30\nrecursion_misses:\t0\n";
        let expected = Figures {
            id: 42,
            name: String::new(),
            tag: "0123456789abcdef".into(),
            runs: 30,
            nanoseconds: 9000,
        };
        assert_eq!(parse(program), Some(expected));
        let link = "pos:\t0\nlink_type:\ttracing\nlink_id:\t7\nprog_tag:\t0123456789abcdef\nprog_id:\t42\n";
        assert_eq!(parse(link), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn names_are_read_from_bpftool() {
        let text = "42: tracing  name sched_switch  tag 0123456789abcdef  gpl run_time_ns 9 run_cnt 3\n\
            \tloaded_at 2026-01-01T00:00:00+0000  uid 0\n43: cgroup_skb  tag 0123456789abcdef  gpl\n";
        assert_eq!(parse_names(text), BTreeMap::from([(42, "sched_switch".to_owned())]));
    }
}
