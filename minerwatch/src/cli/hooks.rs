//! `--hook`: other hooks than the best ones that work, for tests and for support.

use std::path::Path;

use super::{Failure, streams::tell};
use crate::{config::Config, model::HookChoice, pipeline::ForegroundOptions};

/// Which hooks are used.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct HookArguments {
    /// Watch a data source by this attach type only, or switch it off. SOURCE is a data source or all of one family:
    /// process, network, file or compute. TYPE is fexit, fentry, raw-tracepoint, btf-tracepoint, tracepoint, cgroup or
    /// off; for the source transport it is ring-buffer or perf-buffer. `minerwatch doctor --json` lists the sources.
    /// Can be given several times
    #[arg(long = "hook", value_name = "SOURCE=TYPE")]
    pub(super) hooks: Vec<HookChoice>,
}

impl HookArguments {
    /// These hooks, with the configuration's settings for events, detection and lists, or the defaults without one.
    pub(super) fn options(&self, config: Option<&Path>) -> Result<ForegroundOptions, Failure> {
        let config = config.map(Config::load).transpose().map_err(anyhow::Error::from)?;
        Ok(ForegroundOptions {
            config: config.unwrap_or_default(),
            hooks: self.hooks.clone(),
            notify: |message| tell(message),
        })
    }
}
