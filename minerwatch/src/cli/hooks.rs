//! `--hook`: hooks other than the best that work, for tests and for support.

use crate::model::HookChoice;

/// Which hooks are taken.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct HookArguments {
    /// Serve a purpose, or each of process, network, file or compute, by this way only: fexit, fentry, raw-tracepoint,
    /// btf-tracepoint, tracepoint, cgroup or off; `minerwatch doctor` lists purposes and ways
    #[arg(long = "hook", value_name = "PURPOSE=WAY")]
    pub(super) hooks: Vec<HookChoice>,
}
