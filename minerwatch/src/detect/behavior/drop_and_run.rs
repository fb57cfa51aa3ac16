//! B2: a file is written, then run within a minute, from a temporary or hidden place.

use std::{sync::Arc, time::Duration};

use super::service_entry::service_entry;
use crate::{
    detect::{
        Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind, WrittenFile,
    },
    model::{
        BootTime, ChainEdge, ChainKind, Decimal, EventBody, EventType, Inspection, Request, SignalClass,
    },
    process::{Role, Taint, reads_program_from_input},
};

/// Maximum time from writing a file or making it executable to running it. An attacker's script runs at once what it
/// wrote. What came from another host stays foreign for as long as the file is remembered.
const WINDOW: Duration = Duration::from_secs(60);

/// The signal.
pub const DROP_AND_RUN: SignalInfo = SignalInfo {
    id: "B2",
    class: SignalClass::Behavior,
    weight: 25,
    full_weight: 25,
    kind: SignalKind::Step,
    name: "File written, then run from a temporary or hidden place",
    description: "A program was run within 60 seconds of being written to, or made executable in, a temporary or hidden directory.",
    catches: "A dropped program as soon as it is run, whatever it does.",
    techniques: &["T1105", "T1059.004", "T1564.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[DROP_AND_RUN],
    wants: &[EventType::Exec, EventType::Inspection],
    evictions: None,
    create: |_| Box::new(DropAndRun),
};

#[derive(Debug)]
struct DropAndRun;

impl Detector for DropAndRun {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        if let EventBody::Inspection(inspection) = &context.event.body {
            return findings.add(inspected(context, inspection));
        }
        findings.add(started(context));
        // The kernel's event does not say what a shell without a script reads.
        let view = &context.process.view;
        let may_interpret =
            matches!(context.process.role, Role::Shell | Role::LoginShell | Role::Interpreter);
        if may_interpret
            && context.process.script.is_none()
            && reads_program_from_input(&view.executable.path, &view.arguments)
        {
            let request = super::inspection_of(context, true, Vec::new());
            findings.request(Request::Inspect(Box::new(request)));
        }
    }
}

/// Checks whether the file of a started program, or the script that it interprets, was just dropped.
fn started(context: &DetectionContext<'_>) -> Option<Finding> {
    let written = &context.known.written;
    let view = &context.process.view;
    let container = context.process.container_id().map(AsRef::as_ref);
    let program = written.find(&view.executable.path, view.executable.file, container);
    let script = || written.find(context.process.script.as_deref()?, None, container);
    let dropped = program
        .filter(|dropped| is_fresh(dropped, context, context.at()))
        .or_else(|| script().filter(|dropped| is_fresh(dropped, context, context.at())))?;
    Some(found(context, dropped, context.at(), "run"))
}

/// Checks whether the script that a shell reads as its standard input, or a library that is forced into a program, was
/// just dropped when the program started.
fn inspected(context: &DetectionContext<'_>, inspection: &Inspection) -> Option<Finding> {
    let written = &context.known.written;
    let view = &context.process.view;
    let container = context.process.container_id().map(AsRef::as_ref);
    let since = context.process.since;
    // The table has noted it as the script.
    let is_script = |path: &str| context.process.script.as_deref() == Some(path);
    let input = inspection.input.as_ref().filter(|input| {
        is_script(&input.path) && reads_program_from_input(&view.executable.path, &view.arguments)
    });
    let script = input.and_then(|input| written.find(&input.path, Some(input.file), container));
    if let Some(dropped) = script.filter(|dropped| is_fresh(dropped, context, since)) {
        return Some(found(context, dropped, since, "run"));
    }
    let mut libraries = inspection.preloaded.iter().filter_map(|path| written.find(path, None, container));
    let dropped = libraries.find(|dropped| is_fresh(dropped, context, since))?;
    Some(found(context, dropped, since, "preloaded into a program"))
}

