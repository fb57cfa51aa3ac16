//! B3: a program runs from memory, or from a file that was deleted.

use super::is_program;
use crate::{
    detect::{Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, FileChange, SignalClass},
    process::{Role, Taint},
};

/// The signal.
pub const FILELESS: SignalInfo = SignalInfo {
    id: "B3",
    class: SignalClass::Behavior,
    weight: 20,
    full_weight: 20,
    kind: SignalKind::Sign,
    name: "Program without a file",
    description: "A process runs from memory (memfd), from a deleted file, or deleted its own file in an odd place. Container runtimes and some sandboxes do so too.",
    catches: "A program that leaves nothing on disk to scan or to hash.",
    techniques: &["T1620", "T1070.004"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[FILELESS],
    wants: &[EventType::Exec, EventType::RunningProcess, EventType::File, EventType::Inspection],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::File(change) => return deletes_itself(context, change),
        EventBody::Inspection(inspection) if inspection.deleted => return was_deleted(context),
        _ if !is_program(context) => return None,
        _ => {}
    }
    let executable = &context.process.view.executable;
    let what = match (executable.flags.memfd, executable.flags.deleted) {
        (true, _) => "memory",
        (false, true) => "a deleted file",
        (false, false) => return None,
    };
    if is_usual(context) {
        return None;
    }
    let detail = format!("'{}' runs from {what} ({})", context.process.view.name, executable.path);
    Some(Finding::new(FILELESS, context, detail).tainting(Taint::Fileless).value("path", &executable.path))
}

/// Whether a program in an odd place removes its own file. Updaters rename theirs, and others remove what they unpacked.
fn deletes_itself(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    let executable = &context.process.view.executable;
    let is_own = change.action == FileAction::Delete
        && executable.file.is_some()
        && change.file == executable.file
        && change.path == executable.path;
    if !is_own || !PathKind::of(&executable.path).is_odd() {
        return None;
    }
    let detail = format!("'{}' deleted its own file ({})", context.process.view.name, executable.path);
    let finding =
        Finding::new(FILELESS, context, detail).tainting(Taint::Fileless).value("path", &executable.path);
    Some(finding.technique("T1070.004"))
}

/// Whether the file of a busy program in an odd place was deleted after its start, by whatever program. An upgrade deletes
/// files of the system.
fn was_deleted(context: &DetectionContext<'_>) -> Option<Finding> {
    let executable = &context.process.view.executable;
    if executable.flags.has_no_file() || !PathKind::of(&executable.path).is_odd() {
        return None;
    }
    let name = &context.process.view.name;
    let detail = format!("the file of '{name}' was deleted while it runs ({})", executable.path);
    let finding =
        Finding::new(FILELESS, context, detail).tainting(Taint::Fileless).value("path", &executable.path);
    Some(finding.technique("T1070.004"))
}

fn is_usual(context: &DetectionContext<'_>) -> bool {
    let executable = &context.process.view.executable;
    if let EventBody::RunningProcess(_) = context.event.body {
        // A daemon whose package was upgraded runs a deleted file until it is restarted.
        !executable.flags.memfd && !PathKind::of(&executable.path).is_odd()
    } else {
        // Container runtimes run a sealed copy of themselves, so that a container cannot overwrite them.
        let parent = context.table.parent_of(context.process);
        parent.is_some_and(|parent| parent.role == Role::ContainerRuntime)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{EventBody, Inspection},
        testing::{Host, findings},
    };

    #[test]
    fn programs_in_memory_and_deleted_files_are_found() {
        for path in ["/memfd:x (deleted)", "/tmp/x (deleted)", "/usr/bin/x (deleted)"] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, path, &["x"]);
            assert_eq!(findings(&host), [("B3", 20)], "{path}");
        }
    }

    #[test]
    fn a_container_runtime_may_run_a_copy_of_itself() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let runc = host.spawn(init, "/usr/sbin/runc", &["runc", "init"]);
        host.spawn(runc, "/memfd:runc_cloned:/proc/self/exe (deleted)", &["runc", "init"]);
        assert!(findings(&host).is_empty());
    }

    #[test]
    fn at_the_start_only_files_deleted_from_odd_places_count() {
        let mut host = Host::new();
        host.boot("/sbin/init", &["init"]);
        host.boot("/usr/sbin/nginx (deleted)", &["nginx"]);
        assert!(findings(&host).is_empty());
        host.boot("/tmp/kinsing (deleted)", &["kinsing"]);
        assert_eq!(findings(&host), [("B3", 20)]);
    }

    #[test]
    fn a_program_in_an_odd_place_that_deletes_itself_is_found() {
        for (path, other, expected) in [
            ("/tmp/x", "/tmp/x", vec![("B3", 20)]),
            ("/home/me/.x/y", "/home/me/.x/y", vec![("B3", 20)]),
            ("/opt/app/uninstall", "/opt/app/uninstall", vec![]),
            ("/tmp/x", "/tmp/y", vec![]),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let process = host.spawn(init, path, &["x"]);
            host.delete(process, other);
            assert_eq!(findings(&host), expected, "{path} {other}");
        }
    }

    #[test]
    fn a_busy_program_whose_file_is_gone_is_found() {
        for (path, expected) in [("/tmp/x", vec![("B3", 20)]), ("/opt/app/x", vec![]), ("/usr/bin/x", vec![])]
        {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let process = host.spawn(init, path, &["x"]);
            for deleted in [false, true] {
                let inspection = Inspection { deleted, ..Inspection::default() };
                host.happen(process, EventBody::Inspection(Box::new(inspection)));
            }
            assert_eq!(findings(&host), expected, "{path}");
        }
    }
}
