//! The documentation of all keys, generated from their declarations: the page `docs/configuration.md` and the example
//! `deploy/minerwatch.toml`.

mod example;
mod page;

use super::Config;
use crate::schema::{KeyText, Section as _, SectionText, Shape};

pub use example::example;
pub use page::page;

/// A section with its full path.
struct Entry {
    /// The full path, such as `sink.file`.
    path: String,
    /// Whether the section may be given several times.
    repeated: bool,
    /// The documentation of the section.
    meaning: String,
    /// The keys of the section, without those of sections below it.
    keys: Vec<KeyText>,
}

impl Entry {
    /// Returns the header of the section: `[sink.stdout]` or `[[sink.file]]`.
    fn header(&self) -> String {
        if self.repeated { format!("[[{}]]", self.path) } else { format!("[{}]", self.path) }
    }
}

/// Returns every section that has keys of its own. A section comes before the sections below it.
fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    collect("", &Config::text(), &mut entries);
    entries
}

fn collect(above: &str, section: &SectionText, entries: &mut Vec<Entry>) {
    for key in &section.keys {
        let (repeated, below) = match &key.shape {
            Shape::Value { .. } => continue,
            Shape::Table(below) => (false, below),
            Shape::Tables(below) => (true, below),
        };
        let path = if above.is_empty() { key.name.to_owned() } else { format!("{above}.{}", key.name) };
        let keys: Vec<KeyText> =
            below.keys.iter().filter(|key| matches!(key.shape, Shape::Value { .. })).cloned().collect();
        if !keys.is_empty() {
            entries.push(Entry { path: path.clone(), repeated, meaning: key.meaning.clone(), keys });
        }
        collect(&path, below, entries);
    }
}
