//! `minerwatch man`: writes the manual pages.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::{ExitReason, Failure};

/// Write the manual pages, one for each command
///
/// The packages and install.sh install these pages. To read them: `man minerwatch`, `man minerwatch-tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The directory for the pages; it is created if it does not exist
    directory: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch man /usr/local/share/man/man1   install the pages
  minerwatch man /tmp/man && man -l /tmp/man/minerwatch-tail.1";

pub(super) fn main(Arguments { directory }: &Arguments) -> Result<ExitReason, Failure> {
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    clap_mangen::generate_to(super::Arguments::command(), directory)
        .with_context(|| format!("writing manual pages to {}", directory.display()))?;
    Ok(ExitReason::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_people_use_has_a_page() {
        let directory = tempfile::tempdir().unwrap();
        let pages = directory.path().join("man1");
        main(&Arguments { directory: pages.clone() }).unwrap();
        for command in super::super::Arguments::command().get_subcommands() {
            let page = pages.join(format!("minerwatch-{}.1", command.get_name()));
            assert_eq!(page.exists(), !command.is_hide_set(), "{}", page.display());
        }
        assert!(fs::read_to_string(pages.join("minerwatch-config-check.1")).unwrap().contains("Examples"));
        assert!(fs::read_to_string(pages.join("minerwatch.1")).unwrap().contains("Exit codes"));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let failure = main(&Arguments { directory: "/dev/null/man1".into() }).unwrap_err();
        assert!(failure.to_string().contains("/dev/null/man1"), "{failure}");
    }
}
