//! Generates a recording of one program's CPU time over a day, minute by minute.

use serde_json::{Value, json};

const MINUTE: u64 = 60_000_000_000;
/// Boot time at the start of the day, in nanoseconds.
const MORNING: u64 = 100 * MINUTE;
/// Minutes between two starts of the program, as by cron.
const RESTART: u64 = 60;
const PROCESSORS: u32 = 8;

/// Returns a recording of a program over `minutes`. The program runs from memory, is started by `keeper` each hour,
/// connects out, and uses `share` of one processor in each minute.
pub fn recording(minutes: u64, share: impl Fn(u64) -> f64) -> String {
    let keeper = key(100, MORNING);
    let mut worker = keeper.clone();
    let mut lines = vec![
        json!({"minerwatch_recording": 1, "version": "0.1.0", "host": "demo",
            "boot_id": "00000000-0000-4000-8000-000000000001", "wall_clock_at_boot": "1795582017702029617",
            "processors": PROCESSORS}),
        event(
            MORNING,
            &keeper,
            "running-process",
            json!({"parent": null,
            "executable": {"path": "/usr/local/bin/keeper", "file": {"device": 8, "inode": 77}}, "name": "keeper",
            "arguments": ["keeper"], "directory": "/", "credentials": {"uid": 0, "gid": 0}}),
        ),
    ];
    for minute in 0..minutes {
        let now = MORNING + minute * MINUTE;
        if minute % RESTART == 0 {
            if minute > 0 {
                lines.push(event(now, &worker, "exit", json!({"code": null, "signal": 9, "on_cpu": 0})));
            }
            worker = key(1_000 + minute, now);
            lines.push(event(now + 1, &worker, "fork", json!({"parent": keeper, "name": "keeper"})));
            lines.push(event(
                now + 2,
                &worker,
                "exec",
                json!({"parent": keeper,
                "executable": {"path": "/memfd:x (deleted)", "flags": {"memfd": true, "deleted": true}},
                "invoked": "/proc/self/fd/3", "name": "x", "arguments": ["x"], "directory": "/",
                "credentials": {"uid": 0, "gid": 0}}),
            ));
            lines.push(event(
                now + 3,
                &worker,
                "connect",
                json!({"flow": {"protocol": "tcp",
                "source": "10.0.0.2:40000", "destination": "203.0.113.9:443", "opened": now}, "result": 0}),
            ));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some processors' minute"
        )]
        let on_cpu = (share(minute).max(0.0) * MINUTE as f64) as u64;
        if on_cpu > 0 {
            lines.push(event(
                now + MINUTE - 1,
                &worker,
                "cpu",
                json!({"window": MINUTE, "on_cpu": on_cpu,
                "total_on_cpu": on_cpu, "voluntary": 0, "involuntary": 0, "threads": 2, "nice": 0}),
            ));
        }
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

fn key(pid: u64, start: u64) -> Value {
    json!({"pid": pid, "start_ticks": start / 10_000_000})
}

fn event(time: u64, key: &Value, kind: &str, body: Value) -> Value {
    let subject = json!({"key": key, "tid": key["pid"], "uid": 0, "gid": 0});
    let mut event = json!({"time": time, "subject": subject, "kind": kind});
    event["body"] = body;
    event
}
