//! Where fetched lists are kept: `STATE/intel/LIST/NAME`, or `STATE/intel/LIST/NAME.FILE` for the files of a directory.

use std::path::{Path, PathBuf};

use crate::config::{Config, Intel, SyncList};

/// The directory of the fetched lists of one kind.
pub(super) fn directory(state: &Path, list: SyncList) -> PathBuf {
    state.join("intel").join(list.name())
}

/// The lists of a configuration, including those that are fetched already.
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
