//! What a build without the kernel side says.

use std::{path::Path, time::Duration};

use super::{ForegroundOptions, Recorded, RunOptions, ScanProgress, ShowLines, Unsupported};
use crate::{
    cli::Report,
    control::TailRequest,
    model::{Alert, HookChoice, Verdict},
};

fn no_sensor() -> anyhow::Error {
    Unsupported(
        "this minerwatch was built without its kernel side, so it can only replay; build it with `cargo xtask build`"
            .to_owned(),
    )
    .into()
}

/// The daemon.
pub async fn run(_options: RunOptions) -> anyhow::Result<()> {
    Err(no_sensor())
}

/// The live stream.
pub async fn tail(
    _request: TailRequest,
    _watching: &ForegroundOptions,
    _show: ShowLines<'_>,
) -> anyhow::Result<()> {
    Err(no_sensor())
}

/// One look.
pub async fn scan(
    _duration: Duration,
    _watching: &ForegroundOptions,
    _least: Verdict,
    _show: ShowLines<'_>,
    _progress: &mut dyn FnMut(ScanProgress),
) -> anyhow::Result<Vec<Alert>> {
    Err(no_sensor())
}

/// Events into a file.
pub async fn record(
    _file: &Path,
    _duration: Option<Duration>,
    _watching: &ForegroundOptions,
) -> anyhow::Result<Recorded> {
    Err(no_sensor())
}

/// What this kernel allows.
pub fn doctor(_hooks: &[HookChoice]) -> anyhow::Result<Report> {
    Err(no_sensor())
}
