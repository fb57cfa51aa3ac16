//! `minerwatch doctor`: checks what this kernel supports, and whether a daemon is running.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    ExitReason, Failure, block_on, counted::counted, hooks::HookArguments, logging, streams::write_stdout,
};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient},
    model::{Condition, DataSourceStatus, Report},
    pipeline,
};

/// Check what this kernel supports, and what is unavailable
///
/// Shows which hook serves each data source. Loads and attaches each hook as the daemon would, then detaches it again.
/// The exit code is 3 if the daemon cannot run here.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Write one JSON object instead of text for people
    #[arg(long)]
    json: bool,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch doctor                                  show the report as text
  sudo minerwatch doctor --hook file=tracepoint           check whether these hooks can be attached
  sudo minerwatch doctor --json | jq '.purposes[] | select(.hook == null)'
                                                          list what is unavailable";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, socket, hooks } = arguments;
    let mut report = pipeline::doctor(&hooks.hooks)?;
    match block_on(async { Ok(daemon(socket).await) })? {
        Ok(status) => report.daemon = status,
        Err(reason) => report.daemon_error = Some(reason),
    }
    let text = if *json {
        let mut line = serde_json::to_string(&report).map_err(anyhow::Error::from)?;
        line.push('\n');
        line
    } else {
        text(&report)
    };
    write_stdout(&text)?;
    Ok(if report.can_run() { ExitReason::Fine } else { ExitReason::Unsupported })
}

/// Asks the daemon for its status. Returns `None` if no daemon is running, and an error message if the status is
/// unknown.
async fn daemon(socket: &Path) -> Result<Option<Value>, String> {
    let client = match ControlClient::connect(socket).await {
        Ok(client) => client,
        Err(ConnectError::NotRunning(_)) => return Ok(None),
        Err(error @ (ConnectError::Denied(_) | ConnectError::Io { .. })) => return Err(error.to_string()),
    };
    let status = client.status().await.map_err(|error| format!("the daemon does not answer: {error}"))?;
    serde_json::from_str(&status).map_err(|error| format!("the daemon's answer makes no sense: {error}"))
}

/// Formats the report as text for people.
fn text(report: &Report) -> String {
    let mut text = format!("kernel  {}\n\n", report.kernel);
    for Condition { name, met, required, detail } in &report.conditions {
        let mark = match (met, required) {
            (true, _) => "ok",
            (false, true) => "MISSING",
            (false, false) => "absent",
        };
        let _ = writeln!(text, "{mark:<11}  {name:<24} {detail}");
    }
    if !report.data_sources.is_empty() {
        text.push('\n');
    }
    for DataSourceStatus { name, hook, attach_type: _, detail, limited } in &report.data_sources {
        let mark = match (hook, limited) {
            (None, _) => "UNAVAILABLE",
            (Some(_), true) => "limited",
            (Some(_), false) => "ok",
        };
        let hook = hook.as_deref().unwrap_or("no hook");
        let _ = match detail {
            Some(detail) => writeln!(text, "{mark:<11}  {name:<24} {hook} ({detail})"),
            None => writeln!(text, "{mark:<11}  {name:<24} {hook}"),
        };
    }
    let _ = writeln!(text, "\n{}", conclusion(report));
    let _ = match (&report.daemon, &report.daemon_error) {
        (Some(status), _) => writeln!(text, "A daemon is running: {}", in_short(status)),
        (None, Some(reason)) => writeln!(text, "A daemon may be running: {reason}"),
        (None, None) => writeln!(text, "No daemon is running."),
    };
    text
}

/// Summarises the report in one sentence.
fn conclusion(report: &Report) -> String {
    let failed = report.conditions.iter().filter(|condition| !condition.met).count();
    let failed = (failed > 0).then(|| format!("{} failed", counted(failed, "check", "checks")));
    if !report.can_run() {
        let failed = failed.unwrap_or_default();
        return format!("{failed}: minerwatch cannot run here until what is MISSING is there.");
    }
    let all = report.data_sources.len();
    let watched = report.data_sources.iter().filter(|source| source.hook.is_some()).count();
    let limited = report.data_sources.iter().filter(|source| source.limited).count();
    let mut text = match watched {
        watched if watched == all => format!("minerwatch runs here and watches all {all} data sources"),
        watched => format!(
            "minerwatch runs here and watches {watched} of {all} data sources; every alert names what is UNAVAILABLE"
        ),
    };
    if limited > 0 {
        let _ = write!(text, "; {limited} with the limits named above");
    }
    if let Some(failed) = failed {
        let _ = write!(text, "; {failed}");
    }
    text.push('.');
    text
}

