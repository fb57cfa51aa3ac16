//! The output `[[sink.file]]`: appends lines to a file that is rotated by size.

mod rotated;

use std::path::PathBuf;

use self::rotated::{RotatedFile, Rotation};
use super::{
    Filter, Needs, Output, OutputSettings,
    buffered::{BACKLOG, Buffered},
};
use crate::{
    model::KindSet,
    schema::{absolute_path, between, event_kinds, section, switch},
};

section! {
    /// Keys of `[[sink.file]]`.
    pub struct FileSettings {
        required {
            /// Path of the file. Each file output needs its own file. The file is created with mode 0600.
            pub path: PathBuf, absolute_path();
        }
        /// Whether alerts are written to the file.
        pub alerts: bool = true, switch();
        /// Which events are written to the file.
        pub events: KindSet = KindSet::NONE, event_kinds();
        /// Size at which the file is rotated, in MiB.
        pub max_size_mib: u64 = 100, between(1, 1_048_576);
        /// Number of rotated files to keep, from `NAME.1` (the latest) to `NAME.N`.
        pub keep: u64 = 5, between(0, 1_000);
    }
}

impl OutputSettings for FileSettings {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn naming_key(&self) -> Option<&'static str> {
        Some("path")
    }

    fn filter(&self) -> Filter {
        Filter { events: self.events, alerts: self.alerts }
    }

    fn needs(&self) -> Needs {
        Needs { writes: vec![("path", self.path.clone())], ..Needs::default() }
    }

    fn open(&self) -> anyhow::Result<Box<dyn Output>> {
        let file = RotatedFile::open(Rotation {
            path: self.path.clone(),
            max_bytes: self.max_size_mib << 20,
            keep: u32::try_from(self.keep).unwrap_or(u32::MAX),
        })?;
        Ok(Box::new(Buffered::new(file, BACKLOG)))
    }
}
