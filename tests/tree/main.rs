//! Checks what documents and tables claim about the source tree.

mod chart;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use minerwatch_tests::{command, executable, require::servers};
use xtask::commands;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member of the workspace").to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// `cargo xtask run` must know whether each command needs root.
#[test]
fn xtask_knows_every_command_of_the_program() {
    let output = Command::new(executable("minerwatch")).arg("--help").output().expect("it starts");
    let help = String::from_utf8(output.stdout).expect("text");
    let (_, list) = help.split_once("\nCommands:\n").expect("a list of commands");
    let listed: BTreeSet<&str> = list
        .lines()
        .take_while(|line| !line.is_empty())
        // The continuation lines of a description are indented further.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let known: BTreeSet<&str> = commands::ALL.iter().map(|command| command.name).collect();
    assert_eq!(known, listed, "xtask/src/commands.rs lists what `minerwatch --help` does");
}

/// Every file that the image copies is in the tree, or the documented commands create it.
#[test]
fn the_documented_image_build_copies_what_it_builds() {
    const BUILD: &str = "cargo xtask build --release";
    const COPY: &str = "cp target/release/minerwatch deploy/";
    let dockerfile = read("deploy/Dockerfile");
    for (file, text) in
        [("deploy/Dockerfile", &dockerfile), ("docs/deployment.md", &read("docs/deployment.md"))]
    {
        let build = text.find(BUILD).unwrap_or_else(|| panic!("{file} does not say `{BUILD}`"));
        assert!(text[build..].contains(COPY), "{file} does not say `{COPY}` after it");
    }
    let copied = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
    let sources: Vec<&str> = copied
        .flat_map(|line| {
            let files: Vec<&str> = line.split_whitespace().filter(|word| !word.starts_with("--")).collect();
            files[..files.len() - 1].to_vec()
        })
        .collect();
    assert!(sources.contains(&"minerwatch"), "{sources:?}");
    for source in sources.into_iter().filter(|source| *source != "minerwatch") {
        assert!(root().join("deploy").join(source).is_file(), "deploy/{source} is not in the tree");
    }
}

/// The packages contain these files, and the same source must give the same packages.
#[test]
fn every_run_writes_the_same_manual_pages_and_completions() {
    let base = std::env::temp_dir().join(format!("minerwatch-pages-{}", std::process::id()));
    let run = |arguments: &[&str]| {
        let output = Command::new(executable("minerwatch")).args(arguments).output().expect("it starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let written = |name: &str| {
        let pages = base.join(name);
        run(&["man", &pages.to_string_lossy()]);
        let pages = fs::read_dir(&pages).expect("pages").map(|page| page.expect("a page").path());
        let mut files: Vec<(String, Vec<u8>)> = pages
            .map(|page| {
                let name = page.file_name().expect("a name").to_string_lossy().into_owned();
                (name, fs::read(&page).expect("a page"))
            })
            .collect();
        files.sort();
        assert!(files.iter().any(|(name, _)| name == "minerwatch.1"));
        files.extend(["bash", "zsh", "fish"].map(|shell| (shell.to_owned(), run(&["completions", shell]))));
        files
    };
    let (first, second) = (written("first"), written("second"));
    fs::remove_dir_all(&base).expect("they are removed");
    assert!(first == second);
}

#[test]
fn the_alert_rules_pass_their_tests() {
    let Some([promtool]) = servers("the_alert_rules_pass_their_tests", ["promtool"]) else { return };
    let path = |file: &str| root().join(file).to_string_lossy().into_owned();
    let promtool = promtool.to_string_lossy();
    command::run(&promtool, &["check", "rules", &path("deploy/prometheus/minerwatch.rules.yaml")]);
    command::run(&promtool, &["test", "rules", &path("tests/prometheus/rules.test.yaml")]);
}

/// The rules without a unit test would be unnoticed.
#[test]
fn every_alert_rule_has_a_test() {
    let rules = read("deploy/prometheus/minerwatch.rules.yaml");
    let tests = read("tests/prometheus/rules.test.yaml");
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} has no test");
    }
}
