//! Lists of indicators: names, addresses and hashes, each with its list. This module opens no files; the caller passes
//! the contents.

mod builder;
mod import_report;
mod importer;
mod index;
mod indicator;
mod json;
mod lines;
mod lists;
mod record;
mod refang;
mod source;
mod stix;

pub use builder::Builder;
pub use import_report::{Form, ImportLocation, ImportReport, Kinds, Problem};
pub use indicator::{Indicator, Refusal};
pub use lists::{Answer, Entry, Indicators, List, ListKind, Listed};
pub use source::read_list;

/// Points for a match, unless the list has its own weight.
pub const DEFAULT_WEIGHT: u8 = 60;

/// The name of the built-in list of pools.
pub const BUILT_IN: &str = "built-in pools";

/// Adds the built-in list of pools.
pub fn add_built_in(builder: &mut Builder) {
    let list = List {
        name: BUILT_IN.to_owned(),
        source: BUILT_IN.to_owned(),
        kind: ListKind::Mining,
        weight: DEFAULT_WEIGHT,
    };
    if builder.list(list) {
        read_list("pools.txt", include_bytes!("intel/pools.txt").as_slice(), 0, builder);
    }
}

/// Builds a table with only the built-in list of pools.
pub fn built_in() -> Indicators {
    let mut builder = Builder::new(1_024);
    add_built_in(&mut builder);
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_is_sound() {
        let mut builder = Builder::new(1_024);
        assert!(builder.list(List {
            name: String::new(),
            source: String::new(),
            kind: ListKind::Mining,
            weight: 1
        }));
        let report = read_list("", include_bytes!("intel/pools.txt").as_slice(), 0, &mut builder);
        assert!(report.skipped.is_empty() && report.broken.is_none(), "{report:?}");
        let pools = built_in();
        assert!(pools.len() >= 30);
        let listed = pools.domain("xmr-eu1.nanopool.org").expect("a pool");
        assert_eq!((listed.list.kind, listed.entry.to_string().as_str()), (ListKind::Mining, "nanopool.org"));
        assert!(
            pools.domain("xmrig.com").is_none(),
            "its website is not a pool, but its donation servers are"
        );
        assert!(pools.domain("donate.v2.xmrig.com").is_some());
    }
}
