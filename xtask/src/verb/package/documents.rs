//! Makes the manual pages and the completions for shells, which the program writes itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::portable::Portable;
use crate::command;

/// The directory of the manual pages in the stage.
pub const PAGES: &str = "man1";

/// The shells, and the names of their files in the stage.
pub const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "minerwatch.bash"), ("zsh", "_minerwatch"), ("fish", "minerwatch.fish")];

/// Writes the files into `stage`. `executable` is the packaged program for `portable`.
pub fn make(portable: Portable, executable: &Path, stage: &Path) -> Result<()> {
    let pages = stage.join(PAGES);
    if pages.exists() {
        fs::remove_dir_all(&pages).with_context(|| format!("cannot remove {}", pages.display()))?;
    }
    command::check(program(portable, executable).arg("man").arg(&pages))?;
    for (shell, file) in COMPLETIONS {
        let mut program = program(portable, executable);
        program.args(["completions", shell]).stderr(Stdio::inherit());
        let output =
            program.output().with_context(|| format!("cannot start `{}`", command::shown(&program)))?;
        if !output.status.success() {
            bail!("`{}` failed ({})", command::shown(&program), output.status);
        }
        fs::write(stage.join(file), output.stdout).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}

/// Returns a command that runs minerwatch. If this machine cannot run the packaged program, it is built for this machine.
fn program(portable: Portable, executable: &Path) -> Command {
    if Portable::of_host() == Some(portable) {
        return Command::new(executable);
    }
    command::cargo(["run", "--quiet", "--package", "minerwatch", "--"])
}
