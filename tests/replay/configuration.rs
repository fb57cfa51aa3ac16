//! `minerwatch config` and the environment, as a user runs them.

use std::{fs, path::Path, process::Command};

use minerwatch_tests::{Scratch, executable, notes};
use serde_json::Value;

/// What a command printed, and its exit code.
struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `minerwatch config` with these arguments and environment variables.
fn config(arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
    let output = Command::new(executable("minerwatch"))
        .arg("config")
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .expect("it starts");
    Answer {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

fn write(scratch: &Scratch, text: &str) -> String {
    let path = scratch.join("m.toml");
    fs::write(&path, text).expect("it can be written");
    path
}

#[test]
fn check_accepts_a_good_configuration() {
    let scratch = Scratch::new();
    let log = scratch.join("events.json");
    let path = write(&scratch, &format!("[[sink.file]]\npath = '{log}'\nevents = ['exec']\n"));
    let answer = config(&["check", &path], &[("MINERWATCH_LOG__LEVEL", "warn"), ("MINERWATCH_LOG", "debug")]);
    assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""));
    for part in [
        &format!("{path}: fine\n"),
        &format!("output {log}: alerts and events (exec)"),
        "MINERWATCH_LOG__LEVEL",
    ] {
        assert!(answer.out.contains(part), "{part}: {}", answer.out);
    }
    assert!(!Path::new(&log).exists(), "a check writes nothing");
}

#[test]
fn check_names_file_line_and_key_of_everything_that_is_wrong() {
    let scratch = Scratch::new();
    let (pools, geo) = (scratch.join("pools.txt"), scratch.join("geo.mmdb"));
    fs::write(&pools, "<html>not a list</html>\n").expect("it can be written");
    fs::write(&geo, "not a database").expect("it can be written");
    let path = write(
        &scratch,
        &format!(
            "[intel]\npools = ['{pools}']\nthreats = ['/nowhere/list']\ngeo_databases = ['{geo}']\n\
             [detection]\naccount_key_file = '/nowhere/key'\n[[sink.file]]\nkeep = 1\npath = '/nowhere/events.json'\n"
        ),
    );
    fs::write(scratch.join("m.exceptions.toml"), "[[except]]\nusr = 'ml'\n").expect("it can be written");
    let answer = config(&["check", &path], &[]);
    assert_eq!((answer.code, answer.out.as_str()), (Some(2), ""), "{}", answer.err);
    for part in [
        format!("{path}:9: sink.file.path: the directory /nowhere does not exist"),
        format!("{path}:6: detection.account_key_file: /nowhere/key does not exist"),
        format!("{path}:2: intel.pools: {pools}: nothing in it is an entry"),
        format!("{path}:3: intel.threats: /nowhere/list: "),
        format!("{path}:4: intel.geo_databases: {geo}: is not a database"),
        format!("{}:2: except.usr: there is no such key", scratch.join("m.exceptions.toml")),
    ] {
        assert!(answer.err.contains(&part), "{part}: {}", answer.err);
    }
    assert_eq!(answer.err.lines().count(), 6, "{}", answer.err);

    for (text, variables, message) in [
        ("[hash]\nrate_mib = 0", &[][..], format!("{path}:2: hash.rate_mib: 0 is not between")),
        (
            "",
            &[("MINERWATCH_HASH__RATE_MIB", "0")],
            "variable MINERWATCH_HASH__RATE_MIB: hash.rate_mib: 0".into(),
        ),
        (
            "",
            &[(concat!("MINER", "WATCH_HASH_RATE_MIB"), "1")],
            "did you mean MINERWATCH_HASH__RATE_MIB".into(),
        ),
    ] {
        write(&scratch, text);
        for command in ["check", "show", "unit"] {
            let answer = config(&[command, &path], variables);
            assert_eq!((answer.code, answer.out.as_str()), (Some(2), ""), "{command}");
            assert!(answer.err.contains(&message), "{message}: {}", answer.err);
        }
    }
    assert_eq!(config(&["check", "/nowhere/m.toml"], &[]).code, Some(2));
}

