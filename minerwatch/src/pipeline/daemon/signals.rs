//! Signals become commands.

use anyhow::Context as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{control::PipelineRequest, feeds::Lists};

/// What the pipeline is asked to do between two batches.
#[derive(Debug)]
pub enum Command {
    /// End, for the signal of this name.
    Stop(&'static str),
    /// Read the configuration again and reopen files.
    Reload,
    /// Take over these lists.
    Lists(Lists),
    /// Answer somebody at the control socket.
    Answer(PipelineRequest),
}

/// Sends the daemon's signals as commands.
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