/// Formats the main values of the daemon's status on one line. The output of `--json` has the whole status.
fn in_short(status: &Value) -> String {
    let number = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let lost = status.get("lost").and_then(Value::as_object).into_iter().flatten();
    let lost: Vec<String> = lost
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let minutes = number("/uptime_seconds") / 60;
    let mut hidden = String::new();
    let exceptions = number("/exceptions/active") + number("/exceptions/expired");
    if exceptions > 0 {
        hidden = format!(
            ", {} hidden by {}, {} expired",
            counted(number("/exceptions/hidden"), "alert", "alerts"),
            counted(exceptions, "exception", "exceptions"),
            number("/exceptions/expired"),
        );
    }
    if status.pointer("/exceptions/error").is_some_and(Value::is_string) {
        hidden += ", the file of exceptions is damaged (`minerwatch except list`)";
    }
    format!(
        "up {} h {:02} min, {}, lost {}, {}{hidden}, {} MiB of memory",
        minutes / 60,
        minutes % 60,
        counted(number("/engine/events"), "event", "events"),
        if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") },
        counted(number("/alerts"), "alert", "alerts"),
        number("/resident_bytes") >> 20,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, hook: Option<&str>) -> DataSourceStatus {
        DataSourceStatus {
            name: name.to_owned(),
            hook: hook.map(str::to_owned),
            ..DataSourceStatus::default()
        }
    }

    fn report() -> Report {
        let condition = |name: &str, met, required| Condition {
            name: name.to_owned(),
            met,
            required,
            detail: "seen".to_owned(),
        };
        Report {
            kernel: "6.1.0 x86_64".to_owned(),
            conditions: vec![condition("CAP_BPF", true, true)],
            data_sources: vec![source("exec", Some("tp_btf/sched_process_exec"))],
            daemon: None,
            daemon_error: None,
        }
    }

    #[test]
    fn the_daemon_has_one_line() {
        let status = serde_json::json!({
            "uptime_seconds": 7_500, "alerts": 2, "resident_bytes": 41 << 20,
            "engine": {"events": 1_234}, "lost": {"exec": 0, "file": 7},
        });
        assert_eq!(in_short(&status), "up 2 h 05 min, 1234 events, lost file 7, 2 alerts, 41 MiB of memory");
        assert!(in_short(&Value::Null).contains("lost nothing"), "an older daemon");
        let status = serde_json::json!({
            "alerts": 1, "exceptions": {"active": 1, "expired": 1, "hidden": 3, "error": "e.toml:1: no"},
        });
        let expected =
            "1 alert, 3 alerts hidden by 2 exceptions, 1 expired, the file of exceptions is damaged";
        assert!(in_short(&status).contains(expected), "{}", in_short(&status));
    }

    #[test]
    fn missing_and_unavailable_stand_out() {
        let mut report = report();
        report.conditions.push(Condition { name: "bpf LSM".to_owned(), ..Condition::default() });
        report.data_sources.push(source("file", None));
        let shown = text(&report);
        for part in ["absent       bpf LSM", "UNAVAILABLE  file", "ok           exec", "No daemon is running"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        report.conditions.push(Condition { name: "BTF".to_owned(), required: true, ..Condition::default() });
        assert!(text(&report).contains("MISSING      BTF"));
    }

    #[test]
    fn the_conclusion_agrees_with_the_lines() {
        let mut report = report();
        assert_eq!(conclusion(&report), "minerwatch runs here and watches all 1 data sources.");
        let mut open = source("file-open", Some("tracepoints of open"));
        open.limited = true;
        report.data_sources.push(open);
        assert_eq!(
            conclusion(&report),
            "minerwatch runs here and watches all 2 data sources; 1 with the limits named above."
        );
        report.data_sources.push(source("udp", None));
        report.conditions.push(Condition::default());
        assert_eq!(
            conclusion(&report),
            "minerwatch runs here and watches 2 of 3 data sources; every alert names what is UNAVAILABLE; 1 with the \
             limits named above; 1 check failed."
        );
        report.conditions.push(Condition { required: true, ..Condition::default() });
        assert_eq!(
            conclusion(&report),
            "2 checks failed: minerwatch cannot run here until what is MISSING is there."
        );
    }

    #[test]
    fn a_daemon_that_may_not_be_asked_is_not_denied() {
        let denied = "this user may not ask the daemon at /run/x: run it as root".to_owned();
        let report = Report { daemon_error: Some(denied), ..report() };
        let shown = text(&report);
        assert!(shown.ends_with(
            "A daemon may be running: this user may not ask the daemon at /run/x: run it as root\n"
        ));
        assert!(!shown.contains("No daemon"), "{shown}");
    }
}
