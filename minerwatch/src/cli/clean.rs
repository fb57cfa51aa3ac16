//! The plan to clean up after an incident: what to stop, remove and restore, in order. For `minerwatch explain --clean`.

mod place;
mod script;
mod text;

use serde::Serialize;
use serde_json::Value;

pub(super) use self::{
    script::script,
    text::{shown, text},
};
use crate::ecs::read::{items, text as field, texts};
use place::Place;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Keeps what the following steps destroy.
    Keep,
    /// Ends processes, or keeps them from running.
    Stop,
    /// Keeps something from starting them again.
    Disable,
    /// Removes a file.
    Remove,
    /// Brings back what was there before.
    Restore,
    /// A person has to look.
    Review,
    /// Checks whether anything is left.
    Verify,
    /// Notices a return.
    Watch,
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Step {
    /// What it does.
    pub kind: Kind,
    /// What it is about: a path, a program, an account.
    pub object: String,
    /// Why, as a sentence.
    pub why: String,
    /// Commands, each with its arguments. They are run one after the other, until one fails.
    pub commands: Vec<Vec<String>>,
}

/// The plan for one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    /// The incident.
    pub incident: String,
    /// The sentence of the alert.
    pub message: String,
    /// The container in which it happened, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn step(kind: Kind, object: &str, why: impl Into<String>, commands: &[&[&str]]) -> Step {
    Step {
        kind,
        object: object.to_owned(),
        why: why.into(),
        commands: commands.iter().map(|command| words(command)).collect(),
    }
}

/// Makes the plan from the line of an alert, or returns `None` if it is not about an incident.
pub(super) fn plan(line: &[u8]) -> Option<Plan> {
    let alert: Value = serde_json::from_slice(line).ok()?;
    let incident = field(&alert, "minerwatch.incident.id")?.to_owned();
    let container = field(&alert, "container.id").map(str::to_owned);
    let mut steps = vec![
        step(
            Kind::Stop,
            "the suspects",
            "they do not run meanwhile, and cannot undo what you do",
            &[&["minerwatch", "respond", &incident, "--freeze"]],
        ),
        step(
            Kind::Keep,
            "the evidence",
            "the next steps destroy it",
            &[&["minerwatch", "evidence", &incident, "-o", &format!("{incident}.tar.gz")]],
        ),
    ];
    let files = files(&alert);
    if let Some(id) = &container {
        steps.push(step(
            Kind::Review,
            id,
            "it happened in this container: replace the container and check its image instead of cleaning it; the paths \
             below are inside it",
            &[],
        ));
    }
    for path in texts(&alert, "minerwatch.persistence") {
        steps.push(Place::of(path).step(path, &files, container.is_some()));
    }
    steps.push(step(
        Kind::Stop,
        "the suspects",
        "nothing starts them again now",
        &[&["minerwatch", "respond", &incident, "--stop"]],
    ));
    steps.extend(files.iter().map(|file| file.step(container.is_some())));
    steps.extend(accounts(&alert));
    let entry = items(&alert, "minerwatch.members")
        .iter()
        .find(|member| field(member, "role") == Some("entry"))
        .and_then(|member| field(member, "process.name").or_else(|| field(member, "name")));
    if let Some(entry) = entry {
        let why = "the intruder came through this service: update it, change its secrets, and restart it";
        steps.push(step(Kind::Review, entry, why, &[]));
    }
    steps.push(step(
        Kind::Verify,
        "this host",
        "nothing mines any more",
        &[&["minerwatch", "scan", "--seconds", "30"]],
    ));
    steps.push(step(
        Kind::Restore,
        "cgroups",
        "what the response changed is undone",
        &[&["minerwatch", "release", &incident]],
    ));
    steps.push(step(
        Kind::Watch,
        "the incident",
        "whatever returns within 72 hours opens it again",
        &[&["minerwatch", "watch-clean", &incident]],
    ));
    let message = field(&alert, "message").unwrap_or_default().to_owned();
    Some(Plan { incident, message, container, steps })
}

/// A file that the intruder left.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Left {
    path: String,
    sha256: Option<String>,
    why: &'static str,
}

impl Left {
    fn step(&self, is_in_container: bool) -> Step {
        let Self { path, sha256, why } = self;
        if is_in_container || !path.starts_with('/') {
            return step(Kind::Review, path, *why, &[]);
        }
        let is_system =
            ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/"].iter().any(|at| path.starts_with(at));
        let Some(sha256) = sha256.as_ref().filter(|_| !is_system) else {
            let why = if is_system {
                format!(
                    "{why}; it is in a directory of the system: if a package owns it, reinstall the package"
                )
            } else {
                format!("{why}; its hash is not known, so make sure that it is the right file")
            };
            return step(Kind::Review, path, why, &[&["ls", "-la", "--", path], &["sha256sum", "--", path]]);
        };
        let check = format!("{sha256}  {path}");
        let why = format!("{why}; its SHA-256 is {sha256}");
        step(
            Kind::Remove,
            path,
            why,
            &[&["minerwatch-check-hash", &check], &["chattr", "-i", "--", path], &["rm", "--", path]],
        )
    }
}

