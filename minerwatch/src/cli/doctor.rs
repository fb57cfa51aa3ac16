//! `minerwatch doctor`: what this kernel allows, and what to do about the rest.

use std::{fmt::Write as _, io::Write as _, path::PathBuf};

use serde::Serialize;

use super::{ExitReason, Failure, block_on, hooks::HookArguments, logging, present::ended_by_reader};
use crate::{config::Control, control::ControlClient, pipeline};

/// Say what this kernel allows, which hook serves each purpose, and what is blind
///
/// Loads and attaches each hook as the daemon would, and takes them away again. Ends with exit code 3 when
/// the daemon could not run here.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// One JSON object instead of text for people
    #[arg(long)]
    json: bool,
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch doctor                                       for people
  sudo minerwatch doctor --json | jq '.purposes[] | select(.hook == null)'   what is blind
  sudo minerwatch doctor --hook file=tracepoint                whether these hooks would serve";

/// What was found out about this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The kernel's release and architecture.
    pub kernel: String,
    /// What the daemon needs from the system.
    pub conditions: Vec<Condition>,
    /// What it watches, and how.
    pub purposes: Vec<DataSource>,
    /// The status of the running daemon, if one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<serde_json::Value>,
}

/// Something the system has or has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// What it is: a capability, type information, a mount.
    pub name: String,
    /// Whether it is there.
    pub met: bool,
    /// Whether the daemon cannot run without it.
    pub required: bool,
    /// What was seen, and what to do if it is not met.
    pub detail: String,
}

/// Something that is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataSource {
    /// What is seen by it: `process exec`, `outbound connections`.
    pub name: String,
    /// The hook that serves it here; `None` means blind.
    pub hook: Option<String>,
    /// What kind of hook that is, as `--hook` takes it.
    pub way: Option<String>,
    /// Why it is not the preferred hook, or why there is none, and what to do.
    pub detail: Option<String>,
}

impl Report {
    /// Whether the daemon can run here at all.
    pub fn can_run(&self) -> bool {
        self.conditions.iter().all(|condition| condition.met || !condition.required)
    }

    /// The report for people.
    pub fn to_text(&self) -> String {
        let mut text = format!("kernel  {}\n\n", self.kernel);
        for Condition { name, met, required, detail } in &self.conditions {
            let mark = match (met, required) {
                (true, _) => "ok     ",
                (false, true) => "MISSING",
                (false, false) => "absent ",
            };
            let _ = writeln!(text, "{mark}  {name:<28} {detail}");
        }
        if !self.purposes.is_empty() {
            text.push('\n');
        }
        for DataSource { name, hook, way: _, detail } in &self.purposes {
            let mark = if hook.is_some() { "ok     " } else { "BLIND  " };
            let hook = hook.as_deref().unwrap_or("no hook");
            let _ = write!(text, "{mark}  {name:<28} {hook}");
            let _ = match detail {
                Some(detail) => writeln!(text, " ({detail})"),
                None => writeln!(text),
            };
        }
        let blind = self.purposes.iter().filter(|purpose| purpose.hook.is_none()).count();
        text.push('\n');
        text.push_str(match (self.can_run(), blind) {
            (false, _) => "minerwatch cannot run here until what is MISSING is there.\n",
            (true, 0) => "minerwatch sees everything it looks for on this kernel.\n",
            (true, _) => "minerwatch runs here; what is BLIND is named in every alert.\n",
        });
        match &self.daemon {
            Some(status) => {
                let _ = writeln!(text, "A daemon is running: {}", in_short(status));
            }
            None => text.push_str("No daemon is running.\n"),
        }
        text
    }
}

/// A daemon's status in a line; all of it is in `--json`.
fn in_short(status: &serde_json::Value) -> String {
    let number = |pointer: &str| status.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let lost = status.get("lost").and_then(serde_json::Value::as_object).into_iter().flatten();
    let lost: Vec<String> = lost
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let minutes = number("/uptime_seconds") / 60;
    format!(
        "up {} h {:02} min, {} events taken in, lost {}, {} alerts, {} MiB of memory",
        minutes / 60,
        minutes % 60,
        number("/engine/events"),
        if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") },
        number("/alerts"),
        number("/resident_bytes") >> 20,
    )
}

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, socket, hooks } = arguments;
    let mut report = pipeline::doctor(&hooks.hooks)?;
    report.daemon = block_on(async { Ok(daemon(socket).await) })?;
    let text = if *json {
        let mut line = serde_json::to_string(&report).map_err(anyhow::Error::from)?;
        line.push('\n');
        line
    } else {
        report.to_text()
    };
    ended_by_reader(std::io::stdout().write_all(text.as_bytes()))?;
    Ok(if report.can_run() { ExitReason::Fine } else { ExitReason::Unsupported })
}

/// The status of the daemon, if one runs and tells this user.
async fn daemon(socket: &std::path::Path) -> Option<serde_json::Value> {
    let status = ControlClient::connect(socket).await.ok()?.status().await.ok()?;
    serde_json::from_str(&status).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let condition = |name: &str, met, required| Condition {
            name: name.to_owned(),
            met,
            required,
            detail: "seen".to_owned(),
        };
        let purpose = |name: &str, hook: Option<&str>| DataSource {
            name: name.to_owned(),
            hook: hook.map(str::to_owned),
            way: None,
            detail: None,
        };
        Report {
            kernel: "6.1.0 x86_64".to_owned(),
            conditions: vec![condition("CAP_BPF", true, true), condition("bpf LSM", false, false)],
            purposes: vec![purpose("exec", Some("tp_btf/sched_process_exec")), purpose("file", None)],
            daemon: None,
        }
    }

    #[test]
    fn a_daemon_is_told_of_in_a_line() {
        let status = serde_json::json!({
            "uptime_seconds": 7_500, "alerts": 2, "resident_bytes": 41 << 20,
            "engine": {"events": 1_234}, "lost": {"exec": 0, "file": 7},
        });
        assert_eq!(
            in_short(&status),
            "up 2 h 05 min, 1234 events taken in, lost file 7, 2 alerts, 41 MiB of memory"
        );
        assert!(in_short(&serde_json::Value::Null).contains("lost nothing"), "an older daemon");
    }

    #[test]
    fn what_is_blind_and_missing_stands_out() {
        let mut report = report();
        let text = report.to_text();
        assert!(report.can_run());
        for part in ["absent   bpf LSM", "BLIND    file", "ok       exec", "what is BLIND", "No daemon"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        report.conditions.push(Condition { name: "BTF".to_owned(), required: true, ..Condition::default() });
        assert!(!report.can_run());
        assert!(report.to_text().contains("MISSING  BTF"));
    }
}
