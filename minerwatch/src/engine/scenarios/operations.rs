//! The daily work of people who run hosts. Nobody is to be woken by it, whoever starts it: a person, a timer, or cron.
//! `imitations` has attacks that look like it.

mod imitations;

use crate::{
    dissect::testing::anonymous_hello,
    model::{
        CpuUsage, Direction, EventBody, FlowUpdate, PayloadSample, ProcessKey, SchedulingPolicy, Verdict,
    },
    testing::{Host, alerts, seconds, story, verdict},
};

/// A piece of work below `caller`, a shell. `init` starts services.
type Work = fn(&mut Host, ProcessKey, ProcessKey);

/// Who starts a piece of work.
#[derive(Clone, Copy, Debug)]
enum Starter {
    /// A person who is logged in over SSH, with sudo.
    Person,
    /// A service of systemd, as a timer starts it.
    Timer,
    Cron,
}

const STARTERS: [Starter; 3] = [Starter::Person, Starter::Timer, Starter::Cron];

/// Runs a piece of work. Returns the host.
fn host_after(starter: Starter, work: Work) -> Host {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let caller = match starter {
        Starter::Person => {
            let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: ops [priv]"]);
            let login = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
            let sudo = host.spawn(login, "/usr/bin/sudo", &["sudo", "-i"]);
            host.spawn(sudo, "/usr/bin/bash", &["-bash"])
        }
        Starter::Timer => host.spawn_script(init, "/usr/bin/bash", "/usr/local/sbin/job.sh"),
        Starter::Cron => {
            let cron = host.spawn(init, "/usr/sbin/cron", &["cron", "-f"]);
            host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "/usr/local/sbin/job.sh"])
        }
    };
    work(&mut host, init, caller);
    host
}

/// Runs a tool of the system to its end.
fn run(host: &mut Host, caller: ProcessKey, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let tool = host.spawn(caller, &format!("/usr/bin/{}", words[0]), &words);
    host.exit(tool);
}

/// Lets curl fetch a file.
fn fetch(host: &mut Host, caller: ProcessKey, url: &str, path: &str, peer: &str) {
    let curl = host.spawn(caller, "/usr/bin/curl", &["curl", "-fsSLo", path, url]);
    host.connect(curl, peer);
    host.create(curl, path, 0o644);
    host.exit(curl);
}

/// Lets a script that comes from the web run in a shell. Returns the shell.
fn piped(host: &mut Host, caller: ProcessKey, url: &str) -> ProcessKey {
    let curl = host.spawn(caller, "/usr/bin/curl", &["curl", "-fsSL", url]);
    host.connect(curl, "198.51.100.7:443");
    let shell = host.spawn(caller, "/usr/bin/dash", &["sh", "-"]);
    host.exit(curl);
    shell
}

