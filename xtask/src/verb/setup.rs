//! `cargo xtask setup`: installs what is missing.

pub(super) mod apt;
pub(super) mod consent;
mod facts;
mod install;
mod plan;
mod unpack;

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;

pub use plan::ToolSet;
use plan::{Action, Need};
pub use unpack::emulator;

/// Install what building and testing need and this machine lacks
///
/// Says of each thing what it is, what for, and how it is installed. In order of preference: rust-src for the
/// active rustup toolchain; a compiler with a prebuilt eBPF core from the distribution (Debian); and bpf-linker,
/// built against the LLVM of that compiler into the target directory. Distribution packages go through apt-get, with
/// sudo where it is needed. Asks before it installs anything. Nothing that is there is touched, and nothing is ever
/// removed; a second run does nothing.
#[derive(Args)]
pub struct Arguments {
    /// Only list what is missing; exit with 1 if something is
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

/// Installs what `set` needs, if it may. Each round of installing may reveal the next need (a compiler, then its
/// linker), and an action that failed is not tried again: the plan then names another one or says that there is none.
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
        // An action that succeeds but does not remove its need would be tried forever.
        let still_needed =
            || plan::needs(&facts::gather(), set, &failed).iter().any(|need| need.action == *action);
        if outcome.is_err() || still_needed() {
            failed.insert(action.clone());
        }
    }
}
