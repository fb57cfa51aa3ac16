//! The tables in docs/prices.md.

use std::fs;

use anyhow::{Context, Result};
use xtask::workspace;

/// The document, relative to the workspace root.
const DOCUMENT: &str = "docs/prices.md";
/// The beginnings of the lines between which the tables are.
const MARKS: [&str; 2] =
    ["<!-- bench: cargo xtask bench --all --bless writes from here", "<!-- bench: to here"];

/// Replaces the tables in the document.
pub fn write(tables: &str) -> Result<()> {
    let path = workspace::root().join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let text =
        replaced(&text, tables).with_context(|| format!("{DOCUMENT} lacks the marks for the tables"))?;
    fs::write(&path, text).with_context(|| format!("cannot write {DOCUMENT}"))
}

/// Returns the text with other tables; `None` if it has no marks.
fn replaced(text: &str, tables: &str) -> Option<String> {
    let from = text.find(MARKS[0])?;
    let from = from + text[from..].find('\n')? + 1;
    let to = from + text[from..].find(MARKS[1])?;
    Some(format!("{}\n{tables}\n{}", &text[..from], &text[to..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{} -->\nold\n{} -->\nafter\n", MARKS[0], MARKS[1]);
        let new = replaced(&text, "| new |\n").unwrap();
        assert_eq!(new, format!("before\n{} -->\n\n| new |\n\n{} -->\nafter\n", MARKS[0], MARKS[1]));
        // A second time changes nothing.
        assert_eq!(replaced(&new, "| new |\n").unwrap(), new);
        assert_eq!(replaced("no marks", ""), None);
    }

    #[test]
    fn the_document_has_the_marks() {
        let text = fs::read_to_string(workspace::root().join(DOCUMENT)).unwrap();
        assert!(replaced(&text, "").is_some());
    }
}
