//! `--hook`: hooks other than the best that work, for tests and for support.

use std::path::Path;

use super::Failure;
use crate::{config::Config, model::HookChoice, pipeline::ForegroundOptions};

/// Which hooks are taken.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct HookArguments {
    /// Serve a purpose, or each of process, network, file or compute, by this way only: fexit, fentry, raw-tracepoint,
    /// btf-tracepoint, tracepoint, cgroup or off, and transport by ring-buffer or perf-buffer; `minerwatch doctor` lists
    /// purposes and ways
    #[arg(long = "hook", value_name = "PURPOSE=WAY")]
    pub(super) hooks: Vec<HookChoice>,
}

impl HookArguments {
    /// These hooks, with what a configuration says of events, detection and lists; without one, the defaults.
    pub(super) fn watching(&self, config: Option<&Path>) -> Result<ForegroundOptions, Failure> {
        let config = config.map(Config::load).transpose().map_err(anyhow::Error::from)?;
        Ok(ForegroundOptions { config: config.unwrap_or_default(), hooks: self.hooks.clone() })
    }
}