/// Compiles sources for a minute, and links the programs.
fn build(host: &mut Host, caller: ProcessKey, programs: &[&str]) {
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

/// Writes a whole system back: all of /etc with its jobs, units and accounts, and then the programs.
fn restore(host: &mut Host, writer: ProcessKey, suffix: &str) {
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

/// Sends messages of one size at irregular times over TLS, and gets answers and others unasked, as agents and brokers do.
fn keep_in_touch(host: &mut Host, agent: ProcessKey, peer: &str) {
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

/// Lets a program be busy that waits for its peers or for disks again and again.
fn serve(host: &mut Host, key: ProcessKey, processors: f64, length: u64) {
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
fn ask(host: &mut Host, client: ProcessKey, node: &str, body: &str) {
    let head = format!("POST / HTTP/1.1\r\nHost: node\r\nContent-Length: {}\r\n\r\n", body.len());
    host.send(client, node, head);
    host.send(client, node, body);
}

const WORK: [(&str, Work); 34] = [
    ("a package of a profiler", |host, init, caller| {
        let apt = host.spawn(caller, "/usr/bin/apt-get", &["apt-get", "install", "-y", "datadog-apm-inject"]);
        host.connect(apt, "198.51.100.8:443");
        let dpkg = host.spawn(apt, "/usr/bin/dpkg", &["dpkg", "--configure", "datadog-apm-inject"]);
        host.create(dpkg, "/opt/datadog-packages/datadog-apm-inject/0.21/inject/launcher.so", 0o755);
        let postinst =
            host.spawn_script(dpkg, "/usr/bin/dash", "/var/lib/dpkg/info/datadog-apm-inject.postinst");
        let install =
            host.spawn(postinst, "/usr/bin/dd-host-install", &["dd-host-install", "--no-agent-restart"]);
        host.create(install, "/etc/ld.so.preload", 0o644);
        host.create(install, "/etc/systemd/system/datadog-agent.service.d/inject.conf", 0o644);
        for key in [install, postinst, dpkg, apt] {
            host.exit(key);
        }
        let agent = host.spawn(init, "/opt/datadog-agent/bin/agent/agent", &["agent", "run"]);
        host.connect(agent, "198.51.100.9:443");
        host.burn(agent, 1.0, 70);
    }),
    ("an agent of a profiler that updates itself", |host, init, _| {
        let watchdog =
            host.spawn(init, "/opt/dynatrace/oneagent/agent/lib64/oneagentwatchdog", &["oneagentwatchdog"]);
        let agent = host.spawn(watchdog, "/opt/dynatrace/oneagent/agent/lib64/oneagentos", &["oneagentos"]);
        host.connect(agent, "198.51.100.9:443");
        host.create(agent, "/etc/ld.so.preload.tmp", 0o644);
        host.rename(agent, "/etc/ld.so.preload.tmp", "/etc/ld.so.preload");
        host.create(agent, "/etc/systemd/system/oneagent.service", 0o644);
        host.burn(agent, 1.0, 70);
    }),
    ("rsync of a whole root", |host, _, caller| {
        let rsync = host.spawn(caller, "/usr/bin/rsync", &["rsync", "-aI", "root@10.0.0.9:/backup/", "/"]);
        let ssh = host.spawn(rsync, "/usr/bin/ssh", &["ssh", "root@10.0.0.9", "rsync", "--server"]);
        host.connect(ssh, "10.0.0.9:22");
        let receiver = host.fork(rsync);
        restore(host, receiver, ".Xy1Ab2");
    }),
    ("rsync by checksums that a backup server pushes", |host, init, _| {
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: root@notty"]);
        let rsync = host.spawn(sshd, "/usr/bin/rsync", &["rsync", "--server", "-logDtprce.iLsfxC", ".", "/"]);
        restore(host, rsync, ".Xy1Ab2");
    }),
    ("restic restores a host", |host, _, caller| {
        let restic = host.spawn(
            caller,
            "/usr/local/bin/restic",
            &["restic", "-r", "rest:http://10.0.0.9:8000/", "restore", "latest", "--target", "/"],
        );
        host.connect(restic, "10.0.0.9:8000");
        restore(host, restic, "");
        serve(host, restic, 1.5, 70);
    }),
    ("the agent of a backup restores a host", |host, init, _| {
        let agent = host.spawn(init, "/usr/sbin/bareos-fd", &["bareos-fd", "-f"]);
        host.wait(seconds(86_400));
        host.connect(agent, "10.0.0.9:9103");
        restore(host, agent, "");
    }),
    ("borg extracts a root by a wrapper", |host, _, caller| {
        let wrapper = host.spawn_script(caller, "/usr/bin/python3.11", "/usr/bin/borgmatic");
        let borg = host.spawn_script(wrapper, "/usr/bin/python3.11", "/usr/bin/borg");
        let ssh = host.spawn(borg, "/usr/bin/ssh", &["ssh", "borg@10.0.0.9", "borg", "serve"]);
        host.connect(ssh, "10.0.0.9:22");
        restore(host, borg, "");
    }),
    ("tar unpacks a root", |host, _, caller| {
        fetch(host, caller, "https://backup.example.com/root.tar", "/var/backups/root.tar", "10.0.0.9:443");
        let tar = host.spawn(caller, "/usr/bin/tar", &["tar", "-xpf", "/var/backups/root.tar", "-C", "/"]);
        restore(host, tar, "");
    }),
    ("nginx from source", |host, init, caller| {
        fetch(host, caller, "https://nginx.org/nginx.tar.gz", "/tmp/build/nginx.tar.gz", "198.51.100.7:443");
        let tar = host.spawn(caller, "/usr/bin/tar", &["tar", "xf", "/tmp/build/nginx.tar.gz"]);
        host.create(tar, "/tmp/build/nginx-1.27/configure", 0o755);
        host.exit(tar);
        let configure = host.spawn_script(caller, "/usr/bin/dash", "/tmp/build/nginx-1.27/configure");
        host.exit(configure);
        build(host, caller, &["/tmp/build/nginx-1.27/objs/nginx"]);
        let test = host.spawn(caller, "/usr/bin/prove", &["prove", "."]);
        let nginx = host.spawn(
            test,
            "/tmp/build/nginx-1.27/objs/nginx",
            &["/tmp/build/nginx-1.27/objs/nginx", "-p", "/tmp/t"],
        );
        host.connect(nginx, "10.0.0.6:8080");
        let worker = host.fork(nginx);
        host.burn(worker, 1.0, 70);
        let install =
            host.spawn(caller, "/usr/bin/install", &["install", "objs/nginx", "/usr/local/sbin/nginx"]);
        host.create(install, "/usr/local/sbin/nginx", 0o755);
        host.exit(install);
        host.create(caller, "/etc/systemd/system/nginx.service", 0o644);
        let service =
            host.spawn(init, "/usr/local/sbin/nginx", &["nginx: master process /usr/local/sbin/nginx"]);
        host.connect(service, "10.0.0.6:8080");
    }),
    ("sshd from source", |host, _, caller| {
        build(host, caller, &["/tmp/openssh/sshd", "/tmp/openssh/ssh", "/tmp/openssh/sshd-session"]);
        let test = host.spawn_script(caller, "/usr/bin/dash", "/tmp/openssh/regress/test-exec.sh");
        let sshd = host.spawn(
            test,
            "/tmp/openssh/sshd",
            &["/tmp/openssh/sshd", "-f", "/tmp/openssh/regress/sshd_config"],
        );
        let session = host.spawn(sshd, "/tmp/openssh/sshd-session", &["sshd-session: me [priv]"]);
        host.connect(session, "10.0.0.6:2222");
        host.burn(session, 1.0, 70);
    }),
    ("systemd from source", |host, _, caller| {
        build(host, caller, &["/tmp/systemd/build/systemd-resolved", "/tmp/systemd/build/systemd-journald"]);
        for program in ["systemd-resolved", "systemd-journald"] {
            let path = format!("/tmp/systemd/build/{program}");
            let test = host.spawn(caller, &path, &[&path]);
            host.connect(test, "10.0.0.53:53");
            host.burn(test, 1.0, 70);
        }
    }),
    ("a benchmark of a node's height", |host, _, caller| {
        let wrk =
            host.spawn(caller, "/usr/bin/wrk", &["wrk", "-t2", "-d90s", "http://10.0.0.4:18081/getheight"]);
        host.connect(wrk, "10.0.0.4:18081");
        for _ in 0..300 {
            host.send(wrk, "10.0.0.4:18081", "GET /getheight HTTP/1.1\r\nHost: node\r\n\r\n");
        }
        serve(host, wrk, 2.0, 90);
    }),
    ("an explorer of a mempool", |host, init, _| {
        let node = host.spawn(init, "/usr/bin/node", &["node", "/srv/mempool/backend/dist/index.js"]);
        for _ in 0..20 {
            host.wait(seconds(5));
            host.connect(node, "10.0.0.4:8332");
            ask(host, node, "10.0.0.4:8332", r#"{"id":1,"method":"getblockcount","params":[]}"#);
            let template = r#"{"id":2,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#;
            ask(host, node, "10.0.0.4:8332", template);
        }
        serve(host, node, 1.5, 400);
    }),
    ("the monitoring of an exchange", |host, init, _| {
        let monitor = host.spawn_script(init, "/usr/bin/python3.11", "/opt/wallets/monitor.py");
        host.connect(monitor, "10.0.0.4:18081");
        for _ in 0..120 {
            host.wait(seconds(1));
            host.send(monitor, "10.0.0.4:18081", "GET /getheight HTTP/1.1\r\nHost: node\r\n\r\n");
            ask(host, monitor, "10.0.0.4:18081", r#"{"id":"0","method":"getblockcount"}"#);
        }
        serve(host, monitor, 1.0, 310);
    }),
    ("a playbook that protects a unit", |host, init, _| {
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: deploy@notty"]);
        for number in 0..3 {
            let module = format!("/home/deploy/.ansible/tmp/ansible-tmp-17.{number}-9-1/AnsiballZ_file.py");
            let shell =
                host.spawn(sshd, "/usr/bin/dash", &["sh", "-c", "sudo -H -S -n -u root /bin/sh -c x"]);
            let python = host.spawn(shell, "/usr/bin/python3.11", &["/usr/bin/python3", &module]);
            host.connect(python, "198.51.100.7:443");
            host.create(python, "/etc/systemd/system/app.service", 0o644);
            run(host, python, "chattr +i /etc/systemd/system/app.service");
            run(host, python, "chattr +i /etc/resolv.conf");
        }
    }),
    ("a playbook that a host pulls", |host, _, caller| {
        let pull = host.spawn_script(caller, "/opt/ansible/bin/python3", "/opt/ansible/bin/ansible-pull");
        let play = host.spawn_script(pull, "/opt/ansible/bin/python3", "/opt/ansible/bin/ansible-playbook");
        let git = host.spawn(pull, "/usr/bin/git", &["git", "fetch"]);
        host.connect(git, "10.0.0.9:22");
        let module = "/root/.ansible/tmp/ansible-tmp-17.3-9-1/AnsiballZ_file.py";
        let python = host.spawn(play, "/usr/bin/python3.11", &["/usr/bin/python3", module]);
        host.connect(python, "198.51.100.7:443");
        host.create(python, "/etc/cron.d/app", 0o644);
        run(host, python, "chattr +i /etc/cron.d/app");
    }),
    ("the first boot of a machine", |host, init, _| {
        let cloud = host.spawn_script(init, "/usr/bin/python3.11", "/usr/bin/cloud-init");
        let script = host.spawn_script(cloud, "/usr/bin/bash", "/var/lib/cloud/instance/scripts/runcmd");
        fetch(host, script, "https://get.example.com/agent", "/opt/agent/agent", "198.51.100.7:443");
        host.create(script, "/etc/systemd/system/agent.service", 0o644);
        run(host, script, "chattr +i /etc/systemd/system/agent.service");
        host.exit(script);
        host.exit(cloud);
        let agent = host.spawn(init, "/opt/agent/agent", &["/opt/agent/agent"]);
        host.connect(agent, "198.51.100.7:443");
    }),
    ("an agent of a configuration management", |host, init, _| {
        let puppet =
            host.spawn_script(init, "/opt/puppetlabs/puppet/bin/ruby", "/opt/puppetlabs/puppet/bin/puppet");
        host.wait(seconds(1_800));
        host.connect(puppet, "10.0.0.8:8140");
        host.create(puppet, "/etc/systemd/system/app.service", 0o644);
        host.create(puppet, "/etc/cron.d/app", 0o644);
        run(host, puppet, "chattr +i /etc/systemd/system/app.service");
        run(host, puppet, "systemctl disable --now firewalld");
    }),
    ("the installer of a small Kubernetes", |host, init, caller| {
        let shell = piped(host, caller, "https://get.k3s.io");
        fetch(host, shell, "https://github.com/k3s", "/tmp/k3s-install.Ab1/k3s", "198.51.100.7:443");
        host.chmod(shell, "/tmp/k3s-install.Ab1/k3s", 0o755);
        let mv = host.spawn(shell, "/usr/bin/mv", &["mv"]);
        host.rename(mv, "/tmp/k3s-install.Ab1/k3s", "/usr/local/bin/k3s");
        host.exit(mv);
        for tool in ["kubectl", "crictl", "ctr"] {
            host.symlink(shell, "/usr/local/bin/k3s", &format!("/usr/local/bin/{tool}"));
        }
        host.create(shell, "/usr/local/bin/k3s-killall.sh", 0o755);
        host.create(shell, "/etc/systemd/system/k3s.service.env", 0o600);
        host.create(shell, "/etc/systemd/system/k3s.service", 0o644);
        run(host, shell, "systemctl enable k3s");
        host.exit(shell);
        let k3s = host.spawn(init, "/usr/local/bin/k3s", &["/usr/local/bin/k3s", "server"]);
        host.create(k3s, "/var/lib/rancher/k3s/data/1a/bin/containerd", 0o755);
        let containerd =
            host.spawn(k3s, "/var/lib/rancher/k3s/data/1a/bin/containerd", &["containerd", "-c", "x"]);
        host.connect(containerd, "198.51.100.7:443");
        host.connect(k3s, "10.0.0.7:6443");
        serve(host, k3s, 1.0, 310);
    }),
    ("a killall script of a small Kubernetes", |host, _, caller| {
        let script = host.spawn_script(caller, "/usr/bin/dash", "/usr/local/bin/k3s-killall.sh");
        run(host, script, "ps -e -o ppid= -o pid= -o comm=");
        run(host, script, "iptables-save");
        run(host, script, "iptables-restore");
        run(host, script, "rm -rf /var/lib/cni /run/k3s");
    }),
    ("the installer of a private network", |host, init, caller| {
        let shell = piped(host, caller, "https://tailscale.com/install.sh");
        fetch(
            host,
            shell,
            "https://pkgs.tailscale.com/x",
            "/usr/share/keyrings/tailscale.gpg",
            "198.51.100.7:443",
        );
        host.create(shell, "/etc/apt/sources.list.d/tailscale.list", 0o644);
        let apt = host.spawn(shell, "/usr/bin/apt-get", &["apt-get", "install", "-y", "tailscale"]);
        host.connect(apt, "198.51.100.7:443");
        let dpkg = host.spawn(apt, "/usr/bin/dpkg", &["dpkg", "--unpack", "tailscale.deb"]);
        host.create(dpkg, "/usr/lib/systemd/system/tailscaled.service", 0o644);
        host.exit(dpkg);
        host.exit(apt);
        let daemon = host.spawn(init, "/usr/sbin/tailscaled", &["tailscaled"]);
        keep_in_touch(host, daemon, "198.51.100.20:443");
    }),
    ("a package manager in a home directory", |host, _, caller| {
        let shell =
            host.spawn(caller, "/usr/bin/bash", &["bash", "-c", "$(curl -fsSL https://x/install.sh)"]);
        let git = host.spawn(shell, "/usr/bin/git", &["git", "fetch"]);
        host.connect(git, "198.51.100.7:443");
        fetch(
            host,
            shell,
            "https://ghcr.io/x",
            "/home/linuxbrew/.cache/Homebrew/jq.tar.gz",
            "198.51.100.7:443",
        );
        let ruby = host.spawn_script(
            shell,
            "/home/linuxbrew/.linuxbrew/Homebrew/Library/Homebrew/vendor/portable-ruby/current/bin/ruby",
            "/home/linuxbrew/.linuxbrew/Homebrew/Library/Homebrew/brew.rb",
        );
        host.connect(ruby, "198.51.100.7:443");
        host.create(ruby, "/home/linuxbrew/.linuxbrew/Cellar/jq/1.7/bin/jq", 0o755);
        host.write(shell, "/root/.bashrc");
        build(host, ruby, &["/tmp/jq-20261130-1-ab/jq-1.7/jq"]);
        let jq = host.spawn(ruby, "/tmp/jq-20261130-1-ab/jq-1.7/jq", &["jq", "--version"]);
        host.exit(jq);
    }),
    ("a version manager builds a language", |host, _, caller| {
        let shell =
            host.spawn_script(caller, "/usr/bin/bash", "/root/.pyenv/plugins/python-build/bin/python-build");
        fetch(
            host,
            shell,
            "https://python.org/x",
            "/tmp/python-build.2026.1/Python-3.13.tar.xz",
            "198.51.100.7:443",
        );
        let configure =
            host.spawn_script(shell, "/usr/bin/dash", "/tmp/python-build.2026.1/Python-3.13/configure");
        host.create(configure, "/tmp/python-build.2026.1/Python-3.13/conftest", 0o755);
        host.exit(configure);
        build(host, shell, &["/tmp/python-build.2026.1/Python-3.13/python"]);
        let test = host.spawn(
            shell,
            "/tmp/python-build.2026.1/Python-3.13/python",
            &["./python", "-m", "test", "--pgo"],
        );
        host.connect(test, "198.51.100.7:443");
        host.burn(test, 1.0, 310);
        host.create(shell, "/root/.pyenv/versions/3.13/bin/python3.13", 0o755);
        host.write(shell, "/root/.bashrc");
    }),
    ("an agent of builds with a shell", |host, init, _| {
        let runner = host.spawn(init, "/usr/bin/gitlab-runner", &["gitlab-runner", "run"]);
        host.connect(runner, "10.0.0.9:443");
        let job = host.spawn(runner, "/usr/bin/bash", &["bash", "--login"]);
        fetch(
            host,
            job,
            "http://10.0.0.9:8081/tool",
            "/home/gitlab-runner/builds/1a/0/ops/app/tool",
            "10.0.0.9:8081",
        );
        host.chmod(job, "/home/gitlab-runner/builds/1a/0/ops/app/tool", 0o755);
        let tool = host.spawn(
            job,
            "/home/gitlab-runner/builds/1a/0/ops/app/tool",
            &["/home/gitlab-runner/builds/1a/0/ops/app/tool", "publish"],
        );
        host.connect(tool, "10.0.0.9:443");
        host.burn(tool, 2.0, 310);
        host.create(job, "/etc/systemd/system/app.service", 0o644);
    }),
    ("an agent of builds on Java", |host, init, _| {
        let agent = host.spawn(
            init,
            "/usr/bin/java",
            &["java", "-jar", "/home/jenkins/agent.jar", "-url", "http://ci"],
        );
        host.connect(agent, "10.0.0.9:50000");
        let shell = host.spawn(agent, "/usr/bin/dash", &["sh", "-xe", "/tmp/jenkins12.sh"]);
        fetch(host, shell, "https://get.helm.sh/x", "/tmp/helm", "198.51.100.7:443");
        host.chmod(shell, "/tmp/helm", 0o755);
        let helm = host.spawn(shell, "/tmp/helm", &["/tmp/helm", "upgrade"]);
        host.connect(helm, "10.0.0.7:6443");
        host.write(shell, "/home/jenkins/.ssh/config");
        host.burn(helm, 2.0, 70);
    }),
    ("a scheduler that starts programs of its own", |host, init, _| {
        let nomad = host.spawn(init, "/usr/bin/nomad", &["nomad", "agent", "-config", "/etc/nomad.d"]);
        host.connect(nomad, "10.0.0.7:4647");
        let logs = host.spawn(nomad, "/usr/bin/nomad", &["/usr/bin/nomad", "logmon"]);
        host.wait(seconds(3_600));
        host.connect(nomad, "198.51.100.7:443");
        host.create(nomad, "/opt/nomad/alloc/1a/web/local/app", 0o755);
        let executor = host.spawn(nomad, "/usr/bin/nomad", &["/usr/bin/nomad", "executor", "x"]);
        let task = host.spawn(executor, "/opt/nomad/alloc/1a/web/local/app", &["local/app"]);
        host.connect(task, "10.0.0.5:5432");
        host.burn(task, 2.0, 310);
        host.exit(logs);
    }),
    ("automatic upgrades", |host, init, _| {
        let upgrade = host.spawn_script(init, "/usr/bin/python3.11", "/usr/bin/unattended-upgrade");
        host.connect(upgrade, "198.51.100.8:80");
        let dpkg = host.spawn(upgrade, "/usr/bin/dpkg", &["dpkg", "--unpack"]);
        for tool in ["/usr/bin/ps", "/usr/bin/top", "/usr/sbin/sshd", "/usr/bin/sudo", "/usr/bin/curl"] {
            host.rename(dpkg, &format!("{tool}.dpkg-new"), tool);
        }
        let postinst = host.spawn_script(dpkg, "/usr/bin/dash", "/var/lib/dpkg/info/linux-image.postinst");
        let update = host.spawn_script(postinst, "/usr/bin/dash", "/usr/sbin/update-initramfs");
        host.create(update, "/var/tmp/mkinitramfs_Ab1/usr/bin/kmod", 0o755);
        host.burn(update, 1.0, 70);
    }),
    ("a certificate with hooks", |host, _, caller| {
        let certbot = host.spawn_script(caller, "/usr/bin/python3.11", "/usr/bin/certbot");
        host.connect(certbot, "198.51.100.9:443");
        host.create(certbot, "/etc/letsencrypt/live/x/fullchain.pem", 0o644);
        let hook =
            host.spawn(certbot, "/usr/bin/dash", &["sh", "-c", "/etc/letsencrypt/renewal-hooks/deploy/x.sh"]);
        let script = host.spawn_script(hook, "/usr/bin/bash", "/etc/letsencrypt/renewal-hooks/deploy/x.sh");
        let scp = host.spawn(script, "/usr/bin/scp", &["scp", "fullchain.pem", "lb:/etc/ssl/"]);
        host.connect(scp, "10.0.0.9:22");
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-X", "POST", "http://10.0.0.9/reload"]);
        host.connect(curl, "10.0.0.9:80");
        run(host, script, "systemctl restart nginx postfix dovecot");
    }),
    ("who bans addresses", |host, init, _| {
        let fail2ban = host.spawn_script(init, "/usr/bin/python3.11", "/usr/bin/fail2ban-server");
        for number in 0..30 {
            host.wait(seconds(20));
            let shell = host.spawn(fail2ban, "/usr/bin/dash", &["/bin/sh", "-c", "nft add element x"]);
            run(
                host,
                shell,
                &format!("nft add element inet f2b-table addr-set-sshd {{198.51.100.{number}}}"),
            );
            let whois = host.spawn(shell, "/usr/bin/whois", &["whois", "198.51.100.1"]);
            host.connect(whois, "198.51.100.50:43");
        }
        run(host, fail2ban, "iptables -F f2b-sshd");
        run(host, fail2ban, "iptables -X f2b-sshd");
    }),
    ("the rotation of logs with scripts", |host, _, caller| {
        let rotate = host.spawn(caller, "/usr/sbin/logrotate", &["logrotate", "/etc/logrotate.conf"]);
        for log in ["syslog", "auth.log", "wtmp", "btmp", "messages"] {
            host.rename(rotate, &format!("/var/log/{log}"), &format!("/var/log/{log}.1"));
            host.create(rotate, &format!("/var/log/{log}"), 0o640);
            host.delete(rotate, &format!("/var/log/{log}.8.gz"));
        }
        let script = host.spawn(rotate, "/usr/bin/dash", &["sh", "-c", "pkill -HUP rsyslogd; aws s3 cp"]);
        run(host, script, "pkill -HUP rsyslogd");
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-T", "/var/log/syslog.1", "https://logs/"]);
        host.connect(curl, "198.51.100.9:443");
    }),
    ("backups by a shell script", |host, _, caller| {
        let script = host.spawn_script(caller, "/usr/bin/bash", "/usr/local/sbin/backup.sh");
        let restic = host.spawn(script, "/usr/local/bin/restic", &["restic", "backup", "/"]);
        host.connect(restic, "198.51.100.9:443");
        serve(host, restic, 1.9, 310);
        host.create(restic, "/root/.cache/restic/1a/data", 0o600);
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-m", "10", "https://hc-ping.com/x"]);
        host.connect(curl, "198.51.100.9:443");
    }),
    ("a surface for a tunnel", |host, init, _| {
        let surface = host.spawn(init, "/usr/local/bin/wireguard-ui", &["wireguard-ui"]);
        host.wait(seconds(900));
        host.connect(surface, "198.51.100.9:443");
        host.create(surface, "/etc/wireguard/wg0.conf", 0o600);
        let shell = host.spawn(surface, "/usr/bin/bash", &["bash", "/usr/bin/wg-quick", "up", "wg0"]);
        run(host, shell, "iptables -I FORWARD -i wg0 -j ACCEPT");
        run(host, shell, "sysctl -q net.ipv4.conf.all.src_valid_mark=1");
        host.create(surface, "/etc/systemd/system/wgui.path", 0o644);
    }),
    ("servers that are updated by hand", |host, init, caller| {
        fetch(host, caller, "https://dl.min.io/minio", "/tmp/minio", "198.51.100.7:443");
        host.chmod(caller, "/tmp/minio", 0o755);
        let version = host.spawn(caller, "/tmp/minio", &["/tmp/minio", "--version"]);
        host.exit(version);
        run(host, caller, "systemctl stop minio");
        let mv = host.spawn(caller, "/usr/bin/mv", &["mv", "/tmp/minio", "/usr/local/bin/minio"]);
        host.rename(mv, "/tmp/minio", "/usr/local/bin/minio");
        host.create(caller, "/etc/systemd/system/minio.service", 0o644);
        let minio = host.spawn(init, "/usr/local/bin/minio", &["minio", "server", "/data"]);
        host.connect(minio, "10.0.0.7:9000");
        fetch(host, caller, "https://github.com/etcd", "/tmp/etcd.tgz", "198.51.100.7:443");
        let tar =
            host.spawn(caller, "/usr/bin/tar", &["tar", "xf", "/tmp/etcd.tgz", "-C", "/tmp/etcd-download"]);
        host.create(tar, "/tmp/etcd-download/etcd", 0o755);
        let etcd = host.spawn(caller, "/tmp/etcd-download/etcd", &["/tmp/etcd-download/etcd"]);
        host.connect(etcd, "10.0.0.7:2380");
        host.burn(etcd, 1.0, 70);
    }),
    ("files that are kept in step", |host, init, _| {
        let sync = host.spawn(init, "/usr/bin/syncthing", &["syncthing", "serve"]);
        keep_in_touch(host, sync, "203.0.113.7:22000");
        host.create(sync, "/home/me/Sync/.stfolder/x", 0o644);
        serve(host, sync, 1.9, 310);
    }),
];

/// Installers of products in one's own network. Nobody lets cron fetch them.
const INSTALLERS: [(&str, Work); 2] = [
    ("an agent from a server in one's own network", |host, init, caller| {
        let url = "http://10.1.2.3:8080/agent-installer";
        fetch(host, caller, url, "/tmp/agent-installer", "10.1.2.3:8080");
        host.chmod(caller, "/tmp/agent-installer", 0o755);
        let installer =
            host.spawn(caller, "/tmp/agent-installer", &["/tmp/agent-installer", "--server", "10.1.2.3"]);
        host.connect(installer, "10.1.2.3:8443");
        host.create(installer, "/opt/agent/bin/agent", 0o755);
        host.create(installer, "/etc/systemd/system/agent.service", 0o644);
        run(host, installer, "systemctl enable --now agent.service");
        host.exit(installer);
        let agent = host.spawn(init, "/opt/agent/bin/agent", &["/opt/agent/bin/agent"]);
        keep_in_touch(host, agent, "10.1.2.3:8443");
    }),
    ("an agent whose script comes from an address", |host, init, caller| {
        let curl = host.spawn(caller, "/usr/bin/curl", &["curl", "-k", "https://192.168.7.5/install.sh"]);
        host.connect(curl, "192.168.7.5:443");
        let shell = host.spawn(caller, "/usr/bin/bash", &["bash", "-s"]);
        host.exit(curl);
        fetch(host, shell, "https://192.168.7.5/a.tgz", "/tmp/a.tgz", "192.168.7.5:443");
        let tar = host.spawn(shell, "/usr/bin/tar", &["tar", "xf", "/tmp/a.tgz", "-C", "/opt/monitor"]);
        host.create(tar, "/opt/monitor/monitord", 0o755);
        host.exit(tar);
        host.create(shell, "/etc/systemd/system/monitord.service", 0o644);
        host.exit(shell);
        let agent = host.spawn(init, "/opt/monitor/monitord", &["/opt/monitor/monitord"]);
        keep_in_touch(host, agent, "192.168.7.5:5671");
        serve(host, agent, 1.0, 70);
    }),
];

/// Work that only a person does.
const BY_HAND: [(&str, Work); 2] = [
    ("the installer of a profiler", |host, init, caller| {
        let script = "/tmp/Dynatrace-OneAgent-Linux.sh";
        fetch(host, caller, "https://tenant.example.com/installer", script, "198.51.100.9:443");
        let shell = host.spawn_script(caller, "/usr/bin/dash", script);
        let tar = host.spawn(shell, "/usr/bin/tar", &["tar", "xJf", "-", "-C", "/opt/dynatrace"]);
        host.create(tar, "/opt/dynatrace/oneagent/agent/lib64/oneagentwatchdog", 0o755);
        host.create(tar, "/opt/dynatrace/oneagent/agent/lib64/oneagentos", 0o755);
        host.exit(tar);
        let check = host.spawn(shell, "/usr/bin/curl", &["curl", "https://tenant.example.com/api"]);
        host.connect(check, "198.51.100.9:443");
        host.create(shell, "/etc/systemd/system/oneagent.service", 0o644);
        host.create(shell, "/etc/ld.so.preload", 0o644);
        run(host, shell, "systemctl enable --now oneagent");
        host.exit(shell);
        let watchdog =
            host.spawn(init, "/opt/dynatrace/oneagent/agent/lib64/oneagentwatchdog", &["oneagentwatchdog"]);
        let agent = host.spawn(watchdog, "/opt/dynatrace/oneagent/agent/lib64/oneagentos", &["oneagentos"]);
        host.connect(agent, "198.51.100.9:443");
        host.write(agent, "/etc/ld.so.preload");
        serve(host, agent, 1.0, 70);
    }),
    ("an installer of a profiler that fetches its parts", |host, init, caller| {
        let shell = piped(host, caller, "https://install.example.com/scripts/install_script_agent7.sh");
        let path = "/tmp/datadog-installer-Ab1/installer";
        fetch(host, shell, "https://install.example.com/blobs/1a", path, "198.51.100.9:443");
        host.chmod(shell, path, 0o755);
        let installer = host.spawn(shell, path, &[path, "setup"]);
        host.connect(installer, "198.51.100.9:443");
        host.create(installer, "/opt/datadog-packages/datadog-agent/7.60/bin/agent/agent", 0o755);
        host.create(installer, "/etc/systemd/system/datadog-agent.service", 0o644);
        host.create(installer, "/etc/ld.so.preload", 0o644);
        serve(host, installer, 1.0, 70);
        host.exit(installer);
        let agent =
            host.spawn(init, "/opt/datadog-packages/datadog-agent/7.60/bin/agent/agent", &["agent", "run"]);
        host.connect(agent, "198.51.100.9:443");
        serve(host, agent, 1.0, 70);
    }),
];

/// More work, which takes its computing time.
const LOADS: [(&str, Work); 8] = [
    ("an editor on a remote host", |host, init, _| {
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: me@notty"]);
        let shell = host.spawn(sshd, "/usr/bin/bash", &["bash"]);
        let wget =
            host.spawn(shell, "/usr/bin/wget", &["wget", "-O", "vscode-server.tar.gz", "https://update"]);
        host.connect(wget, "198.51.100.7:443");
        host.create(wget, "/home/me/.vscode-server/vscode-server.tar.gz", 0o644);
        let tar = host.spawn(shell, "/usr/bin/tar", &["tar", "xf", "vscode-server.tar.gz"]);
        host.create(tar, "/home/me/.vscode-server/bin/1a/node", 0o755);
        let node = host.spawn(shell, "/home/me/.vscode-server/bin/1a/node", &["node", "out/server-main.js"]);
        host.connect(node, "198.51.100.7:443");
        host.write(node, "/home/me/.bashrc");
        let host_process =
            host.spawn(node, "/home/me/.vscode-server/bin/1a/node", &["node", "bootstrap-fork"]);
        host.create(host_process, "/home/me/.vscode-server/extensions/rust/server/rust-analyzer", 0o755);
        let analyzer = host.spawn(
            host_process,
            "/home/me/.vscode-server/extensions/rust/server/rust-analyzer",
            &["rust-analyzer"],
        );
        host.burn(analyzer, 2.0, 310);
    }),
    ("workers of a remote build", |host, init, _| {
        let worker = host.spawn(init, "/usr/local/bin/bb_worker", &["bb_worker", "/etc/bb/worker.jsonnet"]);
        keep_in_touch(host, worker, "10.0.0.7:8981");
        for number in 0..4 {
            let path = format!("/worker/build/{number}/root/external/llvm/bin/clang");
            host.create(worker, &path, 0o755);
            let clang = host.spawn(worker, &path, &["clang", "-c", "x.cc"]);
            host.burn(clang, 1.9, 80);
            host.exit(clang);
        }
    }),
    ("a farm of encoders", |host, init, _| {
        let worker = host.spawn_script(init, "/usr/bin/python3.11", "/opt/farm/worker.py");
        host.connect(worker, "10.0.0.7:6379");
        fetch(host, worker, "http://10.0.0.7:9000/in.mkv", "/tmp/farm/in.mkv", "10.0.0.7:9000");
        let ffmpeg = host.spawn(worker, "/opt/farm/bin/ffmpeg", &["ffmpeg", "-i", "/tmp/farm/in.mkv"]);
        host.connect(ffmpeg, "10.0.0.7:9000");
        host.burn(ffmpeg, 2.0, 700);
    }),
    ("nodes that render", |host, init, caller| {
        fetch(host, caller, "http://10.0.0.7/blender.tar.xz", "/tmp/blender.tar.xz", "10.0.0.7:80");
        let tar =
            host.spawn(caller, "/usr/bin/tar", &["tar", "xf", "/tmp/blender.tar.xz", "-C", "/tmp/render"]);
        host.create(tar, "/tmp/render/blender-4.2/blender", 0o755);
        host.exit(tar);
        let worker = host.spawn(caller, "/opt/flamenco/flamenco-worker", &["flamenco-worker"]);
        host.connect(worker, "10.0.0.7:8080");
        let blender = host.spawn(worker, "/tmp/render/blender-4.2/blender", &["blender", "-b", "x.blend"]);
        host.connect(blender, "10.0.0.7:8080");
        host.burn(blender, 2.0, 700);
        host.create(caller, "/etc/systemd/system/flamenco.service", 0o644);
        let _ = init;
    }),
    ("computing for science", |host, init, _| {
        let client = host.spawn(init, "/usr/bin/boinc", &["boinc", "--dir", "/var/lib/boinc-client"]);
        host.connect(client, "198.51.100.30:443");
        let path = "/var/lib/boinc-client/projects/einstein.example/hsgamma_1.28_x86_64-pc-linux-gnu";
        host.create(client, path, 0o755);
        let work = host.spawn(client, path, &["hsgamma", "--skyPosition", "1.2"]);
        host.burn(work, 2.0, 1_000);
        keep_in_touch(host, client, "198.51.100.30:443");
    }),
    ("proteins that fold", |host, init, _| {
        let client =
            host.spawn(init, "/usr/bin/fah-client", &["fah-client", "--config=/etc/fah-client/config.xml"]);
        host.connect(client, "198.51.100.31:443");
        let path = "/var/lib/fah-client/cores/fahcore-a8-lin-64bit-avx2_256-0.0.12/FahCore_a8";
        host.create(client, path, 0o755);
        let core = host.spawn(client, path, &["FahCore_a8", "-dir", "01"]);
        host.burn(core, 2.0, 1_000);
    }),
    ("a toolchain from the web", |host, _, caller| {
        let shell = piped(host, caller, "https://sh.rustup.rs");
        fetch(host, shell, "https://static.rust-lang.org/x", "/tmp/tmp.Ab1/rustup-init", "198.51.100.7:443");
        run(host, shell, "chmod u+x /tmp/tmp.Ab1/rustup-init");
        host.chmod(shell, "/tmp/tmp.Ab1/rustup-init", 0o755);
        let init = host.spawn(shell, "/tmp/tmp.Ab1/rustup-init", &["/tmp/tmp.Ab1/rustup-init", "-y"]);
        host.connect(init, "198.51.100.7:443");
        host.create(init, "/root/.cargo/bin/cargo", 0o755);
        for file in ["/root/.profile", "/root/.bashrc", "/root/.zshenv"] {
            host.write(init, file);
        }
        host.burn(init, 1.2, 70);
    }),
    ("a server of models", |host, init, caller| {
        let shell = piped(host, caller, "https://ollama.com/install.sh");
        let tar = host.spawn(shell, "/usr/bin/tar", &["tar", "xzf", "-", "-C", "/usr/local"]);
        host.create(tar, "/usr/local/bin/ollama", 0o755);
        host.exit(tar);
        let useradd = host.spawn(shell, "/usr/sbin/useradd", &["useradd", "-r", "ollama"]);
        host.rename(useradd, "/etc/passwd+", "/etc/passwd");
        let tee = host.spawn(shell, "/usr/bin/tee", &["tee", "/etc/systemd/system/ollama.service"]);
        host.create(tee, "/etc/systemd/system/ollama.service", 0o644);
        host.exit(tee);
        host.exit(shell);
        let server = host.spawn(init, "/usr/local/bin/ollama", &["ollama", "serve"]);
        host.connect(server, "198.51.100.7:443");
        let runner = host.spawn(server, "/usr/local/bin/ollama", &["ollama", "runner", "--model", "x"]);
        host.burn(runner, 2.0, 1_000);
    }),
];

#[test]
fn the_work_of_operations_wakes_nobody() {
    let mut wrong = Vec::new();
    let all = [(&WORK[..], 3), (&LOADS, 3), (&INSTALLERS, 2), (&BY_HAND, 1)];
    for (name, work, starters) in
        all.iter().flat_map(|(works, starters)| works.iter().map(|(name, work)| (name, work, *starters)))
    {
        for starter in STARTERS.into_iter().take(starters) {
            let host = host_after(starter, *work);
            if verdict(&host) > Some(Verdict::Noted) {
                wrong.push(format!("{name} ({starter:?}): {}", story(&alerts(&host))));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
