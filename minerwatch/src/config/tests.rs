//! Tests of what is accepted, what is refused and with which message, and whether the generated files are up to date.

use super::*;
use crate::output::FileSettings;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("m.toml")).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse(""), Ok(Config::default()));
    assert_eq!(parse("[sink]\n[events]\n"), Ok(Config::default()));
}

#[test]
fn a_file_output_needs_only_its_path() {
    let config = parse("[[sink.file]]\npath = '/a'\n[[sink.file]]\npath = '/b'\nevents = ['exec', 'cpu']")
        .expect("allowed");
    let [first, second] = config.sink.file.as_slice() else { panic!("two outputs") };
    assert_eq!(*first, FileSettings::new("/a".into()));
    assert_eq!(second.filter.events.to_string(), "exec, cpu");
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
        ("name = '../a'\nfrom = '/a'\nlist = 'pools'", "m.toml:2: intel.sync.name: `../a` is not a name"),
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
            "m.toml:3: intel.sync.from: over http anybody on the way could add entries",
        ),
    ] {
        let message = parse(&format!("[[intel.sync]]\n{text}")).expect_err(text);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn fields_of_the_user() {
    let text = "[fields]\ntags = ['prod', 'größe']\nlabels.team = 'x'\nlabels.cost-centre = '42'\ncloud.provider = 'aws'\n\
                cloud.account.id = '123'\n[fields.cloud.instance]\nid = 'i-1'";
    let fields = parse(text).expect("allowed").fields.extra();
    assert_eq!(fields.tags, ["prod", "größe"]);
    let labels: Vec<(&str, &str)> = fields.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(labels, [("cost-centre", "42"), ("team", "x")]);
    let cloud = fields.cloud;
    assert_eq!(
        [cloud.provider, cloud.account_id, cloud.instance_id, cloud.region],
        [Some("aws".to_owned()), Some("123".to_owned()), Some("i-1".to_owned()), None]
    );
    let labels = "[fields.labels]\nteam = 'x'";
    assert_eq!(parse(labels).expect("allowed").fields.labels.len(), 1);
}

#[test]
fn bad_fields_are_refused_with_line_and_key() {
    let long = format!("tags = ['{}']", "x".repeat(65));
    let many = format!("tags = [{}]", "'0123456789', ".repeat(50));
    let quotes = format!("labels.a = '{}'\nlabels.b = 'x'", "\"".repeat(64));
    let wide: Vec<String> = (0..9).map(|index| format!("labels.l{index} = '{}'\n", "x".repeat(60))).collect();
    let wide = wide.concat();
    for (text, message) in [
        ("tags = ['']", "m.toml:2: fields.tags: a value is empty; remove it"),
        ("tags = 'prod'", "m.toml:2: fields.tags: invalid type: string \"prod\", expected a sequence"),
        (&long, "has 65 bytes; at most 64 are allowed"),
        (&many, "m.toml:2: fields.tags: all tags have 650 bytes together; at most 512 are allowed"),
        (&wide, "all labels have 612 bytes together; at most 512 are allowed"),
        ("\nlabels.team = 3", "m.toml:3: fields.labels.team: invalid type: integer `3`, expected a string"),
        ("labels.team = ''", "fields.labels.team: label `team`: a value is empty"),
        ("labels.'a.b' = 'x'", "`a.b` is not a name of a label"),
        ("labels.a.b = 'x'", "m.toml:2: fields.labels.a.b: invalid type: map, expected a string"),
        ("tags = [\"a\\u0007\"]", "m.toml:2: fields.tags: \"a\\u{7}\" contains a control character"),
        ("cloud.zone = 'x'", "m.toml:2: fields.cloud.zone: there is no such key; "),
        ("cloud.region = 3", "m.toml:2: fields.cloud.region: invalid type: integer `3`, expected a string"),
        (
            "cloud.account = '1'",
            "m.toml:2: fields.cloud.account: invalid type: string \"1\", expected a section of keys",
        ),
    ] {
        let error = parse(&format!("[fields]\n{text}")).expect_err(text);
        assert!(error.contains(message), "{text}: {error}");
    }
    assert!(parse(&format!("[fields]\n{quotes}")).is_ok(), "a quote counts twice, and these fit");
}

#[test]
fn the_size_of_alerts_and_the_key_of_accounts() {
    assert_eq!(
        parse("[limits]\nmax_alert_bytes = 4096").map(|config| config.limits.max_alert_bytes),
        Ok(4_096)
    );
    for (text, message) in [
        (
            "[limits]\nmax_alert_bytes = 4095",
            "m.toml:2: limits.max_alert_bytes: 4095 is not between 4096 and 1048576",
        ),
        (
            "[detection]\naccount_key = ''",
            "m.toml:2: detection.account_key: the key has 0 bytes, not 1 to 256",
        ),
        (
            "[detection]\naccount_key = 'secret'\naccount_key_file = '/key'",
            "m.toml:3: detection.account_key_file: account_key has a key already; give one of the two",
        ),
        (
            "[detection]\naccount_key_file = 'key'",
            "detection.account_key_file: `key` is not an absolute path",
        ),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.contains(message), "{text}: {error}");
    }
    let tags =
        format!("[limits]\nmax_alert_bytes = 4096\n[fields]\ntags = [{}]", "'0123456789', ".repeat(39));
    let only_tags = parse(&tags).map(|config| config.fields.json_length());
    assert_eq!(only_tags, Ok(507));
    assert_eq!(
        parse(&format!("{tags}\nlabels.team = 'x'")),
        Err("m.toml:2: limits.max_alert_bytes: 4096 is too low for [fields], which has 518 bytes; set at least 4144".to_owned())
    );
    assert_eq!(Config::default().limits.max_alert_bytes, crate::ecs::MAX_ALERT_BYTES as u64);
}

