//! `cargo xtask setup`: installs what is missing.

pub(super) mod apt;
pub(super) mod consent;
mod facts;
mod install;
mod plan;
mod unpack;
mod wheel;

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;

pub use plan::ToolSet;
use plan::{Action, Need};
pub use unpack::{emulator, libraries, program};

/// Install the missing tools for building and testing
///
/// Lists each missing tool with its purpose and the command that installs it, and asks before it installs anything.
/// Rust's core library for eBPF comes from rust-src for the active rustup toolchain or, failing that, from a compiler
/// of the distribution (Debian) with a prebuilt eBPF core. bpf-linker is built against the LLVM of that compiler, into
/// the target directory. Distribution packages go through apt-get, with sudo where it is needed. No package is ever
/// removed, and a second run does nothing.
#[derive(Args)]
pub struct Arguments {
    /// Only list what is missing; the exit code is 1 if something is
    #[arg(long)]
    check: bool,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        if !self.check {
            ensure(ToolSet::Test)?;
            eprintln!("setup: everything is here");
            return Ok(());
        }
        let missing = plan::needs(&facts::gather(), ToolSet::Test, &BTreeSet::new());
        for need in &missing {
            println!("{need}");
        }
        match missing.len() {
            0 => {
                println!("everything is here");
                Ok(())
            }
            count => bail!("{count} missing; `cargo xtask setup` installs what can be installed"),
        }
    }
}

/// Installs the tools of `set`, if the user agrees. Each round may reveal the next need (a compiler, then its linker).
/// An action that failed is not tried again: the plan then proposes another action, or states that there is none.
pub fn ensure(set: ToolSet) -> Result<()> {
    let mut failed = BTreeSet::new();
    let mut allowed = BTreeSet::new();
    loop {
        let needs = plan::needs(&facts::gather(), set, &failed);
        let is_possible = |need: &&Need| !matches!(need.action, Action::None(_));
        let Some(Need { action, .. }) = needs.iter().find(is_possible) else {
            return match needs.first() {
                Some(Need { action: Action::None(sentence), .. }) => bail!("{sentence}"),
                _ => Ok(()),
            };
        };
        if !allowed.contains(action) {
            let new = needs.iter().filter(is_possible).filter(|need| !allowed.contains(&need.action));
            consent::ask(&new.map(Need::to_string).collect::<Vec<_>>())?;
            allowed.extend(needs.iter().map(|need| need.action.clone()));
        }
        eprintln!("setup: {action}");
        let outcome = install::perform(action);
        if let Err(error) = &outcome {
            eprintln!("setup: that did not work: {error:#}");
        }
        // Without this check, an action that succeeds but does not meet its need would be repeated forever.
        let still_needed =
            || plan::needs(&facts::gather(), set, &failed).iter().any(|need| need.action == *action);
        if outcome.is_err() || still_needed() {
            failed.insert(action.clone());
        }
    }
}

/// Offers to unpack the programs of `bench` with these names, where they are missing. They are optional: if the user
/// refuses, or if unpacking fails, the reason is printed and the loads that need them are skipped.
pub fn offer(programs: &[&str]) {
    let needs = plan::bench_needs(&facts::gather(), programs);
    let Some(Need { action, .. }) = needs.first() else { return };
    let shown: Vec<_> = needs.iter().map(Need::to_string).collect();
    let outcome = consent::ask(&shown).and_then(|()| {
        eprintln!("setup: {action}");
        install::perform(action)
    });
    if let Err(error) = outcome {
        eprintln!("setup: going on without: {error:#}");
    }
}
