//! Management tools configure hosts.

use super::{
    Work,
    steps::{fetch, run},
};
use crate::testing::seconds;

pub(super) const WORK: [(&str, Work); 5] = [
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
];
