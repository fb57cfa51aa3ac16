//! Helpers to find and run other programs.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::workspace;

/// Returns a command for the cargo that runs this xtask. The working directory is the workspace root, and `PATH`
/// contains the tools of this tree.
pub fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(arguments).env("PATH", path_with_tools());
    cargo
}

/// Returns the directory of the tools that set-up installed for this tree.
pub fn tools_bin() -> PathBuf {
    workspace::tools_bin(&target_dir())
}

/// Returns `PATH` with the directory of this tree's tools at the end, so that a tool the user has installed comes
/// first.
pub fn path_with_tools() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(env::split_paths(&path).chain([tools_bin()])).unwrap_or(path)
}

/// Returns cargo's target directory: `CARGO_TARGET_DIR`, or the directory in which cargo built this xtask.
pub fn target_dir() -> PathBuf {
    workspace::target_dir(&env::current_exe().unwrap_or_default())
}

/// Runs a command and waits until it exits. An exit code other than 0 is an error that contains the command.
pub fn check(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a command and returns what it writes to standard output. An exit code other than 0 is an error that contains the
/// command and what it writes to standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Shortens a release build whose programs need not be fast. `opt_level` is that of the release profile, 0 to 3.
pub fn prefer_short_build(cargo: &mut Command, opt_level: &str) {
    cargo
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
}

/// Formats a command as a person would type it: the name of the program, then its arguments.
pub fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Finds a program on `PATH`, or in `/usr/sbin` and `/sbin`, which a user's `PATH` often lacks.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns a command that runs `program` as root: directly if this process is root, otherwise through sudo. Returns
/// `None` if sudo is needed and not installed.
///
/// sudo does not pass the environment on, because many of its policies refuse that. Callers set the variables they need
/// with `env` on the command line.
pub fn as_root(program: impl AsRef<std::ffi::OsStr>) -> Option<Command> {
    if is_root() {
        return Some(Command::new(program));
    }
    let mut sudo = Command::new(find("sudo")?);
    sudo.arg("--").arg(program);
    Some(sudo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        assert_eq!(
            shown(Command::new("/usr/bin/apt-get").args(["install", "iproute2"])),
            "apt-get install iproute2"
        );
    }

    #[test]
    fn a_failure_names_the_command() {
        assert!(check(&mut Command::new("true")).is_ok());
        let error = check(Command::new("false").arg("now")).unwrap_err().to_string();
        assert!(error.contains("`false now`"), "{error}");
    }
}
