//! Ordinary activity that must not cause an alert of suspected or above.

use crate::{
    model::{EventBody, ProcessKey, Protocol, RunningFlow, Verdict},
    testing::{Host, alerts, seconds, story, verdict},
};

/// A host with an administrator logged in.
struct Day {
    host: Host,
    init: ProcessKey,
    login: ProcessKey,
}

fn day() -> Day {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: me"]);
    let login = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
    host.create(sshd, "/var/log/wtmp", 0o644);
    Day { host, init, login }
}

/// Checks that there is no alert.
#[track_caller]
fn silent(day: &Day) {
    let alerts = alerts(&day.host);
    assert!(alerts.is_empty(), "{}", story(&alerts));
}

/// Checks that no verdict is above noted.
#[track_caller]
fn never_pages(day: &Day) {
    assert!(verdict(&day.host) <= Some(Verdict::Noted), "{}", story(&alerts(&day.host)));
}

#[test]
fn apt_get_install_of_a_service() {
    let mut day = day();
    let Day { host, init, login } = &mut day;
    let apt = host.spawn(*login, "/usr/bin/apt-get", &["apt-get", "install", "-y", "redis"]);
    let http = host.spawn(apt, "/usr/lib/apt/methods/http", &["http"]);
    host.connect(http, "10.0.0.80:80");
    host.create(http, "/var/cache/apt/archives/partial/redis.deb", 0o644);
    let dpkg = host.spawn(apt, "/usr/bin/dpkg", &["dpkg", "--unpack"]);
    host.create(dpkg, "/usr/bin/redis-server.dpkg-new", 0o755);
    host.rename(dpkg, "/usr/bin/redis-server.dpkg-new", "/usr/bin/redis-server");
    host.create(dpkg, "/usr/lib/systemd/system/redis.service", 0o644);
    host.create(dpkg, "/etc/init.d/redis-server", 0o755);
    host.create(dpkg, "/etc/cron.daily/redis", 0o755);
    host.create(dpkg, "/tmp/preinst.x", 0o755);
    let script = host.spawn_script(dpkg, "/usr/bin/dash", "/tmp/preinst.x");
    let fetch = host.spawn(script, "/usr/bin/curl", &["curl", "http://10.0.0.80/asset"]);
    host.connect(fetch, "10.0.0.80:80");
    host.exit(apt);
    host.exit(dpkg);
    let redis = host.spawn(*init, "/usr/bin/redis-server", &["redis-server"]);
    host.connect(redis, "10.0.0.6:6379");
    silent(&day);
}

#[test]
fn dnf_upgrade_through_its_script() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let dnf = host.spawn_script(*login, "/usr/bin/python3.11", "/usr/bin/dnf");
    host.connect(dnf, "10.0.0.80:443");
    host.create(dnf, "/etc/systemd/system/x.service", 0o644);
    let scriptlet = host.spawn(dnf, "/usr/bin/dash", &["sh", "/var/tmp/rpm-tmp.x"]);
    host.create(scriptlet, "/etc/cron.d/x", 0o644);
    silent(&day);
}

#[test]
fn npm_install_with_install_scripts() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let npm = host.spawn(*login, "/usr/bin/node", &["node", "/usr/bin/npm", "install"]);
    host.connect(npm, "104.16.0.1:443");
    host.create(npm, "/home/me/app/node_modules/.bin/tool", 0o755);
    let shell = host.spawn(npm, "/usr/bin/dash", &["sh", "-c", "node install.js"]);
    let script = host.spawn(shell, "/usr/bin/node", &["node", "install.js"]);
    host.connect(script, "140.82.0.1:443");
    let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/tmp/prebuilt.tgz", "https://x"]);
    host.connect(curl, "140.82.0.1:443");
    host.create(curl, "/tmp/prebuilt.tgz", 0o644);
    host.create(script, "/home/me/app/node_modules/esbuild/bin/esbuild", 0o755);
    let esbuild =
        host.spawn(shell, "/home/me/app/node_modules/esbuild/bin/esbuild", &["esbuild", "--version"]);
    host.exit(esbuild);
    silent(&day);
}

