//! The output `[[sink.file]]`: appends lines to a file that is rotated by size.

mod rotated;

use std::path::{Path, PathBuf};

use self::rotated::{RotatedFile, Rotation};
use super::{Filter, FilterKeys, Needs, Output, OutputSettings, local::Local};
use crate::schema::{absolute_path, between, section};

section! {
    /// Keys of `[[sink.file]]`.
    pub struct FileSettings {
        include {
            pub filter: FilterKeys;
        }
        required {
            /// Path of the file. Each file output needs its own file. The file is created with mode 0600.
            pub path: PathBuf, absolute_path();
        }
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
        self.filter.filter(false)
    }

    fn needs(&self) -> Needs {
        Needs { writes: vec![("path", self.path.clone())], ..Needs::default() }
    }

    fn open(&self, _: &Path) -> anyhow::Result<Box<dyn Output>> {
        let file = RotatedFile::open(Rotation {
            path: self.path.clone(),
            max_bytes: self.max_size_mib << 20,
            keep: u32::try_from(self.keep).unwrap_or(u32::MAX),
        })?;
        Ok(Box::new(Local::new(file)))
    }
}
