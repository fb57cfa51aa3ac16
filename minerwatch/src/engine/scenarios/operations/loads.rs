//! Programs that compute for a long time.

use super::{
    Work,
    steps::{fetch, keep_in_touch, piped, run},
};

pub(super) const WORK: [(&str, Work); 8] = [
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
    ("volunteer computing of proteins", |host, init, _| {
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
