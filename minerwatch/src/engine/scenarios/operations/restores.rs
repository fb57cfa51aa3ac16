//! Whole systems are restored from backups.

use super::{
    Work,
    steps::{fetch, restore, serve},
};
use crate::testing::seconds;

pub(super) const WORK: [(&str, Work); 6] = [
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
];
