//! Tests of what is an override, what is ignored, what is refused and with which message.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use super::*;
use crate::{config::Effective, model::Verdict};

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Effective::parse(text, Some(Path::new("m.toml")), &Environment::of(variables))
        .map(|own| own.config)
        .map_err(|error| error.to_string())
}

#[test]
fn a_variable_overrides_the_file_and_the_default() {
    let file = "[detection]\nmin_verdict = 'noted'\n[limits]\nmax_incidents = 99\n";
    let variables = [
        ("MINERWATCH_DETECTION__MIN_VERDICT", "mining"),
        ("MINERWATCH_HASH__ENABLED", "false"),
        ("MINERWATCH_LIMITS__MAX_PROCESSES", "2048"),
        ("MINERWATCH_INTEL__HOME_COUNTRIES", "[\"DE\", \"AT\"]"),
        ("MINERWATCH_SINK__STDOUT__EVENTS", "[\"exec\"]"),
        ("MINERWATCH_FIELDS__CLOUD__ACCOUNT__ID", "123456789012"),
        ("MINERWATCH_FIELDS__LABELS", "{ team = \"web\" }"),
        ("MINERWATCH_STATE__DIRECTORY", "/srv/state"),
        ("PATH", "/bin"),
        ("minerwatch_limits__max_incidents", "1"),
    ];
    let config = load(file, &variables).expect("allowed");
    assert_eq!(config.detection.min_verdict, Verdict::Mining);
    assert!(!config.hash.enabled);
    assert_eq!((config.limits.max_processes, config.limits.max_incidents), (2_048, 99));
    assert_eq!(config.intel.home_countries, ["DE", "AT"]);
    assert_eq!(config.sink.stdout.filter.events.to_string(), "exec");
    assert_eq!(config.fields.cloud.account.id.as_deref(), Some("123456789012"), "digits can be a text");
    assert_eq!(config.fields.labels.get("team").map(String::as_str), Some("web"));
    assert_eq!(config.state.directory, Path::new("/srv/state"));
}

