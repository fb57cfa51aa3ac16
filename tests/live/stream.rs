//! The live stream from the daemon, and the replay of a recording.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{Scratch, agent::at, command, executable, namespace::Pair};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{machine, simulator, start_agent};

#[test]
fn tail_attaches_to_the_running_daemon() {
    let Some(_machine) = machine("tail_attaches_to_the_running_daemon") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, "");
    let mut tail = Command::new(executable("minerwatch"))
        .args(["tail", "--json", "--kind", "exec", "--socket", &scratch.join("control.sock")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    thread::sleep(Duration::from_millis(500));
    command::run("true", &["through-the-socket"]);
    thread::sleep(Duration::from_millis(500));
    agent.stop();
    // The stream ends with the daemon.
    let output = tail_output(&mut tail);
    assert!(output.contains("through-the-socket"), "{output}");
    for line in output.lines() {
        let object: Value = serde_json::from_str(line).expect("JSON");
        assert!(at(&object, "event.action") == "exec", "only what was asked for: {line}");
    }
}

fn tail_output(tail: &mut Child) -> String {
    use std::io::Read as _;
    let until = Instant::now() + Duration::from_secs(5);
    while tail.try_wait().expect("our child").is_none() {
        if Instant::now() > until {
            let _ = tail.kill();
            panic!("the stream does not end with the daemon");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut text = String::new();
    tail.stdout.take().expect("piped").read_to_string(&mut text).expect("text");
    text
}

#[test]
fn a_recording_gives_the_same_verdict_without_root() {
    let Some(_machine) = machine("a_recording_gives_the_same_verdict_without_root") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(31);
    let _pool = pair.server.serve(9000, "python3", &[
        "-c",
        "import socket\ns=socket.create_server(('0.0.0.0',9000))\nwhile True:\n c,_=s.accept(); c.recv(1); c.close()",
    ]);
    let recorder = Recorder::start(scratch.join("host.jsonl"));
    let dropped = format!("/tmp/.{}", minerwatch_tests::unique("dropped"));
    let script = format!(
        "mount -t tmpfs none /etc/cron.d; cp {} {dropped}; {dropped} infect {}:9000 /etc/cron.d/sync; rm {dropped}",
        simulator(),
        pair.server.address
    );
    assert!(
        pair.victim
            .command("unshare", &["--mount", "sh", "-c", &script])
            .status()
            .expect("it starts")
            .success()
    );
    let recording = recorder.stop();

    let replay = |path: &str| {
        let output = Command::new(executable("minerwatch"))
            .args(["replay", "--json", path])
            .output()
            .expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), output.stderr)
    };
    let (code, alerts, _) = replay(&recording);
    assert_eq!(code, Some(10), "an incident of high or above was found");
    assert!(alerts.contains("/etc/cron.d/sync"), "{alerts}");
    assert_eq!(replay(&recording).1, alerts, "the same recording gives the same alerts");

    // The recording is cut off in the middle of a line, as by a full disk. The events before count, and the damage is
    // reported.
    let whole = fs::read(&recording).expect("the recording");
    let cut = scratch.join("cut.jsonl");
    fs::write(&cut, &whole[..whole.len() - 20]).expect("a file can be written");
    let (code, alerts_of_cut, messages) = replay(&cut);
    assert_eq!(code, Some(10));
    assert!(alerts.starts_with(&alerts_of_cut) && alerts_of_cut.contains("/etc/cron.d/sync"));
    assert!(
        String::from_utf8_lossy(&messages).contains("ends in the middle of a line"),
        "{}",
        String::from_utf8_lossy(&messages)
    );
}

/// A running `minerwatch record`.
pub struct Recorder {
    child: Child,
    path: String,
}

impl Recorder {
    /// Starts to record into a new file, and waits until events arrive.
    pub fn start(path: String) -> Self {
        let child = Command::new(executable("minerwatch"))
            .args(["record", &path])
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let until = Instant::now() + Duration::from_secs(20);
        while fs::metadata(&path).map_or(0, |file| file.len()) < 1000 {
            assert!(Instant::now() < until, "nothing is recorded");
            thread::sleep(Duration::from_millis(50));
        }
        // The snapshot of running processes is written. Wait until the hooks deliver events, too.
        thread::sleep(Duration::from_millis(500));
        Self { child, path }
    }

    /// Ends the recording and returns its path.
    pub fn stop(self) -> String {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::INT).expect("it runs");
        let output = self.child.wait_with_output().expect("our child");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.path
    }
}
