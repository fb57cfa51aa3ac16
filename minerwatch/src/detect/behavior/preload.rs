//! B6: a library is forced into every program.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{ChainKind, EventBody, EventType, FileAction, SignalClass},
};

/// The list of libraries that every program loads.
const PRELOAD_LIST: &str = "/etc/ld.so.preload";

/// The signal.
pub const PRELOAD: SignalInfo = SignalInfo {
    id: "B6",
    class: SignalClass::Behavior,
    weight: 45,
    full_weight: 45,
    kind: SignalKind::Sign,
    name: "Library forced into every program",
    description: "/etc/ld.so.preload was changed outside the package manager: the way userland rootkits hide processes and files.",
    catches: "A rootkit at the moment it is set up, before it hides the rest.",
    techniques: &["T1574.006"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[PRELOAD],
    wants: &[EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::File(change) = &context.event.body else { return None };
    if change.place() != PRELOAD_LIST || !change.puts_file() || change.is_of_other_system() {
        return None;
    }
    let verb = if change.action == FileAction::Mount { "mounted something over" } else { "wrote" };
    let detail = format!("'{}' {verb} {PRELOAD_LIST}", context.process.view.name);
    let mut finding = Finding::new(PRELOAD, context, detail).value("path", PRELOAD_LIST).step(
        context,
        ChainKind::Persist,
        PRELOAD_LIST,
    );
    finding.persists = true;
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Host, findings, findings_of};

    #[test]
    fn only_a_write_outside_the_package_manager_counts() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let dpkg = host.spawn(init, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
        host.create(dpkg, "/etc/ld.so.preload", 0o644);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        host.delete(script, "/etc/ld.so.preload");
        host.create(script, "/etc/ld.so.preload.bak", 0o644);
        host.rename_elsewhere(script, "/etc/.x", "/etc/ld.so.preload", None);
        assert!(findings(&host).is_empty());
        host.rename(script, "/etc/.x", "/etc/ld.so.preload");
        assert_eq!(findings(&host), [("B6", 45)]);
    }

    #[test]
    fn a_link_counts_like_a_write() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        host.symlink(script, "/tmp/p", "/etc/ld.so.preload");
        host.link(script, "/etc/ld.so.preload", "/root/copy");
        assert_eq!(findings(&host), [("B6", 45)]);
    }

    #[test]
    fn an_exchange_counts_in_both_directions() {
        for (one, other) in [("/etc/.x", "/etc/ld.so.preload"), ("/etc/ld.so.preload", "/etc/.x")] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let dpkg = host.spawn(init, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
            host.exchange(dpkg, one, other);
            let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
            host.exchange(script, "/etc/ld.so.cache", "/etc/ld.so.cache~");
            assert!(findings(&host).is_empty());
            host.exchange(script, one, other);
            assert_eq!(findings(&host), [("B6", 45)], "{one}");
        }
    }

    #[test]
    fn a_mount_over_the_list_counts() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let tool = host.spawn(init, "/usr/bin/mount", &["mount", "--bind", "/tmp/l", "/etc/ld.so.preload"]);
        host.mount(tool, None, "/etc/ld.so.conf");
        assert_eq!(findings_of(&[&super::DETECTOR], &host), []);
        host.mount(tool, Some("/tmp/l"), "/etc/ld.so.preload");
        assert_eq!(findings_of(&[&super::DETECTOR], &host), [("B6", 45)]);
    }
}