#[test]
fn what_a_variable_says_is_checked_and_the_error_names_it() {
    let cases = [
        (
            "MINERWATCH_LIMITS__MAX_PROCESSES",
            "5",
            "environment variable MINERWATCH_LIMITS__MAX_PROCESSES: limits.max_processes: 5 is not between 1024 and \
             4194304",
        ),
        ("MINERWATCH_LIMITS__MAX_PROCESSES", "many", "limits.max_processes: invalid type: string \"many\""),
        ("MINERWATCH_LIMITS__MAX_PROCESSES", "2048\nx = 1", "limits.max_processes: invalid type: string"),
        ("MINERWATCH_DETECTION__MIN_VERDICT", "sure", "unknown variant `sure`"),
        ("MINERWATCH_DETECTION__ACCOUNT_KEY", "", "detection.account_key: the key has 0 bytes"),
        ("MINERWATCH_STATE__DIRECTORY", "here", "state.directory: `here` is not an absolute path"),
        (
            "MINERWATCH_LIMITS__MAX_PROCESS",
            "5",
            "environment variable MINERWATCH_LIMITS__MAX_PROCESS: no key has this name; did you mean \
             MINERWATCH_LIMITS__MAX_PROCESSES",
        ),
        ("MINERWATCH_DETECTION_MIN_VERDICT", "mining", "did you mean MINERWATCH_DETECTION__MIN_VERDICT?"),
        ("MINERWATCH_LOG_LEVEL", "debug", "did you mean MINERWATCH_LOG__LEVEL?"),
        ("MINERWATCH_Detection__min_verdict", "mining", "no key has this name"),
        ("MINERWATCH_QUITE_ANOTHER_THING_ALTOGETHER", "1", "is MINERWATCH_SECTION__KEY"),
        ("MINERWATCH_SINK__STDOUT", "{}", "no key has this name"),
        ("MINERWATCH_", "1", "no key has this name"),
        ("MINERWATCH_SINK__FILE", "[]", "[[sink.file]] may be given several times"),
        ("MINERWATCH_SINK__FILE__0__PATH", "/a", "[[sink.file]] may be given several times"),
    ];
    for (variable, value, message) in cases {
        let error = load("", &[(variable, value)]).expect_err(variable);
        assert!(error.contains(message), "{error}");
        assert!(error.starts_with(&format!("environment variable {variable}: ")), "{error}");
    }
    let binary = (OsString::from("MINERWATCH_STATE__DIRECTORY"), OsString::from_vec(b"/\xff".to_vec()));
    let error = Effective::parse("", None, &Environment::of([binary])).expect_err("not text");
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[test]
fn a_contradiction_names_the_variable() {
    let file = "[detection]\naccount_key = 'secret'\n";
    let error = load(file, &[("MINERWATCH_DETECTION__ACCOUNT_KEY_FILE", "/key")]).expect_err("two keys");
    assert!(
        error.starts_with(
            "environment variable MINERWATCH_DETECTION__ACCOUNT_KEY_FILE: detection.account_key_file: "
        ),
        "{error}"
    );
    let error = load("[limits]\nmax_alert_bytes = 3", &[("MINERWATCH_LIMITS__MAX_ALERT_BYTES", "9000")]);
    assert!(error.expect_err("the file is checked, too").starts_with("m.toml:2: "));
}

#[test]
fn what_others_set_is_no_override() {
    let variables = [
        "MINERWATCH_LOG",
        "MINERWATCH_SERVICE_HOST",
        "MINERWATCH_SERVICE_PORT",
        "MINERWATCH_SERVICE_PORT_METRICS",
        "MINERWATCH_PORT",
        "MINERWATCH_PORT_9000_TCP",
        "MINERWATCH_PORT_9000_TCP_ADDR",
        "MINERWATCH_METRICS_SERVICE_HOST",
        "MINERWATCH_METRICS_PORT_9000_UDP_PROTO",
    ];
    for variable in variables {
        assert_eq!(load("", &[(variable, "x")]), Ok(Config::default()), "{variable}");
    }
    for variable in ["MINERWATCH_PORT_X_TCP", "MINERWATCH_PORT_9000_TCP_ADDRESS", "MINERWATCH_LIMITS__PORT"] {
        assert!(load("", &[(variable, "x")]).is_err(), "{variable}");
    }
    // The place of a secret that the file names.
    let file = "[fields]\nlabels.from = '${MINERWATCH_PASSWORD}'\n";
    assert!(load(file, &[("MINERWATCH_PASSWORD", "x")]).is_ok());
    assert!(load("# MINERWATCH_PASSWORD", &[("MINERWATCH_PASSWORD", "x")]).is_err());
}

/// Returns the Rust files below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

/// Checks that a daemon that is built or tested with the project's own variables starts.
#[test]
fn the_variables_of_the_project_are_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let quote = format!("\"{}", names::PREFIX);
    let mut found = 0;
    for file in
        ["minerwatch/build.rs", "minerwatch/src/cli", "minerwatch/src/config/tests.rs", "tests", "xtask"]
    {
        let path = root.join(file);
        let files = if path.is_dir() { sources(&path) } else { vec![path] };
        for file in files {
            let text = fs::read_to_string(&file).expect("a source");
            for part in text.split(&quote).skip(1) {
                let is_name =
                    |letter: char| letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit();
                let rest: String = part.chars().take_while(|letter| is_name(*letter)).collect();
                let name = format!("{}{rest}", names::PREFIX);
                if !part.get(rest.len()..).is_some_and(|after| after.starts_with('"')) || name.contains("__")
                {
                    continue;
                }
                found += 1;
                assert_eq!(classify(&name, &Config::text()), Name::Other, "{name} in {}", file.display());
            }
        }
    }
    assert!(found > 3, "{found} names found");
}