#[test]
fn pip_install_that_builds_in_tmp() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let pip = host.spawn(*login, "/usr/bin/python3.11", &["python3", "-m", "pip", "install", "numpy"]);
    host.connect(pip, "151.101.0.223:443");
    host.create(pip, "/tmp/pip-build-env-x/overlay/bin/ninja", 0o755);
    let ninja = host.spawn(pip, "/tmp/pip-build-env-x/overlay/bin/ninja", &["ninja"]);
    let compiler = host.spawn(ninja, "/usr/lib/gcc/cc1", &["cc1"]);
    host.burn(compiler, 1.0, 70);
    host.create(pip, "/home/me/.local/bin/f2py", 0o755);
    never_pages(&day);
}

#[test]
fn cargo_build_with_build_scripts() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let cargo = host.spawn(*login, "/root/.cargo/bin/cargo", &["cargo", "build"]);
    host.connect(cargo, "151.101.0.223:443");
    for number in 0..50 {
        let path = format!("/root/app/target/debug/build/x{number}/build-script-build");
        let rustc = host.spawn(cargo, "/root/.rustup/toolchains/stable/bin/rustc", &["rustc"]);
        let linker = host.spawn(rustc, "/usr/bin/ld", &["ld"]);
        host.create(linker, &path, 0o755);
        let script = host.spawn(cargo, &path, &[&path]);
        host.connect(script, "140.82.0.1:443");
        host.exit(script);
    }
    let rustc = host.spawn(cargo, "/root/.rustup/toolchains/stable/bin/rustc", &["rustc"]);
    host.burn(rustc, 2.0, 130);
    silent(&day);
}

#[test]
fn an_installer_piped_into_a_shell_installs_into_the_home() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let curl = host.spawn(*login, "/usr/bin/curl", &["curl", "-sSf", "https://sh.rustup.rs"]);
    host.connect(curl, "13.0.0.1:443");
    let shell = host.spawn(*login, "/usr/bin/dash", &["sh", "-s", "--", "-y"]);
    let fetch = host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/tmp/tmp.X/rustup-init", "https://x"]);
    host.connect(fetch, "13.0.0.1:443");
    host.create(fetch, "/tmp/tmp.X/rustup-init", 0o644);
    let chmod = host.spawn(shell, "/usr/bin/chmod", &["chmod", "u+x", "/tmp/tmp.X/rustup-init"]);
    host.chmod(chmod, "/tmp/tmp.X/rustup-init", 0o755);
    let installer = host.spawn(shell, "/tmp/tmp.X/rustup-init", &["/tmp/tmp.X/rustup-init", "-y"]);
    host.connect(installer, "13.0.0.1:443");
    host.create(installer, "/root/.cargo/bin/rustc", 0o755);
    for file in ["/root/.profile", "/root/.bashrc", "/root/.zshenv"] {
        host.write(installer, file);
    }
    host.burn(installer, 1.2, 70);
    let rustc = host.spawn(installer, "/root/.cargo/bin/rustc", &["rustc", "--version"]);
    host.exit(rustc);
    never_pages(&day);
}

#[test]
fn a_vendor_installer_that_sets_a_service_up() {
    let mut day = day();
    let Day { host, init, login } = &mut day;
    let shell = host.spawn(*login, "/usr/bin/dash", &["sh", "-"]);
    let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/tmp/k3s-install.x/k3s", "https://x"]);
    host.connect(curl, "140.82.0.1:443");
    host.create(curl, "/tmp/k3s-install.x/k3s", 0o644);
    host.chmod(shell, "/tmp/k3s-install.x/k3s", 0o755);
    let mv = host.spawn(shell, "/usr/bin/mv", &["mv"]);
    host.rename(mv, "/tmp/k3s-install.x/k3s", "/usr/local/bin/k3s");
    host.create(shell, "/etc/systemd/system/k3s.service", 0o644);
    let service = host.spawn(*init, "/usr/local/bin/k3s", &["k3s", "server"]);
    host.connect(service, "10.0.0.7:6443");
    never_pages(&day);
}

