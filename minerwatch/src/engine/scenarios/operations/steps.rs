//! The steps that pieces of work and their imitations consist of.

use crate::{
    dissect::testing::anonymous_hello,
    model::{CpuUsage, Direction, EventBody, FlowUpdate, PayloadSample, ProcessKey, SchedulingPolicy},
    testing::{Host, seconds},
};

/// Runs a tool of the system to its end.
pub(in crate::engine::scenarios) fn run(host: &mut Host, caller: ProcessKey, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let tool = host.spawn(caller, &format!("/usr/bin/{}", words[0]), &words);
    host.exit(tool);
}

/// Fetches a file with curl.
pub(in crate::engine::scenarios) fn fetch(
    host: &mut Host,
    caller: ProcessKey,
    url: &str,
    path: &str,
    peer: &str,
) {
    let curl = host.spawn(caller, "/usr/bin/curl", &["curl", "-fsSLo", path, url]);
    host.connect(curl, peer);
    host.create(curl, path, 0o644);
    host.exit(curl);
}

/// Fetches a program with curl, and starts it.
pub(in crate::engine::scenarios) fn fetch_and_start(
    host: &mut Host,
    caller: ProcessKey,
    url: &str,
    path: &str,
    peer: &str,
) -> ProcessKey {
    fetch(host, caller, url, path, peer);
    host.chmod(caller, path, 0o755);
    host.spawn(caller, path, &[path])
}

/// Pipes a script from the web to a shell (`curl | sh`). Returns the shell.
pub(super) fn piped(host: &mut Host, caller: ProcessKey, url: &str) -> ProcessKey {
    let curl = host.spawn(caller, "/usr/bin/curl", &["curl", "-fsSL", url]);
    host.connect(curl, "198.51.100.7:443");
    let shell = host.spawn(caller, "/usr/bin/dash", &["sh", "-"]);
    host.exit(curl);
    shell
}

/// Compiles sources for a minute, and links the programs.
pub(super) fn build(host: &mut Host, caller: ProcessKey, programs: &[&str]) {
    let make = host.spawn(caller, "/usr/bin/make", &["make", "-j2"]);
    for number in 0..4 {
        let compiler = host.spawn(make, "/usr/libexec/gcc/x86_64-linux-gnu/12/cc1", &["cc1", "x.c"]);
        host.burn(compiler, 1.0, 18);
        host.create(compiler, &format!("/tmp/cc{number}.s"), 0o600);
        host.exit(compiler);
    }
    for program in programs {
        let linker = host.spawn(make, "/usr/bin/ld", &["ld", "-o", program]);
        host.create(linker, program, 0o755);
        host.exit(linker);
    }
    host.exit(make);
}

/// Restores a whole system: all of /etc with its jobs, units and accounts, and then the programs.
pub(super) fn restore(host: &mut Host, writer: ProcessKey, suffix: &str) {
    let put = |host: &mut Host, path: &str| {
        if suffix.is_empty() {
            host.create(writer, path, 0o644);
        } else {
            let temporary = format!("{path}{suffix}");
            host.create(writer, &temporary, 0o600);
            host.rename(writer, &temporary, path);
        }
    };
    for number in 0..240 {
        put(host, &format!("/etc/d{}/f{number}", number % 60));
    }
    for path in [
        "/etc/crontab",
        "/etc/cron.d/backup",
        "/etc/group",
        "/etc/init.d/ssh",
        "/etc/ld.so.preload",
        "/etc/pam.d/sshd",
        "/etc/passwd",
        "/etc/profile.d/lang.sh",
        "/etc/shadow",
        "/etc/sudoers",
        "/etc/systemd/system/app.service",
        "/etc/udev/rules.d/70.rules",
        "/root/.ssh/authorized_keys",
        "/usr/bin/chattr",
        "/usr/bin/crontab",
        "/usr/bin/curl",
        "/usr/bin/ls",
        "/usr/bin/ps",
        "/usr/bin/sudo",
        "/usr/bin/top",
        "/usr/lib/systemd/system/ssh.service",
        "/usr/sbin/sshd",
        "/var/log/auth.log",
        "/var/log/wtmp",
        "/var/spool/cron/crontabs/root",
    ] {
        put(host, path);
    }
}

/// Sends messages of one size at irregular times over TLS, and gets answers and other messages, as agents and brokers do.
pub(super) fn keep_in_touch(host: &mut Host, agent: ProcessKey, peer: &str) {
    host.connect(agent, peer);
    host.send(agent, peer, anonymous_hello());
    let Some(flow) = host.events().iter().rev().find_map(|event| match &event.body {
        EventBody::Payload(payload) => Some(payload.flow),
        _ => None,
    }) else {
        return;
    };
    let mut samples = Vec::new();
    let mut at = 0;
    let mut say = |at: u32, direction, length| samples.push(PayloadSample { at, direction, length });
    for number in 0..4 {
        say(number * 10, Direction::Sent, 100);
    }
    for pause in [9_000, 31_000, 4_000, 70_000, 12_000, 3_000, 55_000, 20_000, 90_000, 6_000, 41_000, 17_000]
    {
        at += pause;
        say(at, Direction::Sent, 240);
        say(at + 60, Direction::Received, 90);
        say(at + 2_500, Direction::Received, 420);
    }
    let first = host.now();
    host.wait(seconds(400));
    let update = FlowUpdate {
        flow,
        accepted: false,
        interval: true,
        first,
        bytes: (6_000, 8_000),
        payloads: (16, 24),
        samples: samples.into(),
    };
    host.happen(agent, EventBody::FlowUpdate(Box::new(update)));
}

/// Keeps a program busy that waits for its peers or for disks again and again.
pub(super) fn serve(host: &mut Host, key: ProcessKey, processors: f64, length: u64) {
    const SECOND: u64 = 1_000_000_000;
    for _ in 0..length {
        host.wait(seconds(1));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let on_cpu = (processors * SECOND as f64) as u64;
        let usage = CpuUsage {
            window: SECOND,
            on_cpu,
            total_on_cpu: on_cpu,
            voluntary: host.now().0 / SECOND * 900,
            involuntary: 40,
            yields: 0,
            stops: 0,
            threads: 4,
            nice: 0,
            policy: SchedulingPolicy::Other,
            allowed_processors: 2,
        };
        host.happen(key, EventBody::Cpu(usage));
    }
}

/// Asks a node by HTTP.
pub(super) fn ask(host: &mut Host, client: ProcessKey, node: &str, body: &str) {
    let head = format!("POST / HTTP/1.1\r\nHost: node\r\nContent-Length: {}\r\n\r\n", body.len());
    host.send(client, node, head);
    host.send(client, node, body);
}
