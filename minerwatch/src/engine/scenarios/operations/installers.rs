//! Products are installed.

use super::{
    Work,
    steps::{fetch, keep_in_touch, piped, run, serve},
};

pub(super) const WORK: [(&str, Work); 4] = [
    ("the installer of k3s", |host, init, caller| {
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
    ("the killall script of k3s", |host, _, caller| {
        let script = host.spawn_script(caller, "/usr/bin/dash", "/usr/local/bin/k3s-killall.sh");
        run(host, script, "ps -e -o ppid= -o pid= -o comm=");
        run(host, script, "iptables-save");
        run(host, script, "iptables-restore");
        run(host, script, "rm -rf /var/lib/cni /run/k3s");
    }),
    ("the installer of a VPN", |host, init, caller| {
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
];

/// Installers from servers in the private network. Cron fetches none of them.
pub(super) const PRIVATE: [(&str, Work); 2] = [
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
