//! `minerwatch status`: shows whether the running daemon is well, and what it does.

mod health;
mod text;

use std::{path::PathBuf, time::Duration};

use anyhow::anyhow;
use serde_json::{Value, json};
use tokio::time::timeout;

use self::health::problems;
use super::{
    ExitReason, Failure, block_on, logging,
    present::{ColorArguments, style},
    streams::write_stdout,
};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient},
};

/// Show whether the running daemon is well
///
/// Shows what is unavailable, what was lost, the outputs, the open incidents and the cost. The exit code is 0 if the
/// daemon answers, also if it is not well, and 1 if it is not running or does not answer within a second. With --check,
/// it is 10 if the daemon is not well.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Write one JSON object instead of text for people: the daemon's counters with `running`, `well` and `problems`
    #[arg(long)]
    json: bool,
    /// Return exit code 10 if the daemon is not well
    #[arg(long)]
    check: bool,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    color: ColorArguments,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch status                             show the status of the daemon
  minerwatch status --check > /dev/null         for a monitoring system: 0 well, 10 not well, 1 down
  minerwatch status --json | jq '.problems[]'   list what is wrong";

/// Time limit for the daemon's answer.
const LIMIT: Duration = Duration::from_secs(1);

const HOW_TO_START: &str = "start it with `systemctl start minerwatch` or `minerwatch run`; if its configuration \
                            sets control.socket, name the socket with --socket";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, check, socket, color } = arguments;
    let status = match block_on(ask(socket)) {
        Ok(status) => status,
        Err(failure) => {
            if *json {
                let down = json!({ "running": false, "well": false, "problems": [failure.to_string()] });
                write_stdout(&format!("{down}\n"))?;
            }
            return Err(failure);
        }
    };
    let problems = problems(&status);
    let shown = if *json {
        format!("{}\n", with_health(status, &problems))
    } else {
        text::text(&status, &problems, style(*color))
    };
    write_stdout(&shown)?;
    Ok(if *check && !problems.is_empty() { ExitReason::Found } else { ExitReason::Fine })
}

/// Adds to the daemon's counters whether it is well.
fn with_health(status: Value, problems: &[String]) -> Value {
    let mut status = status;
    if let Value::Object(fields) = &mut status {
        fields.insert("running".to_owned(), true.into());
        fields.insert("well".to_owned(), problems.is_empty().into());
        fields.insert("problems".to_owned(), problems.into());
    }
    status
}

/// Asks the daemon for its status.
async fn ask(socket: &PathBuf) -> Result<Value, Failure> {
    let failed = |error: anyhow::Error| Failure::new(ExitReason::Failed, error);
    let answer = timeout(LIMIT, async {
        let client = ControlClient::connect(socket).await.map_err(|error| match error {
            error @ ConnectError::Denied(_) => Failure::new(ExitReason::Unsupported, error),
            error @ ConnectError::NotRunning(_) => failed(anyhow!("{error}; {HOW_TO_START}")),
            error @ ConnectError::Io { .. } => failed(error.into()),
        })?;
        let said = client.status().await;
        said.map_err(|error| failed(anyhow!("the daemon at {} does not answer: {error}", socket.display())))
    });
    let answer = answer.await.unwrap_or_else(|_| {
        Err(failed(anyhow!(
            "the daemon at {} did not answer within {} s; it is stopped, or this host is overloaded; look at \
             `journalctl -u minerwatch` and restart the daemon if it does not recover",
            socket.display(),
            LIMIT.as_secs()
        )))
    })?;
    serde_json::from_str(&answer)
        .map_err(|error| failed(anyhow!("the daemon's answer makes no sense: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_keeps_what_the_daemon_says() {
        let status = json!({ "alerts": 3, "sinks": { "a": { "failing": true } }, "blind": ["udp"] });
        let problems = problems(&status);
        let shown = with_health(status.clone(), &problems);
        assert_eq!(shown["alerts"], 3);
        assert_eq!(shown["sinks"], status["sinks"]);
        assert_eq!((&shown["running"], &shown["well"]), (&true.into(), &false.into()));
        assert_eq!(shown["problems"].as_array().map(Vec::len), Some(2));
    }

    #[tokio::test]
    async fn a_daemon_that_is_not_there_or_silent_is_a_failure_with_advice() {
        let scratch = tempfile::tempdir().expect("a directory");
        let socket = scratch.path().join("control.sock");
        let failure = ask(&socket).await.expect_err("nobody listens");
        assert_eq!(failure.reason, ExitReason::Failed);
        assert!(failure.to_string().contains("systemctl start minerwatch"), "{failure}");

        let listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
        let since = std::time::Instant::now();
        let failure = ask(&socket).await.expect_err("nobody answers");
        assert_eq!(failure.reason, ExitReason::Failed);
        assert!(failure.to_string().contains("within 1 s"), "{failure}");
        assert!(since.elapsed() < Duration::from_secs(3));
        drop(listener);
    }
}
