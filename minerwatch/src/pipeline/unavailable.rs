//! Replaces the commands that need a sensor in a build without one. Every function returns an error.

use std::{path::Path, time::Duration};

use super::{ForegroundOptions, Recorded, RunOptions, ScanProgress, ShowLines, Unsupported};
use crate::{
    control::TailRequest,
    model::{HookChoice, Report, ScanReport, Verdict},
};

fn no_sensor() -> anyhow::Error {
    Unsupported(
        "this minerwatch was built without its kernel side, so it can only replay; build it with `cargo xtask build`"
            .to_owned(),
    )
    .into()
}

/// Fails, because the daemon needs a sensor.
pub async fn run(_options: RunOptions) -> anyhow::Result<()> {
    Err(no_sensor())
}

/// Fails, because a live stream needs a sensor.
pub async fn tail(
    _request: TailRequest,
    _options: &ForegroundOptions,
    _show: ShowLines<'_>,
) -> anyhow::Result<()> {
    Err(no_sensor())
}

/// Fails, because a scan needs a sensor.
pub async fn scan(
    _duration: Duration,
    _options: &ForegroundOptions,
    _least: Verdict,
    _show: ShowLines<'_>,
    _progress: &mut dyn FnMut(ScanProgress),
) -> anyhow::Result<ScanReport> {
    Err(no_sensor())
}

/// Fails, because a recording needs a sensor.
pub async fn record(
    _file: &Path,
    _duration: Option<Duration>,
    _options: &ForegroundOptions,
) -> anyhow::Result<Recorded> {
    Err(no_sensor())
}

/// Fails, because the checks need a sensor.
pub fn doctor(_hooks: &[HookChoice]) -> anyhow::Result<Report> {
    Err(no_sensor())
}
