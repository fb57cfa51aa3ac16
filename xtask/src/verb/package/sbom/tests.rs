use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};
use xtask::{ebpf, toolchain};

use super::*;
use crate::command;

/// A checksum, in place of that of an executable.
const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// A time, in place of that of the commit: 14 November 2023.
const TIME: u64 = 1_700_000_000;

fn document(portable: Portable) -> Value {
    let build = Build::of(portable).expect("cargo and the compiler answer");
    serde_json::from_str(&build.document(SUM, TIME).expect("a document")).expect("JSON")
}

/// Returns the components by name and version, without what the compiler adds.
fn components(document: &Value) -> BTreeMap<String, Value> {
    let list = document["components"].as_array().expect("components").iter();
    let of_cargo =
        list.filter(|component| !["rust-std", "musl"].map(Value::from).contains(&component["name"]));
    let named = of_cargo.map(|component| {
        let text = |key: &str| component[key].as_str().expect(key);
        (format!("{} v{}", text("name"), text("version")), component.clone())
    });
    let count = named.clone().count();
    let named: BTreeMap<_, _> = named.collect();
    assert_eq!(named.len(), count, "no component is listed twice");
    named
}

/// Asks cargo for a plain list of packages.
fn listed(package: &str, target: &str, kinds: &str) -> BTreeSet<String> {
    let arguments = ["tree", "--locked", "--quiet", "--prefix", "none", "--format", "{p}", "--edges", kinds];
    let mut cargo = command::cargo(arguments);
    let list = command::output(cargo.args(["--package", package, "--target", target])).expect("a list");
    let words = list.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    words.filter(|package| !package.is_empty()).collect()
}

/// The schemas of CycloneDX: of the document, of the licences of SPDX and of signatures. The README beside the file says
/// where they are from.
fn schemas() -> [Value; 3] {
    serde_json::from_str(include_str!("schema/cyclonedx-1.6.json")).expect("three schemas")
}

fn validator() -> Validator {
    let [document, others @ ..] = schemas();
    let mut registry = Registry::new();
    for other in others {
        let id = other["$id"].as_str().expect("an id").to_owned();
        registry = registry.add(id, other).expect("a schema");
    }
    let registry = registry.prepare().expect("complete schemas");
    let options = jsonschema::options().with_registry(&registry).should_validate_formats(true);
    options.build(&document).expect("a valid schema")
}

#[test]
fn the_document_is_valid() {
    let validator = validator();
    let mut document = document(Portable::X86_64);
    let errors = validator.iter_errors(&document);
    let errors: Vec<String> = errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    document["components"][0]["hashes"] = json!([{ "alg": "SHA-256", "content": "00ff" }]);
    assert!(!validator.is_valid(&document), "a checksum that is too short is noticed");
}

#[test]
fn every_package_of_the_build_is_listed_and_none_of_the_tests() {
    for portable in [Portable::X86_64, Portable::Aarch64] {
        let document = document(portable);
        let components = components(&document);
        let mut expected = listed("minerwatch", portable.target(), "normal,build");
        expected.extend(listed(ebpf::PACKAGE, toolchain::TARGET, "normal,build"));
        let program = &document["metadata"]["component"];
        assert_eq!(program["name"], "minerwatch");
        assert_eq!(program["hashes"], json!([{ "alg": "SHA-256", "content": SUM }]));
        assert!(expected.remove(&format!("minerwatch v{}", env!("CARGO_PKG_VERSION"))));
        assert_eq!(components.keys().cloned().collect::<BTreeSet<_>>(), expected, "{portable:?}");

        let with_tests = listed("minerwatch", portable.target(), "normal,build,dev");
        let of_tests: Vec<_> =
            with_tests.iter().filter(|package| package.starts_with("jsonschema v")).collect();
        assert_eq!(of_tests.len(), 1, "the tests need a package that the program does not need");
        assert!(!components.contains_key(of_tests[0]), "{portable:?}");
    }
}

#[test]
fn what_only_runs_while_compiling_is_marked() {
    let document = document(Portable::X86_64);
    let components = components(&document);
    let scope = |name: &str| {
        let found = components.values().find(|component| component["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))["scope"].as_str()
    };
    // The last ones are in the eBPF programs, which the executable contains as data.
    for name in ["aya", "serde", "ring", "minerwatch-common", ebpf::PACKAGE, "aya-ebpf"] {
        assert_eq!(scope(name), Some("required"), "{name}");
    }
    for name in ["xtask", "serde_derive", "proc-macro2", "cc", "aya-ebpf-macros"] {
        assert_eq!(scope(name), Some("excluded"), "{name}");
    }
    let linked = listed("minerwatch", Portable::X86_64.target(), "normal,no-proc-macro");
    for (name, component) in &components {
        assert!(!linked.contains(name) || component["scope"] == "required", "{name}");
    }
}

#[test]
fn every_component_has_a_licence_and_those_of_the_registry_a_checksum() {
    let [_, spdx, _] = schemas();
    let known: BTreeSet<&str> = spdx["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for (name, component) in components(&document(Portable::X86_64)) {
        let expression = component["licenses"][0]["expression"].as_str().unwrap_or_else(|| panic!("{name}"));
        let words =
            expression.split([' ', '(', ')']).filter(|word| !["", "AND", "OR", "WITH"].contains(word));
        for word in words {
            assert!(known.contains(word), "{name}: {word} is no licence of SPDX");
        }
        let purl = component["purl"].as_str().expect("a package URL");
        let is_published = purl.starts_with("pkg:cargo/");
        assert_eq!(component["hashes"][0]["content"].is_string(), is_published, "{name}");
        assert_eq!(is_published, !name.starts_with("minerwatch") && !name.starts_with("xtask"), "{name}");
    }
}

#[test]
fn the_graph_connects_every_component_with_the_program() {
    let document = document(Portable::Aarch64);
    let edges: BTreeMap<&str, Vec<&str>> = document["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let needed = entry["dependsOn"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            (entry["ref"].as_str().unwrap(), needed)
        })
        .collect();
    let mut reached = BTreeSet::new();
    let mut open = vec![document["metadata"]["component"]["bom-ref"].as_str().unwrap()];
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(&edges[next]);
        }
    }
    let listed =
        document["components"].as_array().unwrap().iter().chain([&document["metadata"]["component"]]);
    let listed: BTreeSet<&str> = listed.map(|component| component["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(reached, listed);
    assert_eq!(edges.len(), listed.len());
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let build = Build::of(Portable::X86_64).unwrap();
    let first = build.document(SUM, TIME).unwrap();
    assert!(first == Build::of(Portable::X86_64).unwrap().document(SUM, TIME).unwrap());
    let document: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(document["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    for other in [build.document(&SUM.replace("ef", "fe"), TIME), build.document(SUM, TIME + 1)] {
        let other: Value = serde_json::from_str(&other.unwrap()).unwrap();
        assert_ne!(other["serialNumber"], document["serialNumber"]);
    }
}

#[test]
fn checksums_are_those_of_sha256() {
    // Two of NIST's test vectors.
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assert_eq!(sha256(b"").unwrap(), empty);
    assert_eq!(sha256("a".repeat(1_000_000).as_bytes()).unwrap(), million);
}