/// Creates the finding about a file that was used at the time `run`. `usage` says how: "run" or "preloaded into a
/// program".
fn found(context: &DetectionContext<'_>, dropped: &WrittenFile, run: BootTime, usage: &str) -> Finding {
    let age = run.since(dropped.ready()).as_secs_f64();
    let detail = format!(
        "'{}' was written by '{}' (pid {}) and {usage} {age:.1} s later from {}",
        dropped.path,
        dropped.writer_name,
        dropped.writer.pid,
        dropped.place.words()
    );
    let mut finding = Finding::new(DROP_AND_RUN, context, detail)
        .tainting(Taint::Dropped)
        .value("path", &dropped.path)
        .value("writer", dropped.writer)
        .value("seconds", Decimal::new(age, 3));
    finding.partner = Some(dropped.writer);
    finding.file = Some((Arc::clone(&dropped.path), dropped.file));
    finding.edges.extend(drop_steps(dropped));
    finding
}

/// Returns the steps that made a file ready to run.
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

/// Whether a file in an odd place was dropped recently, for a program that started at the time `run`. What a shell or a
/// downloader below a service fetched may lie in any place, because a service often can write only to its own directory.
fn is_fresh(dropped: &WrittenFile, context: &DetectionContext<'_>, run: BootTime) -> bool {
    if !dropped.place.is_odd() {
        return dropped.fetched && is_fetched_through_service(dropped, context);
    }
    dropped.fetched || run.since(dropped.ready()) <= WINDOW
}