#[test]
fn an_administrator_edits_crontabs() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let crontab = host.spawn(*login, "/usr/bin/crontab", &["crontab", "-e"]);
    host.create(crontab, "/tmp/crontab.Xy/crontab", 0o600);
    let editor = host.spawn(crontab, "/usr/bin/vim.basic", &["vim", "/tmp/crontab.Xy/crontab"]);
    host.write(editor, "/tmp/crontab.Xy/crontab");
    host.create(crontab, "/var/spool/cron/crontabs/tmp.Z", 0o600);
    host.rename(crontab, "/var/spool/cron/crontabs/tmp.Z", "/var/spool/cron/crontabs/root");
    let nano = host.spawn(*login, "/usr/bin/nano", &["nano", "/etc/cron.d/backup"]);
    host.write(nano, "/etc/cron.d/backup");
    silent(&day);
}

#[test]
fn cron_backups_by_rsync() {
    let mut day = day();
    let Day { host, init, .. } = &mut day;
    let cron = host.spawn(*init, "/usr/sbin/cron", &["cron"]);
    for _ in 0..30 {
        host.wait(seconds(3_600));
        let job = host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "/usr/local/bin/backup"]);
        let script = host.spawn_script(job, "/usr/bin/bash", "/usr/local/bin/backup");
        host.create(script, "/tmp/backup.lock", 0o600);
        let rsync = host.spawn(script, "/usr/bin/rsync", &["rsync", "-a", "/srv", "backup:/srv"]);
        let ssh = host.spawn(rsync, "/usr/bin/ssh", &["ssh", "backup", "rsync", "--server"]);
        host.connect(ssh, "10.0.0.9:22");
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "https://hc.example/ping"]);
        host.connect(curl, "10.0.0.8:443");
    }
    silent(&day);
}

#[test]
fn ssh_logins_and_key_rollout() {
    let mut day = day();
    let Day { host, init, .. } = &mut day;
    for number in 0..20 {
        let sshd = host.spawn(*init, "/usr/sbin/sshd", &["sshd: [accepted]"]);
        let shell = host.spawn(sshd, "/usr/bin/bash", &["bash", "-c", "cat >> .ssh/authorized_keys"]);
        host.write(shell, "/root/.ssh/authorized_keys");
        let scp = host.spawn(sshd, "/usr/lib/openssh/sftp-server", &["sftp-server"]);
        host.create(scp, &format!("/tmp/upload{number}"), 0o644);
    }
    silent(&day);
}

#[test]
fn certbot_renews() {
    let mut day = day();
    let Day { host, init, .. } = &mut day;
    let certbot = host.spawn_script(*init, "/usr/bin/python3.11", "/usr/bin/certbot");
    host.connect(certbot, "172.65.0.1:443");
    host.create(certbot, "/etc/letsencrypt/live/x/cert.pem", 0o644);
    let hook = host.spawn(certbot, "/usr/bin/dash", &["sh", "-c", "systemctl reload nginx"]);
    host.exit(hook);
    silent(&day);
}

#[test]
fn containers_start() {
    let mut day = day();
    let Day { host, init, .. } = &mut day;
    let shim = host.spawn(*init, "/usr/bin/containerd-shim-runc-v2", &["containerd-shim-runc-v2"]);
    for number in 0..20 {
        let runc = host.spawn(shim, "/usr/sbin/runc", &["runc", "init"]);
        host.enter(runc, &format!("c{number}"));
        host.exec(
            runc,
            shim,
            "/memfd:runc_cloned:/proc/self/exe (deleted)",
            "/proc/self/exe",
            &["runc", "init"],
        );
        host.exec(runc, shim, "/app/server", "/app/server", &["server"]);
        host.connect(runc, "10.0.0.5:5432");
    }
    silent(&day);
}

