//! Paths of fetched lists: `STATE/intel/LIST/NAME`, or `STATE/intel/LIST/NAME.FILE` for the files of a directory.

use std::path::{Path, PathBuf};

use crate::config::{Config, Intel, SyncList};

/// Returns the directory of the fetched lists of one kind.
pub(super) fn directory(state: &Path, list: SyncList) -> PathBuf {
    state.join("intel").join(list.name())
}

/// Returns the lists of a configuration, including the directories of fetched lists.
pub fn with_synced(config: &Config) -> Intel {
    let mut intel = config.intel.clone();
    if intel.sync.is_empty() {
        return intel;
    }
    for list in SyncList::ALL {
        let directory = directory(&config.state.directory, list);
        let paths = match list {
            SyncList::Pools => &mut intel.pools,
            SyncList::Threats => &mut intel.threats,
            SyncList::Allow => &mut intel.allow,
        };
        if directory.is_dir() {
            paths.push(directory);
        }
    }
    intel
}
