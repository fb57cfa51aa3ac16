//! B6: a library is forced into every program.

use crate::{
    detect::{DetectionContext, Finding, signals},
    model::{ChainKind, FileAction, FileChange},
};

const PRELOAD: &str = "/etc/ld.so.preload";

/// A file changed: is it the list of libraries that every program loads?
pub fn preload(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    if change.path.as_ref() != PRELOAD {
        return None;
    }
    match change.action {
        FileAction::Write | FileAction::Create | FileAction::Rename => {}
        FileAction::Delete | FileAction::Chmod | FileAction::DeviceOpen => return None,
    }
    if context.table.is_managed(context.process) {
        return None;
    }
    let detail = format!("'{}' wrote {PRELOAD}", context.process.view.name);
    let mut finding = Finding::new(signals::PRELOAD, context, detail).with("path", &PRELOAD).step(
        context,
        ChainKind::Persist,
        PRELOAD,
    );
    finding.persists = true;
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::{Host, findings};

    #[test]
    fn only_a_write_outside_the_package_manager_counts() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let dpkg = host.spawn(init, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
        host.create(dpkg, "/etc/ld.so.preload", 0o644);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        host.delete(script, "/etc/ld.so.preload");
        host.create(script, "/etc/ld.so.preload.bak", 0o644);
        assert!(findings(&host).is_empty());
        host.rename(script, "/etc/.x", "/etc/ld.so.preload");
        assert_eq!(findings(&host), [("B6", 45)]);
    }
}
