//! Services of a host do their daily work.

use super::{
    Work,
    steps::{keep_in_touch, run, serve},
};
use crate::testing::seconds;

pub(super) const WORK: [(&str, Work); 7] = [
    ("a scheduler of workloads", |host, init, _| {
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
    ("fail2ban bans addresses", |host, init, _| {
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
    ("a web interface of a VPN", |host, init, _| {
        let surface = host.spawn(init, "/usr/local/bin/wireguard-ui", &["wireguard-ui"]);
        host.wait(seconds(900));
        host.connect(surface, "198.51.100.9:443");
        host.create(surface, "/etc/wireguard/wg0.conf", 0o600);
        let shell = host.spawn(surface, "/usr/bin/bash", &["bash", "/usr/bin/wg-quick", "up", "wg0"]);
        run(host, shell, "iptables -I FORWARD -i wg0 -j ACCEPT");
        run(host, shell, "sysctl -q net.ipv4.conf.all.src_valid_mark=1");
        host.create(surface, "/etc/systemd/system/wgui.path", 0o644);
    }),
    ("files that are synchronized", |host, init, _| {
        let sync = host.spawn(init, "/usr/bin/syncthing", &["syncthing", "serve"]);
        keep_in_touch(host, sync, "203.0.113.7:22000");
        host.create(sync, "/home/me/Sync/.stfolder/x", 0o644);
        serve(host, sync, 1.9, 310);
    }),
];
