//! B16: a dropped program loads or detaches BPF programs.

use super::intruder::is_of_intruder;
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, PrivilegedCall, SignalClass},
};

/// The signal. Its points are few, because administrators download tracing tools to temporary places, too.
pub const BPF_PROGRAM: SignalInfo = SignalInfo {
    id: "B16",
    class: SignalClass::Behavior,
    weight: 20,
    full_weight: 20,
    kind: SignalKind::Sign,
    name: "BPF program loaded or detached",
    description: "A program that was dropped, lies in a temporary place or runs from memory loaded a BPF program that may observe or change what others do, or detached one.",
    catches: "A rootkit that hides a miner by BPF, and an intruder who detaches the BPF programs of monitoring tools.",
    techniques: &["T1014", "T1562.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[BPF_PROGRAM],
    wants: &[EventType::Privileged],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::Privileged(call) = &context.event.body else { return None };
    let (what, technique) = match &**call {
        PrivilegedCall::LoadProgram { .. } => ("loaded a BPF program", "T1014"),
        PrivilegedCall::DetachProgram => ("detached a BPF program", "T1562.001"),
        PrivilegedCall::AccessProcess(_) | PrivilegedCall::LoadModule { .. } => return None,
    };
    if !is_of_intruder(context.process) {
        return None;
    }
    let mut finding = Finding::new(BPF_PROGRAM, context, what.to_owned()).technique(technique);
    if let PrivilegedCall::LoadProgram { name, .. } = &**call
        && !name.is_empty()
    {
        finding = finding.value("program", &**name);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    fn found(program: &str, call: &PrivilegedCall) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let shell = host.spawn(init, "/usr/bin/bash", &["bash", "-c", "x"]);
        let program = host.spawn(shell, program, &["x"]);
        host.call(program, call.clone());
        findings_of(&[&DETECTOR], &host)
    }

    #[test]
    fn the_place_of_the_program_decides() {
        let load = PrivilegedCall::LoadProgram { program_type: 26, name: "hide".into() };
        for call in [&load, &PrivilegedCall::DetachProgram] {
            for program in ["/tmp/x", "/dev/shm/y", "/var/tmp/.z/z"] {
                assert_eq!(found(program, call), [("B16", 20)], "{program}");
            }
            for program in ["/usr/bin/bpftrace", "/opt/falco/falco", "/home/me/.cargo/bin/x", "/srv/x"] {
                assert_eq!(found(program, call), [], "{program}");
            }
        }
        assert_eq!(found("/tmp/x", &PrivilegedCall::LoadModule { name: "x".into() }), []);
    }
}
