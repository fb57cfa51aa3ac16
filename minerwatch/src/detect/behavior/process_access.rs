//! B15: a dropped program tries to access another process.

use super::intruder::is_of_intruder;
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{AccessedProcess, EventBody, EventType, PrivilegedCall, SignalClass},
    process::{Process, ProcessTable, directory_of},
};

/// The signal.
pub const PROCESS_ACCESS: SignalInfo = SignalInfo {
    id: "B15",
    class: SignalClass::Behavior,
    weight: 25,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Access to the memory of another process",
    description: "A program that was dropped, lies in a temporary place or runs from memory tried to access the memory and the registers of a process that it did not start.",
    catches: "A miner that is injected into a program of the host, and a thief of keys in memory.",
    techniques: &["T1055.008"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[PROCESS_ACCESS],
    wants: &[EventType::Privileged],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::Privileged(call) = &context.event.body else { return None };
    let PrivilegedCall::AccessProcess(accessed) = &**call else { return None };
    let (process, table) = (context.process, context.table);
    if !is_of_intruder(process) {
        return None;
    }
    let target = find(table, process, accessed)?;
    // Programs watch over what they started, and the parts of one program over each other.
    let is_own = table.ancestry(target.key()).any(|ancestor| ancestor.key() == process.key())
        || directory_of(target.program_path()) == directory_of(process.program_path());
    if is_own {
        return None;
    }
    let detail = format!("tried to access the memory of '{}' (pid {})", target.view.name, target.key().pid);
    let finding = Finding::new(PROCESS_ACCESS, context, detail).value("target", target.key());
    Some(finding.value("target_path", target.program_path()))
}

/// Returns the other process. Where the kernel gives only its number, the number is one of the host's only outside of
/// containers.
fn find<'a>(table: &'a ProcessTable, process: &Process, accessed: &AccessedProcess) -> Option<&'a Process> {
    match accessed.key {
        Some(key) => table.get(key),
        None if process.container_id().is_some() => None,
        None => table.iter().find(|other| other.key().pid == accessed.pid && other.is_alive()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ProcessKey,
        testing::{Host, findings_of},
    };

    /// Starts a server and a program, and lets the program access a process.
    fn found(
        program: &str,
        target: impl Fn(&mut Host, ProcessKey, ProcessKey) -> ProcessKey,
    ) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let server = host.spawn(init, "/usr/sbin/sshd", &["sshd", "-D"]);
        let shell = host.spawn(init, "/usr/bin/bash", &["bash", "-c", "x"]);
        let program = host.spawn(shell, program, &["x"]);
        let target = target(&mut host, server, program);
        host.access(program, target);
        findings_of(&[&DETECTOR], &host)
    }

    #[test]
    fn the_program_and_its_target_decide() {
        let server = |_: &mut Host, server, _| server;
        for program in ["/tmp/x", "/dev/shm/.x/y", "/run/user/0/x", "/var/tmp/gdb"] {
            assert_eq!(found(program, server), [("B15", 25)], "{program}");
        }
        for program in ["/usr/bin/gdb", "/usr/bin/strace", "/opt/agent/bin/agent", "/home/me/go/bin/dlv"] {
            assert_eq!(found(program, server), [], "{program}");
        }
        let child = |host: &mut Host, _, program| host.spawn(program, "/usr/bin/python3", &["python3"]);
        assert_eq!(found("/tmp/x", child), [], "its child");
        let part = |host: &mut Host, server, _| host.spawn(server, "/tmp/.mount_app/app", &["app"]);
        assert_eq!(found("/tmp/.mount_app/crash_handler", part), [], "a part of the same program");
    }

    #[test]
    fn a_program_in_memory_counts() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let server = host.spawn(init, "/usr/sbin/nginx", &["nginx"]);
        let program = host.spawn(init, "/memfd:x", &["x"]);
        host.access(program, server);
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B15", 25)]);
    }
}
