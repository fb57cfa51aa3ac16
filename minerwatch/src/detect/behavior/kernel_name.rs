//! B4: an ordinary program with the name of a kernel thread.

use super::is_program;
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventType, SignalClass},
};

/// The signal.
pub const KERNEL_NAME: SignalInfo = SignalInfo {
    id: "B4",
    class: SignalClass::Behavior,
    weight: 45,
    full_weight: 45,
    kind: SignalKind::Sign,
    name: "Program named like a kernel thread",
    description: "An ordinary program carries the name of a kernel thread, so that a person looking at a process list passes over it.",
    catches: "A program that is disguised as a part of the kernel.",
    techniques: &["T1036.004"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[KERNEL_NAME],
    wants: &[EventType::Exec, EventType::RunningProcess],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    if !is_program(context) {
        return None;
    }
    let view = &context.process.view;
    let own = view.arguments.first().map_or("", AsRef::as_ref);
    let shown = [view.name.as_ref(), own].into_iter().find(|name| is_kernel_name(name))?;
    let detail = format!("'{}' calls itself '{shown}', like a kernel thread", view.executable.path);
    let finding = Finding::new(KERNEL_NAME, context, detail);
    Some(finding.value("name", shown).value("path", &view.executable.path))
}

fn is_kernel_name(name: &str) -> bool {
    const THREADS: [&str; 26] = [
        "kthreadd",
        "kworker",
        "ksoftirqd",
        "kswapd",
        "kcompactd",
        "khugepaged",
        "khungtaskd",
        "kdevtmpfs",
        "kdevtmpfsi",
        "kblockd",
        "kintegrityd",
        "kauditd",
        "ksmd",
        "kthrotld",
        "kstrp",
        "migration",
        "cpuhp",
        "rcu_sched",
        "rcu_preempt",
        "rcu_gp",
        "rcu_par_gp",
        "oom_reaper",
        "writeback",
        "jbd2",
        "netns",
        "irq",
    ];
    // `ps` shows the name of a process without arguments in brackets. Some miners put the brackets into their own name.
    let name = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if !name.starts_with(['k', 'm', 'c', 'r', 'o', 'w', 'j', 'n', 'i']) {
        return false;
    }
    let Some((thread, rest)) = THREADS
        .iter()
        .find_map(|thread| name.strip_prefix(thread).map(|rest| (*thread, rest)))
        .filter(|(_, rest)| {
            rest.chars()
                .all(|next| next.is_ascii_digit() || matches!(next, '/' | ':' | 'u' | 'H' | '-' | 'i'))
        })
    else {
        return false;
    };
    // Ordinary programs may have these short names, so the names count only with a processor number.
    match thread {
        "migration" | "irq" | "writeback" | "netns" | "cpuhp" => rest.starts_with('/'),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_kernel_threads_count() {
        for name in [
            "kworker",
            "kworker/0:1",
            "[kworker/u8:2]",
            "kthreadd",
            "kdevtmpfsi",
            "kswapd0",
            "[kthreadd]",
            "migration/0",
            "ksoftirqd/1",
        ] {
            assert!(is_kernel_name(name), "{name}");
        }
        for name in [
            "bash",
            "[",
            "[]",
            "kworker-manager",
            "kde",
            "migration",
            "irqbalance",
            "netns",
            "ksmserver",
            "kswapper",
            "",
            "k",
        ] {
            assert!(!is_kernel_name(name), "{name}");
        }
    }
}
