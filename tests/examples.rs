//! Checks the code snippets in the documents: a snippet that names a file must occur in the file.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A line that separates the parts of a snippet.
const ELLIPSIS: &str = "// …";

/// A snippet of Rust whose first line names a file: `// path/to/file.rs`.
#[derive(Debug, PartialEq, Eq)]
struct Snippet {
    file: String,
    lines: Vec<String>,
}

fn snippets(document: &str) -> Vec<Snippet> {
    let mut found = Vec::new();
    let mut lines = document.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line != "```rust" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some((first, rest)) = block.split_first()
            && let Some(file) = first
                .strip_prefix("// ")
                .filter(|file| Path::new(file).extension().is_some_and(|extension| extension == "rs"))
        {
            let lines = rest.iter().map(|line| (*line).to_owned()).collect();
            found.push(Snippet { file: file.to_owned(), lines });
        }
    }
    found
}

/// Returns whether the source contains all parts of a snippet, in order. Indentation is ignored.
fn is_in(snippet: &Snippet, source: &str) -> bool {
    let source: Vec<&str> = source.lines().map(str::trim).collect();
    let mut rest = &source[..];
    snippet.lines.split(|line| line == ELLIPSIS).all(|part| {
        let position = rest.windows(part.len().max(1)).position(|window| window == part);
        rest = position.map_or(&[][..], |position| &rest[position + part.len()..]);
        position.is_some()
    })
}

fn documents(root: &Path) -> Vec<PathBuf> {
    let directories = [root.to_path_buf(), root.join("docs")];
    let entries = directories.iter().flat_map(|directory| fs::read_dir(directory).into_iter().flatten());
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

#[test]
fn every_snippet_is_in_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for document in documents(&root) {
        let text = fs::read_to_string(&document).expect("a document");
        for snippet in snippets(&text) {
            let source = fs::read_to_string(root.join(&snippet.file)).unwrap_or_default();
            assert!(is_in(&snippet, &source), "{}: {snippet:#?}", document.display());
            count += 1;
        }
    }
    assert!(count > 0, "no document has a snippet");
}

#[test]
fn a_changed_snippet_is_found_out() {
    let document =
        "text\n   ```rust\n   // a/b.rs\n   one();\n   // …\n   three();\n   ```\n```rust\nunnamed();\n```\n";
    let [snippet] = &snippets(document)[..] else { panic!("one snippet names a file") };
    assert_eq!(snippet.file, "a/b.rs");
    assert!(is_in(snippet, "    one();\n    two();\n    three();\n"));
    assert!(!is_in(snippet, "three();\none();\n"), "the order counts");
    assert!(!is_in(snippet, "one();\ntwo();\n"));
    assert!(!is_in(snippet, ""));
}
