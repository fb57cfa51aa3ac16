//! Paths and what they start.

use super::*;
use crate::detect::behavior::PERSISTENCE;

#[test]
fn files_that_start_programs_are_known() {
    let cases = [
        ("/etc/crontab", Some(Starter::Cron)),
        ("/etc/cron.d/x", Some(Starter::Cron)),
        ("/etc/cron.hourly/x", Some(Starter::Cron)),
        ("/var/spool/cron/crontabs/root", Some(Starter::Cron)),
        ("/var/spool/cron/root", Some(Starter::Cron)),
        ("/var/spool/cron/crontabs/tmp.Ab12", None),
        ("/var/spool/cron/atjobs/a0000101c8a2f0", Some(Starter::At)),
        ("/var/spool/cron/atjobs/.SEQ", None),
        ("/etc/systemd/system/x.service", Some(Starter::Unit)),
        ("/etc/systemd/system/x.timer", Some(Starter::Timer)),
        ("/etc/systemd/system/ssh.service.d/x.conf", Some(Starter::Unit)),
        ("/etc/systemd/journald.conf", None),
        ("/etc/systemd/system-generators/x", Some(Starter::Generator)),
        ("/home/me/.config/systemd/user/x.timer", Some(Starter::Timer)),
        ("/home/me/.config/systemd/user/x.txt", None),
        ("/etc/rc.local", Some(Starter::Init)),
        ("/etc/init.d/x", Some(Starter::Init)),
        ("/etc/profile.d/x.sh", Some(Starter::Profile)),
        ("/root/.bashrc", Some(Starter::UserProfile)),
        ("/root/.bash_logout", Some(Starter::UserProfile)),
        ("/root/.bash_history", None),
        ("/root/.ssh/authorized_keys", Some(Starter::AuthorizedKeys)),
        ("/root/.ssh/rc", Some(Starter::SshLogin)),
        ("/root/.ssh/known_hosts", None),
        ("/root/.ssh/id_ed25519", None),
        ("/etc/ssh/sshd_config.d/x.conf", Some(Starter::SshServer)),
        ("/etc/ssh/ssh_config", Some(Starter::SshClient)),
        ("/root/.ssh/config", Some(Starter::SshClient)),
        ("/etc/ssh/authorized_keys", Some(Starter::AuthorizedKeys)),
        ("/etc/ssh/authorized_keys.d/root", Some(Starter::AuthorizedKeys)),
        ("/etc/ssh/moduli", None),
        ("/etc/kubernetes/manifests/x.yaml", Some(Starter::Pod)),
        ("/etc/kubernetes/manifests/x.yaml.swp", None),
        ("/etc/kubernetes/admin.conf", None),
        ("/etc/containers/systemd/x.container", Some(Starter::Pod)),
        ("/etc/containers/systemd/x.volume", None),
        ("/etc/containers/registries.conf.d/x.conf", None),
        ("/home/me/.config/containers/systemd/x.kube", Some(Starter::Pod)),
        ("/run/systemd/system.control/x.service", Some(Starter::Unit)),
        ("/run/systemd/user/x.timer", Some(Starter::Timer)),
        ("/run/systemd/sessions/7", None),
        ("/etc/tmpfiles.d/x.conf", Some(Starter::TemporaryFile)),
        ("/etc/environment.d/x.conf", Some(Starter::Environment)),
        ("/etc/cloud/cloud.cfg.d/99.cfg", Some(Starter::CloudSettings)),
        ("/var/lib/cloud/scripts/per-boot/x", Some(Starter::Boot)),
        ("/var/lib/cloud/instance/x", None),
        ("/etc/incron.d/x", Some(Starter::FileTrigger)),
        ("/etc/runit/runsvdir/default/x/run", Some(Starter::Init)),
        ("/etc/X11/Xsession.d/99x", Some(Starter::Profile)),
        ("/usr/share/dbus-1/system-services/x.service", Some(Starter::Bus)),
        ("/etc/dbus-1/system.d/x.conf", Some(Starter::BusPolicy)),
        ("/usr/lib/python3/dist-packages/x.pth", Some(Starter::Python)),
        ("/usr/lib/python3.11/sitecustomize.py", Some(Starter::Python)),
        ("/usr/lib/python3/dist-packages/x.py", None),
        ("/etc/sysctl.d/x.conf", Some(Starter::KernelSetting)),
        ("/etc/udev/rules.d/99-x.rules", Some(Starter::DeviceRule)),
        ("/etc/xdg/autostart/x.desktop", Some(Starter::Desktop)),
        ("/home/me/.config/autostart/x.desktop", Some(Starter::Desktop)),
        ("/etc/passwd", Some(Starter::Account)),
        ("/etc/passwd-", None),
        ("/etc/shadow+", None),
        ("/etc/sudoers.d/x", Some(Starter::Sudo)),
        ("/etc/pam.d/sshd", Some(Starter::Authentication)),
        ("/usr/lib/x86_64-linux-gnu/security/pam_unix.so", Some(Starter::Authentication)),
        ("/usr/lib/security/notes.txt", None),
        ("/etc/NetworkManager/dispatcher.d/99-x", Some(Starter::NetworkHook)),
        ("/etc/NetworkManager/system-connections/x", None),
        ("/etc/update-motd.d/00-header", Some(Starter::Message)),
        ("/etc/apt/apt.conf.d/99x", Some(Starter::PackageHook)),
        ("/etc/apt/sources.list", None),
        ("/etc/logrotate.d/x", Some(Starter::LogHook)),
        ("/etc/modules-load.d/x.conf", Some(Starter::KernelModule)),
        ("/etc/hosts", None),
        ("/srv/crontab", None),
        ("/etc/", None),
        ("", None),
    ];
    for (path, expected) in cases {
        assert_eq!(Starter::of(path), expected, "{path}");
    }
}

#[test]
fn directories_of_places_are_known() {
    let cases = [
        ("/etc/cron.d", Some(("T1053.003", true))),
        ("/etc/cron.hourly/", Some(("T1053.003", true))),
        ("/etc/profile.d", Some(("T1546.004", true))),
        ("/etc/systemd/system", Some(("T1543.002", true))),
        ("/root/.ssh", Some(("T1098.004", true))),
        ("/home/me/.config/systemd/user", Some(("T1543.002", true))),
        ("/home/me/.config/autostart", Some(("T1547.013", true))),
        ("/etc/logrotate.d", Some(("T1546", false))),
        ("/home/me/.config/nvim", None),
        ("/home/me", None),
        ("/home/me/.sshd", None),
        ("/etc/nginx", None),
        ("/usr/src/linux/.config", None),
        ("/", None),
        ("", None),
    ];
    for (path, expected) in cases {
        let found = Starter::of_directory(path).map(|facts| (facts.technique, facts.full));
        assert_eq!(found, expected, "{path}");
    }
    for above in ["/home/me/.config", "/home/me/.local", "/etc", "/etc/NetworkManager", "/var/spool"] {
        assert!(Starter::of_directory(above).is_some_and(|facts| !facts.full), "{above}");
    }
}

#[test]
fn every_place_has_words_and_a_technique_of_the_signal() {
    for (starter, paths) in ROWS {
        let facts = starter.facts();
        assert!(!facts.words.is_empty() && !paths.is_empty(), "{starter:?}");
        assert!(PERSISTENCE.techniques.contains(&facts.technique), "{starter:?}");
        for path in *paths {
            assert!(path.starts_with('/') || path.starts_with("~/."), "{path}");
        }
    }
    assert_eq!(Starter::Timer.facts().technique, "T1053.006");
}
