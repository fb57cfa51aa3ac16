//! Runs minerwatch to write its manual pages and its completion scripts.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::portable::Portable;
use crate::command;

/// Name of the subdirectory of `stage` with the manual pages.
pub const PAGES: &str = "man1";

/// Each shell, with the name of its completion script in `stage`.
pub const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "minerwatch.bash"), ("zsh", "_minerwatch"), ("fish", "minerwatch.fish")];

/// Writes the manual pages and the completion scripts to `stage`. `executable` is minerwatch, built for `portable`.
pub fn make(portable: Portable, executable: &Path, stage: &Path) -> Result<()> {
    let pages = stage.join(PAGES);
    if pages.exists() {
        fs::remove_dir_all(&pages).with_context(|| format!("cannot remove {}", pages.display()))?;
    }
    command::check(program(portable, executable).arg("man").arg(&pages))?;
    for (shell, file) in COMPLETIONS {
        let script = command::output(program(portable, executable).args(["completions", shell]))?;
        fs::write(stage.join(file), script).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}

/// Returns a command that runs minerwatch. If `executable` is for another architecture, cargo builds and runs minerwatch
/// for this one.
fn program(portable: Portable, executable: &Path) -> Command {
    if Portable::of_host() == Some(portable) {
        return Command::new(executable);
    }
    command::cargo(["run", "--quiet", "--package", "minerwatch", "--"])
}
