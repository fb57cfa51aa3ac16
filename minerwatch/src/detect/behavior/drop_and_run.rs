//! B2: a file was written, then run within a minute, from a temporary or hidden place.

use std::sync::Arc;

use crate::{
    detect::{DetectionContext, Finding, WrittenFile, WrittenFiles, signals, tuning},
    model::{ChainEdge, ChainKind},
    process::Taint,
};

/// A program was started: was its file, or the script it interprets, just dropped?
pub fn drop_and_run(context: &DetectionContext<'_>, written: &WrittenFiles) -> Option<Finding> {
    let view = &context.process.view;
    let container = view.container.as_ref().and_then(|container| container.id.as_deref());
    let program = written.find(&view.executable.path, view.executable.file, container);
    let script = || {
        let script = context.process.script.as_deref()?;
        written.find(script, None, container)
    };
    let dropped = program
        .filter(|dropped| is_fresh(dropped, context))
        .or_else(|| script().filter(|dropped| is_fresh(dropped, context)))?;
    if context.table.is_managed(context.process) {
        return None;
    }
    let age = context.at().since(dropped.ready()).as_secs_f64();
    let detail = format!(
        "'{}' was written by '{}' (pid {}) and run {age:.1} s later from {}",
        dropped.path,
        dropped.writer_name,
        dropped.writer.pid,
        dropped.place.words()
    );
    let mut finding = Finding::new(signals::DROP_AND_RUN, context, detail)
        .with("path", &dropped.path)
        .with("writer", &dropped.writer)
        .with("seconds", &format!("{age:.3}"));
    finding.taint = Some(Taint::Dropped);
    finding.partner = Some(dropped.writer);
    finding.file = Some((Arc::clone(&dropped.path), dropped.file));
    finding.edges.extend(drop_steps(dropped));
    Some(finding)
}

/// The steps that made a file ready to run.
pub fn drop_steps(dropped: &WrittenFile) -> impl Iterator<Item = ChainEdge> {
    let armed = dropped.armed.as_ref().map(|(at, process, name)| ChainEdge {
        kind: ChainKind::Modify,
        at: *at,
        process: *process,
        name: Arc::clone(name),
        parent: None,
        object: format!("{} (made executable)", dropped.path),
    });
    let drop = ChainEdge {
        kind: ChainKind::Drop,
        at: dropped.written,
        process: dropped.writer,
        name: Arc::clone(&dropped.writer_name),
        parent: None,
        object: dropped.path.to_string(),
    };
    [Some(drop), armed].into_iter().flatten()
}

fn is_fresh(dropped: &WrittenFile, context: &DetectionContext<'_>) -> bool {
    dropped.place.is_odd() && context.at().since(dropped.ready()) <= tuning::DROP_WINDOW
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, findings, seconds},
        model::ProcessKey,
    };

    fn after(story: impl Fn(&mut Host, ProcessKey)) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let shell = host.spawn(init, "/usr/bin/dash", &["sh", "/srv/job.sh"]);
        story(&mut host, shell);
        findings(&host)
    }

    const FOUND: [(&str, u8); 1] = [("B2", 25)];

    #[test]
    fn dropped_and_run() {
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/tmp/x", 0o755);
                host.spawn(shell, "/tmp/x", &["/tmp/x"]);
            }),
            FOUND
        );
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/root/.hidden/x", 0o644);
                host.wait(seconds(300));
                host.chmod(shell, "/root/.hidden/x", 0o700);
                host.wait(seconds(30));
                host.spawn(shell, "/root/.hidden/x", &["x"]);
            }),
            FOUND,
            "made executable long after the download"
        );
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/tmp/part", 0o644);
                host.rename(shell, "/tmp/part", "/tmp/x.sh");
                host.spawn(shell, "/usr/bin/bash", &["bash", "/tmp/x.sh"]);
            }),
            FOUND,
            "renamed, then given to a shell"
        );
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/dev/shm/x.py", 0o755);
                host.spawn_script(shell, "/usr/bin/python3.11", "/dev/shm/x.py");
            }),
            FOUND,
            "a script of its own"
        );
    }

    #[test]
    fn no_drop() {
        let nothing: [(&str, u8); 0] = [];
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/tmp/x", 0o755);
                host.wait(seconds(61));
                host.spawn(shell, "/tmp/x", &["/tmp/x"]);
            }),
            nothing,
            "too late"
        );
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/srv/build/x", 0o755);
                host.spawn(shell, "/srv/build/x", &["x"]);
            }),
            nothing,
            "an ordinary place"
        );
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/tmp/y", 0o755);
                host.spawn(shell, "/tmp/x", &["/tmp/x"]);
            }),
            nothing,
            "another file"
        );
        assert_eq!(
            after(|host, shell| {
                host.create(shell, "/tmp/list", 0o644);
                host.spawn(shell, "/usr/bin/sort", &["sort", "/tmp/list"]);
            }),
            nothing,
            "read, not run"
        );
        assert_eq!(
            after(|host, shell| {
                let dpkg = host.spawn(shell, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
                host.create(dpkg, "/var/tmp/preinst", 0o755);
                host.spawn_script(dpkg, "/usr/bin/dash", "/var/tmp/preinst");
            }),
            nothing,
            "a package's own script"
        );
    }

    #[test]
    fn equal_paths_in_two_containers_are_two_files() {
        let nothing: [(&str, u8); 0] = [];
        assert_eq!(
            after(|host, shell| {
                let inside = host.fork(shell);
                host.enter(inside, "aaaa");
                host.create(inside, "/tmp/x.sh", 0o755);
                let other = host.fork(shell);
                host.enter(other, "bbbb");
                host.spawn_script(other, "/usr/bin/dash", "/tmp/x.sh");
            }),
            nothing
        );
    }
}
