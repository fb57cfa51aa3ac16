//! Chooses the processes that a response is about.

use std::path::Path;

use super::{
    refusal::{Guard, Refusal},
    tree::{self, Running, Tree},
};
use crate::{
    enrich::proc::Proc,
    model::{Alert, FileId, MemberRole, ProcessKey, ProcessView, Suspect, Verdict},
    process::Role,
};

/// Directories of programs that other processes run, too.
const SYSTEM: [&str; 8] = ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/"];

/// Returns the suspects that may be touched: those with the verdict `mining`, or the one that a person named by a pid.
pub fn suspects(alert: &Alert, only: Option<u32>) -> Result<Vec<&Suspect>, Refusal> {
    if let Some(pid) = only {
        return named(alert, pid).map(|suspect| vec![suspect]);
    }
    let mining: Vec<&Suspect> =
        alert.suspects.iter().filter(|suspect| suspect.verdict == Some(Verdict::Mining)).collect();
    if mining.is_empty() {
        let others: Vec<String> = alert.suspects.iter().map(described).collect();
        let others = if others.is_empty() {
            "It has no suspects".to_owned()
        } else {
            format!("It has {}", others.join(", "))
        };
        return Err(Refusal::new(
            Guard::Verdict,
            format!(
                "no suspect of the incident {} has the verdict mining. {others}. To respond all the same, name a \
                 suspect with --pid",
                alert.incident
            ),
        ));
    }
    Ok(mining)
}

fn described(suspect: &Suspect) -> String {
    let verdict = match suspect.verdict {
        Some(Verdict::Mining) => "mining",
        Some(Verdict::Suspected) => "suspected",
        Some(Verdict::Noted) => "noted",
        None => "no verdict",
    };
    format!("{} (pid {}, {verdict})", suspect.process.name, suspect.process.key.pid)
}

fn named(alert: &Alert, pid: u32) -> Result<&Suspect, Refusal> {
    let has_pid = |suspect: &&Suspect| suspect.process.key.pid == pid || suspect.pids.contains(&pid);
    if let Some(suspect) = alert.suspects.iter().find(has_pid) {
        return Ok(suspect);
    }
    let role =
        alert.members.iter().find(|member| member.process.pid == pid).map(|member| match member.role {
            MemberRole::Suspect => "a suspect without a verdict",
            MemberRole::Dropper => "the writer of a file",
            MemberRole::Persister => "a process that set something up to start again",
            MemberRole::Entry => "the service through which the others came",
            MemberRole::Bystander => "a process of the same tree or container",
        });
    Err(Refusal::new(
        Guard::Bystander,
        match role {
            Some(role) => format!("the process {pid} is only {role}; a response is for suspects"),
            None => format!("the process {pid} is no part of the incident {}", alert.incident),
        },
    ))
}

/// Returns the tree of the suspects.
pub fn tree(alert: &Alert, suspects: &[&Suspect], only: Option<u32>, proc: &Proc) -> Tree {
    if let Some(pid) = only {
        // A person named one process, so others of the same program are not meant.
        return Tree::new(Running::read(pid, proc).map(|process| process.key).into_iter().collect(), []);
    }
    let mut roots: Vec<ProcessKey> = Vec::new();
    for suspect in suspects {
        roots.push(suspect.process.key);
        for pid in &suspect.pids {
            roots.extend(alert.members.iter().map(|member| member.process).filter(|key| key.pid == *pid));
            roots.extend(runs_suspect(*pid, suspect, alert, proc));
        }
    }
    roots.sort_unstable();
    roots.dedup();
    Tree::new(roots, suspects.iter().filter_map(|suspect| own_program(&suspect.process)))
}

/// Returns a process that the incident names only by its pid, if it is older than the alert and still runs the suspect's
/// program.
fn runs_suspect(pid: u32, suspect: &Suspect, alert: &Alert, proc: &Proc) -> Option<ProcessKey> {
    let running = Running::read(pid, proc)?;
    let is_same = suspect.process.executable.file.is_some_and(|file| tree::program(pid, proc) == Some(file));
    (is_same && running.key.start() <= alert.time).then_some(running.key)
}

/// Returns the executable of a suspect if every process that runs it must be the suspect: it is no part of the system,
/// and it is no interpreter, which runs other people's scripts as well.
fn own_program(process: &ProcessView) -> Option<FileId> {
    let path = &*process.executable.path;
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_shared =
        SYSTEM.iter().any(|directory| path.starts_with(directory)) || Role::of_name(name) != Role::Other;
    process.executable.file.filter(|_| !is_shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    #[test]
    fn only_a_suspect_whose_own_verdict_is_mining_is_touched_unless_a_person_names_one() {
        let mut alert = samples::alert();
        // The incident may be mining because of another suspect.
        alert.verdict = Verdict::Mining;
        let refusal = suspects(&alert, None).expect_err("none mines");
        assert_eq!(refusal.guard, Guard::Verdict);
        assert!(refusal.message.contains("(pid 4713, suspected)"), "{refusal}");
        assert_eq!(suspects(&alert, Some(4713)).expect("it was named").len(), 1);
        assert_eq!(suspects(&alert, Some(4712)).expect("it runs the suspect's program").len(), 1);
        let mut mining = alert.suspects[0].clone();
        mining.verdict = Some(Verdict::Mining);
        mining.process.key.pid = 9;
        alert.suspects.push(mining);
        let chosen: Vec<u32> = suspects(&alert, None)
            .expect("one mines")
            .iter()
            .map(|suspect| suspect.process.key.pid)
            .collect();
        assert_eq!(chosen, [9]);
    }

    #[test]
    fn a_bystander_and_a_stranger_are_refused_by_name() {
        let mut alert = samples::alert();
        let bystander =
            alert.members.iter_mut().find(|member| member.process.pid != 4713).expect("there are more");
        bystander.role = MemberRole::Bystander;
        bystander.process.pid = 77;
        for (pid, part) in [(77, "same tree or container"), (78, "no part of the incident")] {
            let refusal = suspects(&alert, Some(pid)).expect_err("it is no suspect");
            assert_eq!(refusal.guard, Guard::Bystander);
            assert!(refusal.message.contains(part), "{refusal}");
        }
    }

    #[test]
    fn a_program_that_others_run_leads_to_nobody_else() {
        let process = |path: &str| {
            let mut process = samples::alert().suspect;
            process.executable.path = path.into();
            process.executable.file = Some(FileId { device: 1, inode: 2 });
            own_program(&process).is_some()
        };
        for own in ["/tmp/.x/kdevtmpfsi", "/dev/shm/a", "/home/me/xmrig", "/memfd:x (deleted)"] {
            assert!(process(own), "{own}");
        }
        for shared in [
            "/usr/bin/curl",
            "/bin/sh",
            "/opt/app/bin/app",
            "/root/.pyenv/versions/3.11/bin/python3.11",
            "/tmp/bash",
        ] {
            assert!(!process(shared), "{shared}");
        }
    }
}
