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
        assert!(pools.len() >= 300);
        let listed = pools.domain("xmr-eu1.nanopool.org").expect("a pool");
        assert_eq!((listed.list.kind, listed.entry.to_string().as_str()), (ListKind::Mining, "nanopool.org"));
        assert!(
            pools.domain("xmrig.com").is_none(),
            "its website is not a pool, but its donation servers are"
        );
        assert!(pools.domain("donate.v2.xmrig.com").is_some());
        for shared in ["emcd.io", "api.luxor.tech", "www.binance.com", "btc.com", "www.bitcoin.com"] {
            assert!(pools.domain(shared).is_none(), "{shared} has other services than the pool");
        }
    }

    #[test]
    fn every_name_of_the_built_in_list_has_a_source() {
        let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in include_str!("intel/pools.txt").lines() {
            if let Some(head) = line.strip_prefix("# Source: ") {
                sections.push((head, Vec::new()));
            } else if !line.is_empty() && !line.starts_with('#') {
                let (_, names) = sections.last_mut().expect("a name stands in a section");
                names.push(line.split_whitespace().next().expect("a name"));
            }
        }
        for (head, names) in &sections {
            let fields: Vec<&str> = head.split("; ").collect();
            let [source, licence, date] = fields.as_slice() else { panic!("three fields: {head}") };
            assert!(source.contains('/') || source.starts_with("this project"), "a repository: {source}");
            assert!(licence.strip_prefix("licence: ").is_some_and(|licence| !licence.is_empty()), "{head}");
            let date = date.strip_prefix("date: ").expect("a date");
            assert!(date.split('-').map(str::len).eq([4, 2, 2]), "{head}");
            assert!(date.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()), "{head}");
            assert!(!names.is_empty() && names.is_sorted(), "{head}");
        }
        let names: Vec<&str> = sections.into_iter().flat_map(|(_, names)| names).collect();
        let mut seen = std::collections::HashSet::new();
        for name in &names {
            assert_eq!(Indicator::parse(name), Ok(Indicator::Domain((*name).to_owned())));
            assert!(seen.insert(*name), "{name} stands twice");
        }
        for name in &names {
            let mut rest = *name;
            while let Some((_, parent)) = rest.split_once('.') {
                assert!(!seen.contains(parent), "{name} is covered by {parent}");
                rest = parent;
            }
        }
        assert_eq!(built_in().len(), names.len());
    }
}
