//! B3: a program that runs from memory or from a file without a name.

use crate::{
    detect::{DetectionContext, Finding, PathKind, signals},
    process::{Role, Taint},
};

/// A program was started.
pub fn fileless(context: &DetectionContext<'_>) -> Option<Finding> {
    let executable = &context.process.view.executable;
    if !executable.flags.memfd && !executable.flags.deleted {
        return None;
    }
    // Container runtimes run a sealed copy of themselves, so that a container cannot overwrite them.
    let parent = context.table.parent_of(context.process);
    if parent.is_some_and(|parent| parent.role == Role::ContainerRuntime) {
        return None;
    }
    Some(found(context))
}

/// A program was running at the start. A daemon whose package was upgraded runs a deleted file too, so
/// only what was deleted from an odd place counts.
pub fn fileless_at_start(context: &DetectionContext<'_>) -> Option<Finding> {
    let executable = &context.process.view.executable;
    let odd = executable.flags.memfd || (executable.flags.deleted && PathKind::of(&executable.path).is_odd());
    odd.then(|| found(context))
}

fn found(context: &DetectionContext<'_>) -> Finding {
    let executable = &context.process.view.executable;
    let what = if executable.flags.memfd { "memory" } else { "a deleted file" };
    let detail = format!("'{}' runs from {what} ({})", context.process.view.name, executable.path);
    let mut finding = Finding::new(signals::FILELESS, context, detail).with("path", &executable.path);
    finding.taint = Some(Taint::Fileless);
    finding
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::{Host, findings};

    #[test]
    fn memory_and_deleted_files() {
        for path in ["/memfd:x (deleted)", "/tmp/x (deleted)", "/usr/bin/x (deleted)"] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, path, &["x"]);
            assert_eq!(findings(&host), [("B3", 20)], "{path}");
        }
    }

    #[test]
    fn a_container_runtime_that_runs_its_own_copy() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let runc = host.spawn(init, "/usr/sbin/runc", &["runc", "init"]);
        host.spawn(runc, "/memfd:runc_cloned:/proc/self/exe (deleted)", &["runc", "init"]);
        assert!(findings(&host).is_empty());
    }

    #[test]
    fn an_upgraded_daemon_is_usual_and_a_file_deleted_from_tmp_is_not() {
        let mut host = Host::new();
        host.boot("/sbin/init", &["init"]);
        host.boot("/usr/sbin/nginx (deleted)", &["nginx"]);
        assert!(findings(&host).is_empty());
        host.boot("/tmp/kinsing (deleted)", &["kinsing"]);
        assert_eq!(findings(&host), [("B3", 20)]);
    }
}
