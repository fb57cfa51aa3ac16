//! Checks that the table of signals in docs/detection.md matches the catalogue. With `MINERWATCH_BLESS=1`, the test
//! rewrites the table instead.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    detect::{SignalInfo, catalogue},
    model::SignalClass,
};

const BEGIN: &str =
    "<!-- signals: made from the catalogue, run the tests with MINERWATCH_BLESS=1 to renew -->\n";
const END: &str = "<!-- end of signals -->";

/// Returns the root directory of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository").to_owned()
}

/// Collects every source file below a directory, with its text.
fn sources(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a text");
            found.push((path, text));
        }
    }
}

/// Returns the file that declares a signal, relative to src/detect.
fn file_of(sources: &[(PathBuf, String)], id: &str) -> String {
    let declaration = format!("    id: \"{id}\",\n");
    let mut declares = sources.iter().filter(|(_, text)| text.contains(&declaration)).map(|(path, _)| path);
    let path = declares.next().unwrap_or_else(|| panic!("no file declares {id}"));
    assert_eq!(declares.next(), None, "two files declare {id}");
    let detect = root().join("minerwatch/src/detect");
    path.strip_prefix(detect).expect("a source of a detector").display().to_string()
}

fn class(class: SignalClass) -> &'static str {
    match class {
        SignalClass::Network => "network",
        SignalClass::Compute => "compute",
        SignalClass::Behavior => "behavior",
    }
}

fn table() -> String {
    let mut sources_found = Vec::new();
    sources(&root().join("minerwatch/src/detect"), &mut sources_found);
    let mut table = String::from(
        "| id | class | signal | what it catches that names and ports do not | points | MITRE ATT&CK | file |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for info in catalogue() {
        let SignalInfo { id, class: of, weight, full_weight, name, catches, techniques, .. } = info;
        let points =
            if weight == full_weight { weight.to_string() } else { format!("{weight} / {full_weight}") };
        let file = file_of(&sources_found, id);
        let _ = writeln!(
            table,
            "| {id} | {} | {name} | {catches} | {points} | {} | [`{file}`](../minerwatch/src/detect/{file}) |",
            class(*of),
            techniques.join(", "),
        );
    }
    table
}

#[test]
fn the_table_of_signals_is_the_catalogue() {
    let page = root().join("docs/detection.md");
    let text = fs::read_to_string(&page).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("the table begins");
    let (written, after) = rest.split_once(END).expect("the table ends");
    let table = table();
    if env::var_os("MINERWATCH_BLESS").is_some() {
        fs::write(&page, format!("{before}{BEGIN}{table}{END}{after}")).expect("the page is written");
    } else {
        assert_eq!(written, table, "docs/detection.md is behind: run this test with MINERWATCH_BLESS=1");
    }
}
