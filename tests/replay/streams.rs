//! Tests commands whose standard streams are closed, full or without a reader. No command may panic, and a full
//! standard output must give an error message. Needs no root: a command that needs root fails early, and must not panic
//! either.

use std::{
    fs::File,
    io::Read as _,
    process::{Command, Output, Stdio},
};

use minerwatch_tests::{Scratch, executable, stories::recordings};

use super::path;

/// Exit code of a Rust program that panics.
const PANICKED: i32 = 101;
const FULL: &str = "/dev/full";

struct Case {
    arguments: Vec<String>,
    /// Whether the command writes data to standard output.
    has_output: bool,
}

fn case(line: &str, files: &[&str], has_output: bool) -> Case {
    let words = line.split_whitespace().map(str::to_owned);
    let arguments = words.chain(files.iter().map(ToString::to_string)).collect();
    Case { arguments, has_output }
}

/// Returns command lines that need no root and together write every kind of output. `doctor` has its own test.
fn cases(scratch: &Scratch) -> Vec<Case> {
    let recording = recordings().join("dropper.jsonl");
    let recording = path(&recording);
    let alerts = recordings().join("dropper.alerts.jsonl");
    let alerts = path(&alerts);
    let damaged = scratch.join("damaged.jsonl");
    let mut text = std::fs::read_to_string(recording).expect("in the tree");
    text.push_str("no event\n");
    std::fs::write(&damaged, text).expect("it can be written");
    let missing = scratch.join("missing");
    let mut cases = vec![
        case("", &[], false),
        case("--help", &[], true),
        case("--version", &[], true),
        case("mine", &[], false),
        case("tail --kind nothing", &[], false),
        case("replay", &[recording], true),
        case("replay --json --events", &[recording], true),
        case("replay --measure", &[recording], true),
        case("replay", &[&damaged], true),
        case("replay", &[&missing], false),
        case("explain --from", &[alerts], true),
        case("explain --json --from", &[alerts], true),
        case("explain nobody --from", &[alerts], false),
        case("explain --socket", &[&missing], false),
        case("intel check", &[], true),
        case("intel check --json", &[], true),
        case("intel lookup 192.0.2.1", &[], true),
        case("intel lookup 192.0.2.1 --json --list", &[&missing], true),
        case("intel lookup nonsense%", &[], false),
        case("run --config", &[&missing], false),
        case("scan --config", &[&missing], false),
        case("record --hook file=kprobe", &[&missing], false),
    ];
    for command in ["run", "tail", "doctor", "scan", "explain", "record", "replay", "intel", "intel check"] {
        cases.push(case(&format!("help {command}"), &[], true));
    }
    cases
}

fn command(case: &Case) -> Command {
    let mut command = Command::new(executable("minerwatch"));
    // Log messages go to standard error, too.
    command.args(&case.arguments).env("MINERWATCH_LOG", "trace").stdin(Stdio::null());
    command
}

fn full() -> Stdio {
    File::options().write(true).open(FULL).expect("every Linux has it").into()
}

/// Returns the write end of a pipe that has no reader.
fn left_by_its_reader() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// Runs a case in a shell that closes a stream, because [`Command`] cannot close one.
fn with_closed(case: &Case, redirection: &str) -> Output {
    let program = executable("minerwatch");
    Command::new("sh")
        .args(["-c", &format!("exec \"$@\" {redirection}"), "sh"])
        .arg(program)
        .args(&case.arguments)
        .env("MINERWATCH_LOG", "trace")
        .stdin(Stdio::null())
        .output()
        .expect("the shell starts")
}

/// Runs a case with all streams open and returns its exit code.
fn code(case: &Case) -> Option<i32> {
    let output = command(case).output().expect("it starts");
    let code = output.status.code();
    assert_ne!(code, Some(PANICKED), "{:?}: {}", case.arguments, String::from_utf8_lossy(&output.stderr));
    assert_eq!(!output.stdout.is_empty(), case.has_output, "{:?}", case.arguments);
    code
}

#[test]
fn standard_error_may_be_closed_full_or_left() {
    let scratch = Scratch::new();
    for case in cases(&scratch) {
        let expected = code(&case);
        assert_eq!(with_closed(&case, "2>&-").status.code(), expected, "{:?}, closed", case.arguments);
        for (stderr, state) in [(full(), "full"), (left_by_its_reader(), "left")] {
            let output = command(&case).stdout(Stdio::piped()).stderr(stderr).output().expect("it starts");
            assert_eq!(output.status.code(), expected, "{:?}, {state}", case.arguments);
            assert_eq!(!output.stdout.is_empty(), case.has_output, "{:?}, {state}", case.arguments);
        }
    }
}

#[test]
fn a_full_standard_output_is_an_error_with_a_message() {
    let scratch = Scratch::new();
    for case in cases(&scratch).iter().filter(|case| case.has_output) {
        let output = command(case).stdout(full()).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{:?}: {said}", case.arguments);
        assert!(said.contains("minerwatch: standard output: No space left on device"), "{said}");
    }
}

#[test]
fn a_standard_output_that_is_closed_or_left_ends_it_quietly() {
    let scratch = Scratch::new();
    for case in cases(&scratch).iter().filter(|case| case.has_output) {
        let mut child =
            command(case).stdout(left_by_its_reader()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        let left = child.wait().expect("our child");
        let closed = with_closed(case, ">&-");
        for (status, said) in
            [(left, said), (closed.status, String::from_utf8_lossy(&closed.stderr).into_owned())]
        {
            assert!(status.code().is_some_and(|code| code != PANICKED), "{:?}: {said}", case.arguments);
            for word in ["panicked", "Broken pipe", "standard output"] {
                assert!(!said.contains(word), "{:?}: {said}", case.arguments);
            }
        }
    }
}

#[test]
fn both_outputs_may_be_full() {
    let scratch = Scratch::new();
    for case in cases(&scratch) {
        let status = command(&case).stdout(full()).stderr(full()).status().expect("it starts");
        let code = status.code();
        assert!(code.is_some_and(|code| code != PANICKED), "{:?}: {code:?}", case.arguments);
    }
}

/// Runs `doctor` once per state, because `doctor` loads and attaches every hook as root, which takes long.
#[test]
fn doctor_survives_each_state_of_its_streams() {
    let scratch = Scratch::new();
    let case = case("doctor --socket", &[&scratch.join("missing")], true);
    let full_stderr = command(&case).stderr(full()).output().expect("it starts");
    // The exit code is 0 as root on a suitable kernel, otherwise 3.
    assert!(matches!(full_stderr.status.code(), Some(0 | 3)), "{:?}", full_stderr.status);
    assert!(String::from_utf8_lossy(&full_stderr.stdout).contains("No daemon is running."));
    let full_stdout = command(&case).stdout(full()).output().expect("it starts");
    let said = String::from_utf8_lossy(&full_stdout.stderr);
    assert_eq!(full_stdout.status.code(), Some(1), "{said}");
    assert!(said.contains("minerwatch: standard output: No space left on device"), "{said}");
    let left = command(&case).stdout(left_by_its_reader()).output().expect("it starts");
    let said = String::from_utf8_lossy(&left.stderr);
    assert_eq!(left.status.code(), full_stderr.status.code(), "{said}");
    assert!(!said.contains("standard output"), "{said}");
}
