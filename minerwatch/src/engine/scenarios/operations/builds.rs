//! Programs are compiled and tested, by hand and by CI.

use super::{
    Work,
    steps::{build, fetch},
};

pub(super) const WORK: [(&str, Work); 7] = [
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
    ("a CI runner with a shell", |host, init, _| {
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
    ("a CI agent on Java", |host, init, _| {
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
];