/// The daemon refuses what the check refuses, before it needs any privileges.
#[test]
fn the_environment_applies_to_every_command() {
    let variables = [("MINERWATCH_DETECTION__MIN_VERDICT", "sure")];
    for arguments in [&["run"][..], &["tail", "--socket", "/nowhere/s"], &["config", "show"]] {
        let output = Command::new(executable("minerwatch")).args(arguments).envs(variables).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("MINERWATCH_DETECTION__MIN_VERDICT"), "{arguments:?}: {said}");
    }
}

#[test]
fn show_can_be_used_as_a_configuration() {
    let scratch = Scratch::new();
    let path = write(&scratch, "[limits]\nmax_incidents = 99\n[detection]\naccount_key = 'hunter2'\n");
    let variables = [("MINERWATCH_HASH__ENABLED", "false")];
    let shown = config(&["show", &path], &variables);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    for line in ["max_incidents = 99  # file", "enabled = false  # MINERWATCH_HASH__ENABLED", "  # default"] {
        assert!(shown.out.contains(line), "{line}: {}", shown.out);
    }
    assert!(!shown.out.contains("hunter2"), "{}", shown.out);
    let again = Scratch::new();
    let answer = config(&["check", &write(&again, &shown.out)], &[]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);

    let json = config(&["show", "--json", &path], &variables).out;
    let json: Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["configuration"]["hash"]["enabled"], false);
    assert_eq!(json["origins"]["hash.enabled"], "MINERWATCH_HASH__ENABLED");
}

#[test]
fn default_is_the_file_of_the_package() {
    let printed = config(&["default"], &[]);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/minerwatch.toml");
    assert_eq!(printed.out, fs::read_to_string(file).expect("it is in the tree"));
    assert_eq!(printed.code, Some(0));
}

/// systemd reads the drop-in with the unit, and has nothing to say about it.
#[test]
fn systemd_accepts_the_drop_in() {
    let sync = |number: u32, from: &str| {
        format!("[[intel.sync]]\nname = 'l{number}'\nlist = 'pools'\nfrom = '{from}'\n")
    };
    let file = "[[sink.file]]\npath = '/var/log/mw 50%/events.json'\n";
    let cases = [
        ("nothing", String::new()),
        ("a directory", file.to_owned()),
        ("addresses", sync(1, "https://192.0.2.1/x") + &sync(2, "https://[2001:db8::1]/x")),
        ("a name", file.to_owned() + &sync(1, "https://lists.example/x") + &sync(2, "https://localhost/x")),
    ];
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/minerwatch.service");
    let unit = fs::read_to_string(unit).expect("it is in the tree");
    // The program need not be installed here.
    let unit = unit.replace("/usr/local/bin/minerwatch run", "/bin/sh run");
    for (name, text) in cases {
        let scratch = Scratch::new();
        let printed = config(&["unit", &write(&scratch, &text)], &[]);
        assert_eq!(printed.code, Some(0), "{name}: {}", printed.err);
        assert_eq!(printed.out.contains("[Service]"), name != "nothing", "{name}: {}", printed.out);
        let path = scratch.join("minerwatch.service");
        fs::write(&path, &unit).expect("it can be written");
        fs::create_dir(format!("{path}.d")).expect("a directory can be made");
        let verify = |drop_in: &str| {
            fs::write(format!("{path}.d/outputs.conf"), drop_in).expect("it can be written");
            Command::new("systemd-analyze").args(["verify", "--man=no", &path]).output()
        };
        let said = match verify(&printed.out) {
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => {
                notes::skipped(
                    "systemd_accepts_the_drop_in",
                    &format!("there is no systemd-analyze: {error}"),
                );
                return;
            }
        };
        assert!(!said.contains("outputs.conf"), "{name}: {said}");
        let broken = verify("[Service]\nIPAddressAllow=nonsense.example\n").expect("it was there");
        assert!(
            String::from_utf8_lossy(&broken.stderr).contains("outputs.conf:2"),
            "systemd checks the drop-in"
        );
    }
}
