//! Profilers change the list of preloaded libraries.

use super::{
    Work,
    steps::{fetch, piped, run, serve},
};

pub(super) const WORK: [(&str, Work); 2] = [
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
];

/// Installers that only a person starts.
pub(super) const BY_HAND: [(&str, Work); 2] = [
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
