//! Which data sources are available on this kernel, and through which hooks.

use crate::model::{AttachType, DataSource};

/// The hook of one data source on this kernel.
#[derive(Clone, Debug)]
pub struct SourceStatus {
    /// The data source.
    pub source: DataSource,
    /// The hook that serves the data source; `None` if the data source is unavailable.
    pub hook: Option<&'static str>,
    /// The attach type of the hook.
    pub attach_type: Option<AttachType>,
    /// What the hook does not see or what it costs.
    pub caveat: Option<&'static str>,
    /// What is missing if the data source is unavailable.
    pub if_unavailable: &'static str,
    /// The hooks that could not be used, each with its reason.
    pub refused: Vec<(&'static str, String)>,
}

/// The hooks of all data sources on this kernel.
#[derive(Clone, Debug, Default)]
pub struct SensorReport {
    /// The data sources, in the order of the table of hooks. The ring backend comes last.
    pub sources: Vec<SourceStatus>,
}

impl SensorReport {
    /// Returns the names of the data sources that are unavailable.
    pub fn unavailable(&self) -> impl Iterator<Item = &'static str> {
        self.sources.iter().filter(|status| status.hook.is_none()).map(|status| status.source.name())
    }

    /// Returns the name of each available data source and the name of its attach type.
    pub fn available(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let available = self.sources.iter().filter_map(|status| Some((status.source, status.attach_type?)));
        available.map(|(source, attach_type)| (source.name(), attach_type.name()))
    }

    /// Returns whether this data source is available.
    pub fn is_available(&self, source: DataSource) -> bool {
        self.sources.iter().any(|status| status.source == source && status.hook.is_some())
    }

    pub(super) fn nothing_is_available(&self) -> bool {
        self.sources.iter().all(|status| status.hook.is_none())
    }

    pub(super) fn reasons(&self) -> Vec<String> {
        let refusals = self.sources.iter().flat_map(|status| &status.refused);
        refusals.map(|(hook, reason)| format!("{hook}: {reason}")).collect()
    }
}