#[test]
fn an_error_names_line_and_key() {
    let cases = [
        (
            "[sink.stdout]\nevent = 'all'",
            "m.toml:2: sink.stdout.event: there is no such key; did you mean `events`? known in \
             [sink.stdout]: alerts, min_verdict, events, incident_events, agent_events",
        ),
        (
            "[snik]\n",
            "m.toml:1: snik: there is no such key; did you mean `sink`? known here: events, hash, containers, detection, \
             intel, sink, fields, redact, state, control, response, metrics, limits, log, config",
        ),
        (
            "[[sink.file]]\npath = '/a'\nsize = 3",
            "m.toml:3: sink.file.size: there is no such key; known in [sink.file]: path, max_size_mib, keep, \
             alerts, min_verdict, events, incident_events, agent_events",
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
             connect, close, file, cpu, rounding, memory, snapshot, hash, payload, flow, dns, tls, signal, privileged",
        ),
        (
            "[detection]\nmin_verdict = 'sure'",
            "m.toml:2: detection.min_verdict: unknown variant `sure`, expected one of `noted`, `suspected`, \
             `mining`",
        ),
        (
            "[intel]\nhome_countries = ['DE', 'at']",
            "m.toml:2: intel.home_countries: `at` is not a country: two capital letters, as in `DE`",
        ),
        ("[state]\ndirectory = 'here'", "m.toml:2: state.directory: `here` is not an absolute path"),
        (
            "[[sink.file]]\npath = '/a'\n[[sink.file]]\npath = '/a'",
            "m.toml:4: sink.file.path: two outputs write to /a; give each its own",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn a_syntax_error_names_its_line() {
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
fn a_reload_reports_what_needs_a_restart() {
    let old = Config::default();
    let quiet = parse("[sink.stdout]\nalerts = false\n[log]\nlevel = 'warn'").expect("allowed");
    assert_eq!(old.needs_restart(&quiet), [""; 0]);
    let other = parse("[limits]\nmax_incidents = 99\n[hash]\nenabled = false\n[fields]\ntags = ['x']")
        .expect("allowed");
    assert_eq!(old.needs_restart(&other), ["hash", "fields", "limits"]);
}

#[test]
fn the_hash_follows_the_settings_and_not_the_text() {
    let hash = |text| parse(text).expect("allowed").hash();
    assert_eq!(hash("").len(), 12);
    assert_eq!(hash("# a comment\n[log]\nlevel = 'info'"), Config::default().hash());
    assert_ne!(hash("[log]\nlevel = 'warn'"), Config::default().hash());
    assert_ne!(hash("[detection]\naccount_key = 'another'"), Config::default().hash());
}

/// Compares a file with its generated content. `MINERWATCH_BLESS=1` writes the file first.
fn assert_is_generated(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("MINERWATCH_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, expected).expect("write");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, expected, "run this test with MINERWATCH_BLESS=1 to write {}", path.display());
}

#[test]
fn the_page_is_up_to_date() {
    assert_is_generated("docs/configuration.md", &reference::page());
}

#[test]
fn the_example_is_up_to_date() {
    assert_is_generated("deploy/minerwatch.toml", &reference::example());
}

#[test]
fn the_example_is_a_configuration() {
    let example = parse(&reference::example()).expect("it is what people start from");
    assert_ne!(example, Config::default(), "an example shows something");
    let [file] = example.sink.file.as_slice() else { panic!("one file") };
    assert_eq!(file.filter.events.to_string(), "exec, exit, connect, close, snapshot");
}

/// Checks that the example shows the default of every key that it does not set.
#[test]
fn the_example_in_full_is_the_default() {
    let mut text = String::new();
    // Repeated sections have no default.
    let mut repeated = false;
    for line in reference::example().lines() {
        let line = line.trim_start_matches('#');
        let is_header = line.starts_with('[');
        let is_key = line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
        if is_header {
            repeated = line.starts_with("[[");
        }
        if (is_header || is_key) && !repeated {
            text.push_str(line);
            text.push('\n');
        }
    }
    assert!(text.contains("cpu_interval_ms = 1000\n"), "{text}");
    assert_eq!(parse(&text), Ok(Config::default()));
}

#[test]
fn the_reference_knows_every_section() {
    let page = reference::page();
    for header in
        ["[events]", "[hash]", "[intel]", "[[intel.sync]]", "[sink.stdout]", "[[sink.file]]", "[log]"]
    {
        assert!(page.contains(&format!("\n## `{header}`\n")), "{header}");
    }
    assert!(!page.contains("`[sink]`\n"), "it has no keys of its own");
    assert!(page.contains("| `path` | none | an absolute path; required |"));
    assert!(page.contains(
        "| `level` | `\"info\"` | `\"error\"`, `\"warn\"`, `\"info\"`, `\"debug\"`, `\"trace\"` |"
    ));
}

/// Reads a file of `deploy/`.
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
    // The sockets of the node's runtimes are below this directory.
    assert!(manifest.contains("{ name: MINERWATCH_CONTAINERS__ROOT, value: /host }"));
    assert!(manifest.contains("{ name: host-run, mountPath: /host/run, readOnly: true }"));
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