/// Returns the files that members dropped, and the executables of the suspects.
fn files(alert: &Value) -> Vec<Left> {
    let mut files: Vec<Left> = Vec::new();
    let mut add = |path: &str, sha256: Option<&str>, why| {
        let is_file = !path.is_empty() && !path.starts_with("/memfd:") && !path.ends_with(" (deleted)");
        match files.iter_mut().find(|known| known.path == path) {
            Some(known) => known.sha256 = known.sha256.take().or_else(|| sha256.map(str::to_owned)),
            None if is_file => {
                files.push(Left { path: path.to_owned(), sha256: sha256.map(str::to_owned), why });
            }
            None => {}
        }
    };
    for file in items(alert, "minerwatch.dropped") {
        add(field(file, "path").unwrap_or_default(), field(file, "sha256"), "the intruder wrote and ran it");
    }
    for suspect in items(alert, "minerwatch.suspects") {
        let path = field(suspect, "process.executable").unwrap_or_default();
        add(path, field(suspect, "process.sha256"), "the suspect runs it");
    }
    files
}

/// Returns a step for each account of the host that suspects used.
fn accounts(alert: &Value) -> Vec<Step> {
    let mut users: Vec<&str> = items(alert, "minerwatch.suspects")
        .iter()
        .filter_map(|suspect| field(suspect, "process.user"))
        .collect();
    users.sort_unstable();
    users.dedup();
    let why = "the suspects ran as this user: change its password, and check its keys and its sudo rules";
    users.into_iter().map(|user| step(Kind::Review, user, why, &[])).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn alert(path: &str) -> String {
        serde_json::json!({
            "message": "it mines",
            "minerwatch": {
                "incident": {"id": "1-2-3"},
                "persistence": ["/etc/cron.d/x", "/etc/systemd/system/m.service", "/etc/ld.so.preload",
                    "/root/.ssh/authorized_keys"],
                "dropped": [{"path": path, "sha256": "ab"}],
                "suspects": [
                    {"process": {"executable": path, "user": "ml"}},
                    {"process": {"executable": "/usr/bin/python3.11", "sha256": "cd", "user": "ml"}},
                    {"process": {"executable": "/memfd:x (deleted)"}},
                ],
            },
        })
        .to_string()
    }

    #[test]
    fn what_starts_the_suspects_is_disabled_before_they_are_killed_and_their_files_go_last() {
        let plan = plan(alert("/tmp/.x/miner").as_bytes()).expect("an incident");
        let kinds: Vec<(Kind, &str)> =
            plan.steps.iter().map(|step| (step.kind, step.object.as_str())).collect();
        assert_eq!(
            kinds,
            [
                (Kind::Stop, "the suspects"),
                (Kind::Keep, "the evidence"),
                (Kind::Remove, "/etc/cron.d/x"),
                (Kind::Disable, "/etc/systemd/system/m.service"),
                (Kind::Review, "/etc/ld.so.preload"),
                (Kind::Review, "/root/.ssh/authorized_keys"),
                (Kind::Stop, "the suspects"),
                (Kind::Remove, "/tmp/.x/miner"),
                (Kind::Review, "/usr/bin/python3.11"),
                (Kind::Review, "ml"),
                (Kind::Verify, "this host"),
                (Kind::Restore, "cgroups"),
                (Kind::Watch, "the incident"),
            ]
        );
        assert!(super::plan(b"{}").is_none());
        assert!(super::plan(b"not json").is_none());
    }

    #[test]
    fn a_script_runs_nothing_that_a_name_smuggles_in() {
        let scratch = tempfile::tempdir().expect("a directory");
        let evil = format!(
            "{}/x'; touch {0}/owned; '$(touch {0}/owned2)\n`touch {0}/owned3`",
            scratch.path().display()
        );
        let plan = plan(alert(&evil).as_bytes()).expect("an incident");
        let text = script(&plan);
        let path = scratch.path().join("clean.sh");
        std::fs::write(&path, &text).expect("a file");
        // Every question is answered with no, and then with yes where the commands are harmless stand-ins.
        for answer in ["n\n", "y\n"] {
            let bin = scratch.path().join("bin");
            std::fs::create_dir_all(&bin).expect("a directory");
            for name in
                ["minerwatch", "rm", "mv", "chattr", "systemctl", "sha256sum", "ls", "grep", "vi", "rmdir"]
            {
                let stub = bin.join(name);
                std::fs::write(
                    &stub,
                    format!("#!/bin/sh\necho {name} >> {}/ran\n", scratch.path().display()),
                )
                .expect("a file");
                std::fs::set_permissions(&stub, std::fs::Permissions::from_mode(0o755)).expect("ours");
            }
            let status = std::process::Command::new("/bin/sh")
                .arg(&path)
                .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
                .env("EDITOR", "true")
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::null())
                .spawn()
                .and_then(|mut child| {
                    use std::io::Write as _;
                    let mut input = child.stdin.take().expect("piped");
                    let _ = input.write_all(answer.repeat(40).as_bytes());
                    drop(input);
                    child.wait()
                })
                .expect("a shell");
            assert!(status.success(), "{answer}: {text}");
            if answer == "n\n" {
                assert!(!scratch.path().join("ran").exists(), "nothing runs without a yes");
            }
        }
        for name in ["owned", "owned2", "owned3"] {
            assert!(!scratch.path().join(name).exists(), "{name}: {text}");
        }
        assert!(std::fs::read_to_string(scratch.path().join("ran")).expect("it ran").contains("minerwatch"));
    }
}