#[test]
fn a_program_from_memory_alone() {
    let mut day = day();
    let Day { host, init, .. } = &mut day;
    let agent = host.spawn(*init, "/memfd:agent (deleted)", &["agent"]);
    host.connect(agent, "10.0.0.5:443");
    let child = host.fork(agent);
    host.connect(child, "10.0.0.6:443");
    silent(&day);
}

#[test]
fn busy_hosts() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    for (path, arguments) in [
        ("/usr/bin/ffmpeg", vec!["ffmpeg", "-i", "a.mkv", "b.mp4"]),
        ("/usr/bin/openssl", vec!["openssl", "speed", "-multi", "2"]),
        ("/usr/bin/xz", vec!["xz", "-T0", "x"]),
        ("/usr/bin/stress-ng", vec!["stress-ng", "--yield", "2"]),
        ("/usr/bin/python3.11", vec!["python3", "train.py", "--server", "10.0.0.5:29500"]),
        ("/usr/bin/java", vec!["java", "-XX:+UseLargePages", "-jar", "app.jar"]),
    ] {
        let busy = host.spawn(*login, path, &arguments);
        host.connect(busy, "10.0.0.5:443");
        host.burn(busy, 2.0, 70);
    }
    silent(&day);
}

#[test]
fn readers_of_miners() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    host.spawn(*login, "/usr/bin/grep", &["grep", "-r", "stratum+tcp://", "--donate-level"]);
    host.spawn(*login, "/usr/bin/less", &["less", "xmrig.log"]);
    let curl = host.spawn(*login, "/usr/bin/curl", &["curl", "https://supportxmr.com/"]);
    host.connect(curl, "10.0.0.5:443");
    host.spawn(*login, "/usr/bin/git", &["git", "log", "-S", "stratum+tcp://", "--coin", "monero"]);
    silent(&day);
}

#[test]
fn pool_ports_used_by_others() {
    let mut day = day();
    let Day { host, login, init } = &mut day;
    let mqtt = host.spawn(*init, "/usr/bin/bridge", &["bridge"]);
    for port in [3333, 4444, 5555, 7777] {
        host.connect(mqtt, &format!("10.0.0.5:{port}"));
    }
    host.burn(mqtt, 2.0, 130);
    let flow = RunningFlow {
        protocol: Protocol::Tcp,
        source: "10.0.0.2:50000".parse().unwrap(),
        destination: "10.0.0.5:14444".parse().unwrap(),
        peer: None,
    };
    host.happen(*login, EventBody::RunningFlow(flow));
    silent(&day);
}

#[test]
fn a_viewer_listens_to_what_a_pool_says() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let viewer = host.spawn(*login, "/usr/bin/nc", &["nc", "10.0.0.5", "9000"]);
    host.connect(viewer, "10.0.0.5:9000");
    let work = r#"{"id":null,"method":"mining.notify","params":["b7","00ff","01","02",[],"20000000","1d00ffff","504e86ed",false]}"#;
    for _ in 0..20 {
        host.receive(viewer, "10.0.0.5:9000", format!("{work}\n"));
        host.wait(seconds(30));
    }
    // Others work meanwhile.
    let compiler = host.spawn(*login, "/usr/bin/cc1", &["cc1", "x.c"]);
    host.burn(compiler, 2.0, 130);
    never_pages(&day);
}

#[test]
fn an_upgraded_daemon_runs_a_deleted_file() {
    let mut day = day();
    let Day { host, .. } = &mut day;
    let nginx = host.boot("/usr/sbin/nginx (deleted)", &["nginx"]);
    host.connect(nginx, "10.0.0.5:443");
    silent(&day);
}

