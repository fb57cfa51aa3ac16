//! The kernel's own figures for each eBPF program (`bpf_stats`).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::command;

/// Switches the figures on for all programs of the host; see `kernel.bpf_stats_enabled` in the kernel's
/// Documentation/admin-guide/sysctl/kernel.rst.
const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// How often a program ran and how long that took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The kernel's number of the program.
    pub id: u32,
    /// Its name; empty where there is no bpftool to ask.
    pub name: String,
    /// The digest of its instructions, which tells programs without a name apart.
    pub tag: String,
    /// How often it ran.
    pub runs: u64,
    /// How long all runs took, nanoseconds.
    pub nanoseconds: u64,
}

/// What the programs that process `pid` holds did during `work`, the busiest first.
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

/// The figures are switched on as long as this lives.
///
/// A child puts the old value back once the pipe to it closes: that happens however this process ends, and the child,
/// in a process group of its own, does not see the terminal's interrupt.
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

/// The programs that a process has open: `/proc/PID/fdinfo` has the figures of each.
fn held_by(pid: u32) -> Result<BTreeMap<u32, Figures>> {
    let directory = Path::new("/proc").join(pid.to_string()).join("fdinfo");
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    // A descriptor that closes meanwhile is not one of interest.
    let texts = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    Ok(texts.filter_map(|text| parse(&text)).map(|figures| (figures.id, figures)).collect())
}

/// Reads the fdinfo of a program; `None` of any other descriptor (a link also has a `prog_id`, and no figures).
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

/// The names of all programs of the host, as far as bpftool is installed.
fn names() -> BTreeMap<u32, String> {
    let output =
        command::find("bpftool").and_then(|tool| Command::new(tool).args(["prog", "show"]).output().ok());
    output.map(|output| parse_names(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default()
}

/// Reads lines such as `42: tracing  name sched_switch  tag 0123456789abcdef  gpl`.
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