fn is_fetched_through_service(dropped: &WrittenFile, context: &DetectionContext<'_>) -> bool {
    let writer = context.table.get(dropped.writer);
    writer.is_some_and(|writer| {
        writer.role != Role::Service && service_entry(context.table, writer.key()).is_some()
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{EventBody, InputFile, Inspection, ProcessKey, Request},
        testing::{Host, findings, requests, seconds},
    };

    fn inspect(host: &mut Host, process: ProcessKey, inspection: Inspection) {
        host.happen(process, EventBody::Inspection(Box::new(inspection)));
    }

    fn reads(host: &mut Host, path: &str) -> Inspection {
        let input = InputFile { path: path.into(), file: host.file(path) };
        Inspection { input: Some(input), ..Inspection::default() }
    }

    fn preloads(path: &str) -> Inspection {
        Inspection { preloaded: vec![path.into()], ..Inspection::default() }
    }

    /// The actions of a test case, given the key of a shell.
    type Act = fn(&mut Host, ProcessKey);

    fn found(act: Act) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let shell = host.spawn(init, "/usr/bin/dash", &["sh", "/srv/job.sh"]);
        act(&mut host, shell);
        findings(&host)
    }

    #[test]
    fn what_is_run_just_after_it_was_written_is_found() {
        let cases: [(&str, Act); 14] = [
            ("created", |host, shell| {
                host.create(shell, "/tmp/x", 0o755);
                host.spawn(shell, "/tmp/x", &["/tmp/x"]);
            }),
            ("made executable long after the download", |host, shell| {
                host.create(shell, "/root/.hidden/x", 0o644);
                host.wait(seconds(300));
                host.chmod(shell, "/root/.hidden/x", 0o700);
                host.wait(seconds(30));
                host.spawn(shell, "/root/.hidden/x", &["x"]);
            }),
            ("renamed, then given to a shell", |host, shell| {
                host.create(shell, "/tmp/part", 0o644);
                host.rename(shell, "/tmp/part", "/tmp/x.sh");
                host.spawn(shell, "/usr/bin/bash", &["bash", "/tmp/x.sh"]);
            }),
            ("fetched by a downloader long before", |host, shell| {
                let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/run/lock/x"]);
                host.create(curl, "/run/lock/x", 0o644);
                host.wait(seconds(3_600));
                host.chmod(shell, "/run/lock/x", 0o755);
                host.wait(seconds(3_600));
                host.spawn(shell, "/run/lock/x", &["x"]);
            }),
            ("fetched into a web root", |host, shell| {
                let curl = host.spawn(shell, "/usr/bin/wget", &["wget", "x"]);
                host.create(curl, "/var/www/html/x", 0o644);
                host.spawn(shell, "/var/www/html/x", &["x"]);
            }),
            ("read by a shell", |host, shell| {
                host.create(shell, "/tmp/x", 0o644);
                host.spawn(shell, "/usr/bin/bash", &["bash", "-c", ". /tmp/x"]);
            }),
            ("given to the loader", |host, shell| {
                host.create(shell, "/tmp/x", 0o644);
                host.spawn(shell, "/usr/lib64/ld-linux-x86-64.so.2", &["ld.so", "/tmp/x"]);
            }),
            ("given to Java", |host, shell| {
                host.create(shell, "/tmp/x.jar", 0o644);
                host.spawn(shell, "/usr/bin/java", &["java", "-jar", "/tmp/x.jar"]);
            }),
            ("in a directory that was renamed", |host, shell| {
                host.create(shell, "/tmp/a/x.sh", 0o644);
                host.rename_directory(shell, "/tmp/a", "/tmp/b");
                host.spawn(shell, "/usr/bin/bash", &["bash", "/tmp/b/x.sh"]);
            }),
            ("in a directory that was renamed, of which only the names were seen", |host, shell| {
                host.create(shell, "/tmp/a/b/x.sh", 0o644);
                host.rename_directory_by_name(shell, "/tmp/a", "/tmp/c");
                host.spawn(shell, "/usr/bin/bash", &["bash", "/tmp/c/b/x.sh"]);
            }),
            ("exchanged with a file that was there", |host, shell| {
                host.create(shell, "/tmp/x", 0o755);
                host.exchange(shell, "/tmp/x", "/var/tmp/old");
                host.spawn(shell, "/var/tmp/old", &["old"]);
            }),
            ("exchanged, named first", |host, shell| {
                host.create(shell, "/srv/x.sh", 0o755);
                host.exchange(shell, "/tmp/old.sh", "/srv/x.sh");
                host.spawn(shell, "/usr/bin/bash", &["bash", "/tmp/old.sh"]);
            }),
            ("in a directory that was exchanged", |host, shell| {
                host.create(shell, "/tmp/a/x.sh", 0o644);
                host.exchange_directories(shell, "/var/tmp/b", "/tmp/a");
                host.spawn(shell, "/usr/bin/bash", &["bash", "/var/tmp/b/x.sh"]);
            }),
            ("a script of its own", |host, shell| {
                host.create(shell, "/dev/shm/x.py", 0o755);
                host.spawn_script(shell, "/usr/bin/python3.11", "/dev/shm/x.py");
            }),
        ];
        for (name, act) in cases {
            assert_eq!(found(act), [("B2", 25)], "{name}");
        }
    }

    #[test]
    fn what_is_run_otherwise_is_not_found() {
        let cases: [(&str, Act); 6] = [
            ("too late", |host, shell| {
                host.create(shell, "/tmp/x", 0o755);
                host.wait(seconds(61));
                host.spawn(shell, "/tmp/x", &["/tmp/x"]);
            }),
            ("an ordinary place", |host, shell| {
                host.create(shell, "/srv/build/x", 0o755);
                host.spawn(shell, "/srv/build/x", &["x"]);
            }),
            ("another file", |host, shell| {
                host.create(shell, "/tmp/y", 0o755);
                host.spawn(shell, "/tmp/x", &["/tmp/x"]);
            }),
            ("read, not run", |host, shell| {
                host.create(shell, "/tmp/list", 0o644);
                host.spawn(shell, "/usr/bin/sort", &["sort", "/tmp/list"]);
            }),
            ("a package's own script", |host, shell| {
                let dpkg = host.spawn(shell, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
                host.create(dpkg, "/var/tmp/preinst", 0o755);
                host.spawn_script(dpkg, "/usr/bin/dash", "/var/tmp/preinst");
            }),
            ("the same path in another container", |host, shell| {
                let inside = host.fork(shell);
                host.enter(inside, "aaaa");
                host.create(inside, "/tmp/x.sh", 0o755);
                let other = host.fork(shell);
                host.enter(other, "bbbb");
                host.spawn_script(other, "/usr/bin/dash", "/tmp/x.sh");
            }),
        ];
        for (name, act) in cases {
            assert_eq!(found(act), [], "{name}");
        }
    }

    #[test]
    fn what_a_closer_look_shows_is_found() {
        let cases: [(&str, Act); 4] = [
            ("a script on standard input, by name", |host, shell| {
                host.create(shell, "/tmp/x.sh", 0o644);
                let bash = host.spawn(shell, "/usr/bin/bash", &["bash", "/dev/stdin"]);
                let inspection = reads(host, "/tmp/x.sh");
                inspect(host, bash, inspection);
            }),
            ("a script on standard input", |host, shell| {
                host.create(shell, "/tmp/x.sh", 0o644);
                let bash = host.spawn(shell, "/usr/bin/bash", &["bash"]);
                let inspection = reads(host, "/tmp/x.sh");
                inspect(host, bash, inspection);
            }),
            ("a preloaded library", |host, shell| {
                host.create(shell, "/dev/shm/x.so", 0o644);
                let sleep = host.spawn(shell, "/usr/bin/sleep", &["sleep", "9"]);
                host.wait(seconds(100));
                inspect(host, sleep, preloads("/dev/shm/x.so"));
            }),
            ("code of another language", |host, shell| {
                host.create(shell, "/run/lock/x", 0o644);
                let perl = host.spawn(shell, "/usr/bin/perl", &["perl", "-"]);
                let inspection = reads(host, "/run/lock/x");
                inspect(host, perl, inspection);
            }),
        ];
        for (name, act) in cases {
            assert_eq!(found(act), [("B2", 25)], "{name}");
        }
    }

    #[test]
    fn what_a_closer_look_shows_of_other_files_is_not_found() {
        let cases: [(&str, Act); 4] = [
            ("data, not a program", |host, shell| {
                host.create(shell, "/tmp/x", 0o644);
                let sort = host.spawn(shell, "/usr/bin/sort", &["sort"]);
                let inspection = reads(host, "/tmp/x");
                inspect(host, sort, inspection);
            }),
            ("data of a script", |host, shell| {
                host.create(shell, "/tmp/x", 0o644);
                let python = host.spawn(shell, "/usr/bin/python3", &["python3", "-c", "pass"]);
                let inspection = reads(host, "/tmp/x");
                inspect(host, python, inspection);
            }),
            ("a library in an ordinary place", |host, shell| {
                host.create(shell, "/opt/lib/x.so", 0o644);
                let sleep = host.spawn(shell, "/usr/bin/sleep", &["sleep", "9"]);
                inspect(host, sleep, preloads("/opt/lib/x.so"));
            }),
            ("a library written after the start", |host, shell| {
                let sleep = host.spawn(shell, "/usr/bin/sleep", &["sleep", "999"]);
                host.create(shell, "/tmp/other", 0o644);
                inspect(host, sleep, preloads("/tmp/x.so"));
            }),
        ];
        for (name, act) in cases {
            assert_eq!(found(act), [], "{name}");
        }
    }

    #[test]
    fn only_shells_without_a_script_are_looked_at() {
        let asked = |path: &str, arguments: &[&str]| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, path, arguments);
            requests(&host)
                .iter()
                .any(|request| matches!(request, Request::Inspect(request) if request.only_input))
        };
        assert!(asked("/usr/bin/bash", &["bash"]));
        assert!(asked("/usr/bin/dash", &["sh", "-s", "x"]));
        assert!(asked("/usr/bin/python3", &["python3", "-"]));
        assert!(asked("/usr/bin/bash", &["bash", "/dev/stdin"]));
        assert!(!asked("/usr/bin/bash", &["bash", "/srv/x.sh"]));
        assert!(!asked("/usr/bin/bash", &["bash", "-c", "true"]));
        assert!(!asked("/usr/bin/python3", &["python3", "-m", "http.server"]));
        assert!(!asked("/usr/bin/sort", &["sort"]));
    }
}
