//! The option `--hook`, which overrides the automatic choice of hooks. It is meant for tests and support.

use std::path::Path;

use super::{Failure, streams::tell};
use crate::{config::Effective, model::HookChoice, pipeline::ForegroundOptions};

/// Options for the choice of hooks.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct HookArguments {
    /// Use only this attach type for a data source, or switch the source off. `minerwatch doctor --json` lists the
    /// sources. SOURCE may also be a family of sources: process, network, file or compute. TYPE is fexit, fentry,
    /// btf-tracepoint, tracepoint, cgroup or off; for the source transport, ring-buffer or perf-buffer. Can be given
    /// several times
    #[arg(long = "hook", value_name = "SOURCE=TYPE")]
    pub(super) hooks: Vec<HookChoice>,
}

impl HookArguments {
    /// Returns the options of a foreground command: these hooks, and the configuration file or the default
    /// configuration.
    pub(super) fn options(&self, config: Option<&Path>) -> Result<ForegroundOptions, Failure> {
        let Effective { config, .. } = Effective::load(config).map_err(anyhow::Error::from)?;
        Ok(ForegroundOptions { config, hooks: self.hooks.clone(), notify: |message| tell(message) })
    }
}
