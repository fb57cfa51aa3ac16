//! The table of hooks: for each data source the hooks that can serve it, best first. Each family of data sources has
//! its own file.

mod compute;
mod fields;
mod file;
mod network;
mod process;
mod row;

pub use self::row::{Hook, HookProgram, Row};

/// Returns the rows of all families.
pub fn table() -> impl Iterator<Item = &'static Row> {
    [process::ROWS, network::ROWS, file::ROWS, compute::ROWS].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use minerwatch_common::KernelLayout;

    use super::*;
    use crate::model::{AttachType, DataSource};

    #[test]
    fn every_required_field_is_in_the_layout() {
        let known: HashSet<&str> =
            KernelLayout::resolve(None, |_| None).absent().map(|field| field.name).collect();
        for hook in table().flat_map(|row| row.hooks) {
            for field in hook.fields.iter().copied().flatten() {
                assert!(known.contains(field), "{}: {field}", hook.name);
            }
        }
    }

    #[test]
    fn the_programs_of_a_hook_have_one_attach_type() {
        for hook in table().flat_map(|row| row.hooks) {
            let types: HashSet<AttachType> =
                hook.programs.iter().map(|program| program.kind.attach_type()).collect();
            assert_eq!(types.len(), 1, "{}", hook.name);
        }
    }

    #[test]
    fn every_data_source_has_one_row() {
        let sources: Vec<DataSource> = table().map(|row| row.source).collect();
        let all = DataSource::ALL.into_iter().filter(|source| *source != DataSource::RingBackend);
        assert_eq!(sources, all.collect::<Vec<_>>());
    }
}
