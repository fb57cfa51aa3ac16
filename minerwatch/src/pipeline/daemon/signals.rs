//! The commands of the event loop, and the signals that send commands.

use anyhow::Context as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{approval::Decision, control::PipelineRequest, exporter::Reply, feeds::Lists, respond};

/// A command that the event loop handles between two batches.
#[derive(Debug)]
pub enum Command {
    /// Stop, because of the signal with this name.
    Stop(&'static str),
    /// Read the configuration again and reopen files.
    Reload,
    /// Read the configuration again if its file has changed.
    ConfigChanged,
    /// Use these lists from now on.
    Lists(Lists),
    /// Give the metrics to the endpoint.
    Metrics(Reply),
    /// Answer a request that came through the control socket.
    Answer(PipelineRequest),
    /// Take an answer of the responder.
    Responded(Box<respond::Answer>),
    /// Take a decision about an approval request.
    Decided(Decision),
}

/// Sends a command for each SIGTERM, SIGINT and SIGHUP.
pub fn forward(commands: mpsc::Sender<Command>) -> anyhow::Result<()> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            let command = tokio::select! {
                _ = terminate.recv() => Command::Stop("SIGTERM"),
                _ = interrupt.recv() => Command::Stop("SIGINT"),
                _ = hangup.recv() => Command::Reload,
            };
            if commands.send(command).await.is_err() {
                break;
            }
        }
    });
    Ok(())
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("listening for signals")
}
