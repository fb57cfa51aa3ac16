//! B4: an ordinary program with the name of a kernel thread.

use crate::detect::{DetectionContext, Finding, signals};

/// A program was started, or was running at the start. Only user space does that: a kernel thread never
/// runs a program under its name.
pub fn kernel_name(context: &DetectionContext<'_>) -> Option<Finding> {
    let view = &context.process.view;
    let own = view.arguments.first().map_or("", AsRef::as_ref);
    let shown = [view.name.as_ref(), own].into_iter().find(|name| is_kernel_name(name))?;
    let detail = format!("'{}' calls itself '{shown}', like a kernel thread", view.executable.path);
    Some(
        Finding::new(signals::KERNEL_NAME, context, detail)
            .with("name", shown)
            .with("path", &view.executable.path),
    )
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
    // `ps` puts names without arguments in brackets: so does who wants to look like that.
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
    // Short words that programs may well be called count only in the form that names a processor.
    match thread {
        "migration" | "irq" | "writeback" | "netns" | "cpuhp" => rest.starts_with('/'),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
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
