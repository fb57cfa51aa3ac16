//! What is accepted, what is refused and how, and that the page tells the truth.

use std::collections::BTreeMap;

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("m.toml")).map_err(|error| error.to_string())
}

#[test]
fn nothing_is_the_default() {
    assert_eq!(parse(""), Ok(Config::default()));
    assert_eq!(parse("[sink]\n[events]\n"), Ok(Config::default()));
}

#[test]
fn a_file_sink_needs_only_its_path() {
    let config = parse("[[sink.file]]\npath = '/a'\n[[sink.file]]\npath = '/b'\nevents = ['exec', 'cpu']")
        .expect("allowed");
    let [first, second] = config.sink.file.as_slice() else { panic!("two sinks") };
    assert_eq!(*first, FileSink::new("/a".into()));
    assert_eq!(second.events.to_string(), "exec, cpu");
}

#[test]
fn lists_to_fetch() {
    let config =
        parse("[[intel.sync]]\nname = 'feed-1'\nfrom = 'https://lists.example/a.txt'\nlist = 'pools'\n");
    let url = SyncSource::Url("https://lists.example/a.txt".to_owned());
    assert_eq!(
        config.expect("allowed").intel.sync,
        [ListSync::new("feed-1".to_owned(), url, SyncList::Pools)]
    );
    for (text, part) in [
        ("name = '../a'\nfrom = '/a'\nlist = 'pools'", "m.toml:2: intel.sync.name: `../a` is no name"),
        (
            "name = 'a'\nfrom = 'ftp://a/b'\nlist = 'pools'",
            "m.toml:3: intel.sync.from: `ftp://a/b` is neither a URL",
        ),
        ("name = 'a'\nfrom = '/a'\nlist = 'foes'", "m.toml:4: intel.sync.list: unknown variant `foes`"),
        ("name = 'a'\nfrom = '/a'", "missing field `list`"),
        ("name = 'a'\nfrom = '/a'\nlist = 'allow'\nevery_minutes = 1", "1 is not between 5 and 10080"),
        (
            "name = 'a'\nfrom = '/a'\nlist = 'allow'\n[[intel.sync]]\nname = 'a'\nfrom = '/b'\nlist = 'allow'",
            "m.toml:6: intel.sync.name: two lists are called a",
        ),
        (
            "name = 'a'\nfrom = 'http://a.example/b'\nlist = 'pools'\nheaders_file = '/key'",
            "m.toml:5: intel.sync.headers_file: an API key is sent over https only",
        ),
        (
            "name = 'a'\nfrom = 'http://a.example/b'\nlist = 'allow'",
            "m.toml:3: intel.sync.from: over http anybody on the way could allow himself",
        ),
    ] {
        let message = parse(&format!("[[intel.sync]]\n{text}")).expect_err(text);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_is_wrong_is_named_with_line_and_key() {
    let cases = [
        (
            "[sink.stdout]\nevent = 'all'",
            "m.toml:2: sink.stdout.event: there is no such key; did you mean `events`? known in \
             [sink.stdout]: alerts, events",
        ),
        (
            "[snik]\n",
            "m.toml:1: snik: there is no such key; did you mean `sink`? known here: events, hash, detection, \
             intel, sink, state, control, limits, log",
        ),
        (
            "[[sink.file]]\npath = '/a'\nsize = 3",
            "m.toml:3: sink.file.size: there is no such key; known in [sink.file]: path, alerts, events, \
             max_size_mib, keep",
        ),
        ("[hash]\n\nrate_mib = 0", "m.toml:3: hash.rate_mib: 0 is not between 1 and 4096"),
        ("[hash]\nrate_mib = -1", "m.toml:2: hash.rate_mib: -1 is not between 1 and 4096"),
        (
            "[limits]\nmax_processes = 'many'",
            "m.toml:2: limits.max_processes: invalid type: string \"many\", expected i64",
        ),
        (
            "[sink.stdout]\nevents = ['exec', 'exce']",
            "m.toml:2: sink.stdout.events: no event is of kind `exce`; the kinds are fork, exec, exit, \
             connect, close, file, cpu, rounding, memory, snapshot, hash, payload, flow, dns, tls",
        ),
        (
            "[detection]\nmin_verdict = 'sure'",
            "m.toml:2: detection.min_verdict: unknown variant `sure`, expected one of `noted`, `suspected`, \
             `mining`",
        ),
        (
            "[intel]\nhome_countries = ['DE', 'at']",
            "m.toml:2: intel.home_countries: `at` is no country: two capital letters, as in `DE`",
        ),
        ("[state]\ndirectory = 'here'", "m.toml:2: state.directory: `here` is not an absolute path"),
        (
            "[[sink.file]]\npath = '/a'\n[[sink.file]]\npath = '/a'",
            "m.toml:4: sink.file.path: two file sinks write /a; give each its own",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    for text in ["[sink.stdout]\nevents = \n", "[hash]\nrate_mib = 1\nrate_mib = 2", "\n[[sink.file]", "\0"] {
        let message = parse(text).expect_err("not TOML");
        let line = message.strip_prefix("m.toml:").and_then(|rest| rest.split(':').next());
        assert!(line.is_some_and(|line| line.parse::<usize>().is_ok()), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
    assert!(parse("[[sink.file]]\nkeep = 1\n").expect_err("no path").contains("missing field `path`"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("minerwatch.toml");
    let message = |path: &Path| Config::load(path).expect_err("unreadable").to_string();
    assert_eq!(message(&path), format!("{}: no such file", path.display()));
    assert!(message(directory.path()).contains("is a directory"));
    std::fs::write(&path, b"\xff\xfe").expect("write");
    assert_eq!(message(&path), format!("{}: is not UTF-8 text", path.display()));
    std::fs::write(&path, "# ".repeat(1 << 20)).expect("write");
    assert!(message(&path).contains("larger than 1 MiB"));
    std::fs::write(&path, "[log]\nlevel = 'debug'\n").expect("write");
    assert_eq!(Config::load(&path).expect("fine").log.level, LogLevel::Debug);
}

#[test]
fn a_reload_says_what_waits_for_a_restart() {
    let old = Config::default();
    let quiet = parse("[sink.stdout]\nalerts = false\n[log]\nlevel = 'warn'").expect("allowed");
    assert_eq!(old.needs_restart(&quiet), [""; 0]);
    let other = parse("[limits]\nmax_incidents = 99\n[hash]\nenabled = false").expect("allowed");
    assert_eq!(old.needs_restart(&other), ["hash", "limits"]);
}

/// Every key of the types, with its default as TOML.
fn keys_of_types() -> BTreeMap<String, String> {
    fn flatten(path: &str, value: &toml::Value, keys: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (name, value) in table {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    flatten(&path, value, keys);
                }
            }
            toml::Value::Array(items) if reference::TABLES.contains(&path) => {
                for item in items {
                    flatten(path, item, keys);
                }
            }
            value => {
                keys.insert(path.to_owned(), value.to_string());
            }
        }
    }
    let mut config = Config::default();
    config.sink.file.push(FileSink::new("/example".into()));
    let from = SyncSource::Path("/example".into());
    config.intel.sync.push(ListSync::new("example".to_owned(), from, SyncList::Allow));
    let value = toml::Value::try_from(config).expect("a configuration is plain data");
    let mut keys = BTreeMap::new();
    flatten("", &value, &mut keys);
    keys
}

#[test]
fn the_reference_has_every_key_and_its_default() {
    let mut expected = keys_of_types();
    // Without a default.
    for key in ["sink.file.path", "intel.sync.name", "intel.sync.from", "intel.sync.list"] {
        assert!(expected.insert(key.to_owned(), String::new()).is_some(), "{key}");
    }
    for key in ["intel.sync.ca_file", "intel.sync.headers_file"] {
        expected.insert(key.to_owned(), String::new());
    }
    let reference: BTreeMap<String, String> =
        reference::KEYS.iter().map(|key| (key.path.to_owned(), key.default.to_owned())).collect();
    assert_eq!(reference, expected);
}

#[test]
fn the_page_is_made_from_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = reference::page();
    if std::env::var_os("MINERWATCH_BLESS").is_some() {
        std::fs::write(&path, &page).expect("write");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "run this test with MINERWATCH_BLESS=1 to write {}", path.display());
}

#[test]
fn the_example_is_a_configuration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/minerwatch.toml");
    let example = Config::load(&path).expect("it is what people start from");
    assert_ne!(example, Config::default(), "an example shows something");
}

/// A file of `deploy/`.
fn deployed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_manifest_carries_a_configuration() {
    let manifest = deployed("daemonset.yaml");
    let (_, block) = manifest.split_once("  minerwatch.toml: |\n").expect("a ConfigMap");
    let text: String = block
        .lines()
        .take_while(|line| line.starts_with("    "))
        .fold(String::new(), |text, line| text + line.trim_start() + "\n");
    assert!(text.contains("[sink.stdout]"));
    assert_eq!(parse(&text), Ok(Config::default()));
}

#[test]
fn service_and_pod_ask_for_the_same_capabilities() {
    let unit = deployed("minerwatch.service");
    let manifest = deployed("daemonset.yaml");
    let set = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).expect("a set");
    let of_unit: Vec<&str> =
        set.split(' ').map(|name| name.strip_prefix("CAP_").expect("a capability")).collect();
    let (_, list) = manifest.split_once("add: [").expect("a list");
    let (list, _) = list.split_once(']').expect("a list");
    let of_pod: Vec<&str> = list.split(", ").map(|name| name.trim_matches('"')).collect();
    assert_eq!(of_unit, of_pod);
}
