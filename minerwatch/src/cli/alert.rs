//! `minerwatch alert`: makes an alert on purpose.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use serde_json::Value;
use tokio::time::{timeout, timeout_at};

use super::{ExitReason, Failure, block_on, logging, streams::write_stdout};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient, TailRequest},
};

/// What a miner says first to a pool, in the Stratum protocol. The account and the agent say that it is a test.
const LOGIN: &str = "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"minerwatch-test\",\
                     \"pass\":\"x\",\"agent\":\"minerwatch-test\"}}\n";

/// What a pool answers.
const JOB: &str = "{\"id\":1,\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"id\":\"test\",\"job\":{\"blob\":\"\
                   00000000000000000000000000000000000000000000000000000000000000000000000000000000\
                   000000000000000000000000000000000000000000000000000000000000000000000000\",\
                   \"job_id\":\"1\",\"target\":\"ffffff00\"},\"status\":\"OK\"}}\n";

/// Time limit for the conversation with itself.
const CONVERSATION: Duration = Duration::from_secs(5);

/// Make an alert on purpose
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(TestArguments),
}

/// Make one alert, from the kernel to the outputs
///
/// This process talks to itself over 127.0.0.1 as a miner talks to a pool: one login with the account `minerwatch-test`,
/// and one job. Nothing is computed. The running daemon detects it like any other miner, and alerts through all its
/// outputs. The command shows the alert and how long it took. The exit code is 1 if no alert came.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct TestArguments {
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Time to wait for the alert, in seconds
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch alert test                   make one alert, from the kernel to the outputs
  sudo minerwatch alert test --seconds 60      wait longer, on a busy host";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Command::Test(arguments) = &arguments.command;
    let text = block_on(test(arguments))?;
    write_stdout(&text)?;
    Ok(ExitReason::Fine)
}

async fn test(arguments: &TestArguments) -> Result<String, Failure> {
    let TestArguments { socket, seconds } = arguments;
    let client = ControlClient::connect(socket).await.map_err(|error| match error {
        error @ ConnectError::Denied(_) => Failure::new(ExitReason::Unsupported, error),
        error => Failure::from(anyhow::Error::from(error)),
    })?;
    let request = TailRequest { alerts: true, pid: Some(std::process::id()), ..TailRequest::default() };
    let mut lines = client.tail(request).await.context("asking the daemon for its alerts")?;
    // The daemon must know the reader before the alert comes. It answers requests in their order.
    let known = async { ControlClient::connect(socket).await?.status().await.map_err(anyhow::Error::from) };
    timeout(CONVERSATION, known).await.context("waiting for the daemon")??;
    let start = Instant::now();
    let talk = tokio::task::spawn_blocking(talk_to_itself).await;
    talk.context("the test")?.context("talking to itself over 127.0.0.1")?;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(*seconds);
    loop {
        let line = match timeout_at(deadline, lines.next()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return Err(Failure::from(anyhow!("the daemon ended"))),
            Ok(Err(error)) => return Err(anyhow::Error::from(error).into()),
            Err(_) => {
                return Err(Failure::from(anyhow!(
                    "no alert came within {seconds} s; look at `minerwatch doctor`: the data source `payload` must be \
                     available, and `minerwatch except list` must not hide the test. After several tests in a row, the \
                     budget of alerts holds further ones back for up to an hour"
                )));
            }
        };
        let alert: Value = serde_json::from_str(line).unwrap_or_default();
        if alert["event"]["kind"] == "alert" {
            return Ok(describe(&alert, start.elapsed()));
        }
    }
}

/// Describes the alert in sentences.
fn describe(alert: &Value, took: Duration) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    format!(
        "the daemon alerted after {} ms: {}\nevent.id {}, incident {}\nThe outputs have the alert now; `minerwatch \
         status` shows what they did with it. The incident closes by itself.\n",
        took.as_millis(),
        text(&alert["message"]),
        text(&alert["event"]["id"]),
        text(&alert["minerwatch"]["incident"]["id"]),
    )
}

/// Holds the conversation of a miner and a pool between two threads of this process.
fn talk_to_itself() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let miner = thread::spawn(move || -> io::Result<()> {
        let mut stream = limited(TcpStream::connect(address)?)?;
        stream.write_all(LOGIN.as_bytes())?;
        let mut job = String::new();
        BufReader::new(stream).read_line(&mut job)?;
        Ok(())
    });
    let (stream, _) = listener.accept()?;
    let mut pool = BufReader::new(limited(stream)?);
    let mut login = String::new();
    pool.read_line(&mut login)?;
    pool.get_mut().write_all(JOB.as_bytes())?;
    miner.join().unwrap_or_else(|_| Err(io::Error::other("the test ended early")))
}

fn limited(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(CONVERSATION))?;
    stream.set_write_timeout(Some(CONVERSATION))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conversation_ends_by_itself() {
        talk_to_itself().expect("both sides answer");
    }
}