#[test]
fn go_run_compiles_into_tmp_and_calls_out() {
    let mut day = day();
    let Day { host, login, .. } = &mut day;
    let go = host.spawn(*login, "/usr/local/go/bin/go", &["go", "run", "."]);
    let linker = host.spawn(go, "/usr/local/go/pkg/tool/link", &["link"]);
    host.create(linker, "/tmp/go-build1/b001/exe/main", 0o755);
    let program = host.spawn(go, "/tmp/go-build1/b001/exe/main", &["main"]);
    host.connect(program, "10.0.0.5:443");
    host.burn(program, 2.0, 61);
    never_pages(&day);
}

#[test]
fn a_ci_agent_runs_unrelated_jobs() {
    let mut day = day();
    let Day { host, init, .. } = &mut day;
    let jenkins = host.spawn(*init, "/usr/bin/java", &["java", "-jar", "/usr/share/java/jenkins.war"]);
    host.wait(seconds(3_600));
    let build = host.spawn(jenkins, "/usr/bin/dash", &["sh", "-xe", "/tmp/jenkins1.sh"]);
    let curl = host.spawn(build, "/usr/bin/curl", &["curl", "-o", "/tmp/tool", "https://x"]);
    host.connect(curl, "10.0.0.5:443");
    host.create(curl, "/tmp/tool", 0o644);
    host.chmod(build, "/tmp/tool", 0o755);
    let tool = host.spawn(build, "/tmp/tool", &["tool"]);
    host.connect(tool, "10.0.0.5:443");
    host.exit(build);
    let deploy = host.spawn(jenkins, "/usr/bin/dash", &["sh", "-xe", "/tmp/jenkins2.sh"]);
    host.create(deploy, "/etc/systemd/system/app.service", 0o644);
    never_pages(&day);
}

#[test]
fn a_new_file_reuses_the_inode_of_a_deleted_one() {
    let mut day = day();
    let Day { host, login, init } = &mut day;
    let script = host.spawn_script(*login, "/usr/bin/dash", "/root/x.sh");
    host.create(script, "/etc/cron.d/x", 0o644);
    host.create(script, "/usr/local/bin/x", 0o755);
    host.delete(script, "/usr/local/bin/x");
    host.exit(script);
    // The file system gives the inode to a file that another process installs.
    host.reuse_inode("/usr/local/bin/x", "/srv/app/server");
    host.create(*init, "/srv/app/server", 0o755);
    let server = host.spawn(*init, "/srv/app/server", &["server"]);
    host.connect(server, "10.0.0.5:443");
    silent(&day);
}

#[test]
fn a_pod_throttled_by_its_quota_all_day() {
    let mut limited = day();
    let java = limited.host.boot("/opt/java/bin/java", &["java", "-jar", "app.jar"]);
    limited.host.connect(java, "10.0.0.5:5432");
    (0..360).for_each(|_| limited.host.throttled(java, 100, 1.0));
    silent(&limited);
    // A process that is throttled and busy scores no more than a process that is only busy.
    let score = |is_throttled: bool| {
        let mut day = day();
        let host = &mut day.host;
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let job = host.spawn(init, "/usr/bin/dash", &["sh", "/srv/job.sh"]);
        host.create(job, "/tmp/tool", 0o755);
        let tool = host.spawn(job, "/tmp/tool", &["tool"]);
        host.connect(tool, "10.0.0.5:443");
        host.burn(tool, 1.0, 310);
        if is_throttled {
            (0..31).for_each(|_| host.throttled(tool, 100, 1.0));
        }
        host.burn(tool, 1.0, 310);
        never_pages(&day);
        alerts(&day.host).last().map(|alert| alert.score)
    };
    // The throttled case lasts five minutes longer, so its points fade a little more.
    let (busy, both) = (score(false).expect("noted"), score(true).expect("noted"));
    assert!(both <= busy && both + 3 > busy, "{busy}, {both}");
}
