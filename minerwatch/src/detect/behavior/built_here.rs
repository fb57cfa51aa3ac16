//! Finds programs that were built on this host and run by the same shell or job. The tests of a server run the fresh program
//! under its own name, also below `/tmp`.
//!
//! An intruder can compile, too, but cannot bring a finished program: a linker of the system must have written the file, and
//! neither a downloader nor a program that had connected out. Only the name is excused. The program must have the name of
//! its file, lie in a plain temporary directory, and not come through a network service.

use super::service_entry;
use crate::{
    detect::{PathKind, WrittenFile},
    process::{Process, ProcessTable, base_name},
};

/// Whether the program of a process was built on this host, below the same shell or job. `written` is its file.
pub fn is_built_here(table: &ProcessTable, process: &Process, written: &WrittenFile) -> bool {
    let path = &process.view.executable.path;
    let is_open = ["/tmp/", "/var/tmp/"].iter().any(|place| path.starts_with(place))
        && !PathKind::hides_in_temporary(path)
        && !base_name(path).starts_with('.');
    is_open
        && process.script.is_none()
        && written.is_built_by_caller_of(table, process.key())
        && service_entry(table, process.key()).is_none()
}

#[cfg(test)]
mod tests {
    use crate::{
        model::ProcessKey,
        testing::{Host, seconds, verdict},
    };

    /// The actions of a test case, given the keys of the first process and of a shell that builds.
    type Act = fn(&mut Host, ProcessKey, ProcessKey);

    /// Whether B4P is found after the actions. Alone, it raises no alert.
    fn is_disguised(act: Act) -> bool {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let shell = host.spawn(init, "/usr/bin/bash", &["bash", "/srv/build.sh"]);
        act(&mut host, init, shell);
        let found = crate::testing::findings(&host);
        assert!(verdict(&host) <= Some(crate::model::Verdict::Noted));
        found.iter().any(|(id, _)| *id == "B4P")
    }

    fn link(host: &mut Host, caller: ProcessKey, linker: &str, path: &str) {
        let make = host.spawn(caller, "/usr/bin/make", &["make"]);
        let writer = host.spawn(make, linker, &["ld", "-o", path]);
        host.create(writer, path, 0o755);
        host.exit(writer);
        host.exit(make);
    }

    #[test]
    fn a_server_that_is_compiled_runs_under_its_own_name() {
        assert!(!is_disguised(|host, _, login| {
            link(host, login, "/usr/bin/ld", "/tmp/openssh/sshd");
            host.wait(seconds(600));
            host.spawn(login, "/tmp/openssh/sshd", &["/tmp/openssh/sshd", "-t"]);
        }));
    }

    #[test]
    fn an_imitation_of_a_build_is_disguised() {
        let cases: [(&str, Act); 6] = [
            ("another linker", |host, _, shell| {
                link(host, shell, "/home/me/ld", "/tmp/openssh/sshd");
                host.spawn(shell, "/tmp/openssh/sshd", &["sshd"]);
            }),
            ("run by somebody else", |host, init, shell| {
                link(host, shell, "/usr/bin/ld", "/tmp/openssh/sshd");
                host.spawn(init, "/tmp/openssh/sshd", &["sshd"]);
            }),
            ("under another name", |host, _, shell| {
                link(host, shell, "/usr/bin/ld", "/tmp/openssh/x");
                host.spawn(shell, "/tmp/openssh/x", &["sshd"]);
            }),
            ("in a hidden directory", |host, _, shell| {
                link(host, shell, "/usr/bin/ld", "/tmp/.x/sshd");
                host.spawn(shell, "/tmp/.x/sshd", &["sshd"]);
            }),
            ("fetched into the same place", |host, _, shell| {
                link(host, shell, "/usr/bin/ld", "/tmp/openssh/sshd");
                let curl =
                    host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/tmp/openssh/sshd", "http://x"]);
                host.create(curl, "/tmp/openssh/sshd", 0o755);
                host.spawn(shell, "/tmp/openssh/sshd", &["sshd"]);
            }),
            ("in shared memory", |host, _, shell| {
                link(host, shell, "/usr/bin/ld", "/dev/shm/sshd");
                host.spawn(shell, "/dev/shm/sshd", &["sshd"]);
            }),
        ];
        for (name, act) in cases {
            assert!(is_disguised(act), "{name}");
        }
    }
}
