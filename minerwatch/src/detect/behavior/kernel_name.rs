//! B4: an ordinary program with the name of a kernel thread.

use std::borrow::Cow;

use super::shown_names;
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
    description: "An ordinary program carries the name of a kernel thread, or a name in brackets as tools show kernel threads, so that a person looking at a process list passes over it.",
    catches: "A program that is disguised as a part of the kernel.",
    techniques: &["T1036.004"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[KERNEL_NAME],
    wants: &[EventType::Exec, EventType::RunningProcess, EventType::Inspection],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let view = &context.process.view;
    let shown = shown_names(context)?.into_iter().find(|name| looks_like_kernel(name))?;
    let detail = format!("'{}' calls itself '{shown}', like a kernel thread", view.executable.path);
    let finding = Finding::new(KERNEL_NAME, context, detail);
    Some(finding.value("name", shown).value("path", &view.executable.path))
}

/// Whether a person takes a name for that of a kernel thread.
fn looks_like_kernel(name: &str) -> bool {
    let name = folded(name);
    let name = name.trim();
    is_kernel_name(name) || is_bracketed_word(name)
}

/// Whether a name is one word in brackets. Tools show only the names of tasks without arguments so, which are kernel
/// threads, and their list is long and changes. The titles of some services begin with a bracket, too, but have several
/// words or the name of a host: `[celeryd: worker@host:MainProcess]`, `[lxc monitor] /var/lib/lxc web`.
fn is_bracketed_word(name: &str) -> bool {
    let Some(word) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/' | b':' | b'.' | b'+');
    word.len() > 1 && word.starts_with(|first: char| first.is_ascii_alphabetic()) && word.bytes().all(is_part)
}

/// Replaces letters and signs by the ASCII characters that look the same, and removes characters without a width.
fn folded(name: &str) -> Cow<'_, str> {
    /// Look-alikes, and what they look like.
    const LOOK_ALIKES: [(&str, char); 30] = [
        ("аɑα", 'a'),
        ("сϲ", 'c'),
        ("ԁ", 'd'),
        ("еҽ", 'e'),
        ("ɡ", 'g'),
        ("һ", 'h'),
        ("іıι", 'i'),
        ("јϳ", 'j'),
        ("кκ", 'k'),
        ("ӏⅼ", 'l'),
        ("ⅿм", 'm'),
        ("ո", 'n'),
        ("оοօ", 'o'),
        ("рρ", 'p'),
        ("ԛ", 'q'),
        ("гᴦ", 'r'),
        ("ѕ", 's'),
        ("тτ", 't'),
        ("υս", 'u'),
        ("νѵ", 'v'),
        ("ԝѡ", 'w'),
        ("хχ", 'x'),
        ("уγ", 'y'),
        ("ᴢ", 'z'),
        ("⁄∕⧸╱", '/'),
        ("∶ː꞉", ':'),
        ("‐‑‒–—−", '-'),
        ("⁅❲〔【", '['),
        ("⁆❳〕】", ']'),
        ("ˍ", '_'),
    ];
    /// Fullwidth forms of the printable ASCII characters, and their distance from these.
    const FULL_WIDTH: std::ops::RangeInclusive<u32> = 0xff01..=0xff5e;
    const DISTANCE: u32 = 0xfee0;
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    let fold = |letter: char| {
        if FULL_WIDTH.contains(&u32::from(letter)) {
            return char::from_u32(u32::from(letter) - DISTANCE).unwrap_or(letter);
        }
        let similar = LOOK_ALIKES.iter().find(|(letters, _)| letters.contains(letter));
        similar.map_or(letter, |(_, ascii)| *ascii)
    };
    let has_width = |letter: &char| !matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    Cow::Owned(name.chars().filter(has_width).map(fold).collect())
}

fn is_kernel_name(name: &str) -> bool {
    /// Maximum length of the name of a task in bytes (`TASK_COMM_LEN` in `include/linux/sched.h`, without the NUL). The
    /// kernel cuts longer names.
    const MAX_LENGTH: usize = 15;
    const THREADS: [&str; 54] = [
        "scsi_eh_",
        "scsi_tmf_",
        "rcuos",
        "rcuog",
        "rcuop",
        "rcub",
        "khubd",
        "kmpathd",
        "kdmflush",
        "kcryptd",
        "kpsmoused",
        "idle_inject",
        "watchdogd",
        "ata_sff",
        "mm_percpu_wq",
        "edac-poller",
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
        "rcu_tasks_kthread",
        "rcu_tasks_rude_kthread",
        "rcu_tasks_trace",
        "rcu_tasks_trace_kthread",
        "rcu_exp_par_gp_kthread_worker",
        "rcu_exp_gp_kthread_worker",
        "pool_workqueue_release",
        "ecryptfs-kthread",
        "kvfree_rcu_reclaim",
        "kdamond.",
        "zswap-shrink",
        "nvme-reset-wq",
    ];
    // `ps` shows the name of a process without arguments in brackets. Some miners put the brackets into their own name.
    let name = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if let Some(worker) = name.strip_prefix("kworker/") {
        return is_worker(worker);
    }
    if name.split_once('/').is_some_and(|(thread, device)| is_of_device(thread, device)) {
        return true;
    }
    // Every program that starts comes here, and most names differ in the first two letters from all of these.
    let [first, second, ..] = name.as_bytes() else { return false };
    let Some((thread, rest)) = THREADS
        .iter()
        .filter(|thread| matches!(thread.as_bytes(), [one, two, ..] if one == first && two == second))
        .find_map(|thread| {
            let is_cut = thread.get(..MAX_LENGTH) == Some(name);
            let rest = if is_cut { "" } else { name.strip_prefix(thread)? };
            let is_number =
                |next: char| next.is_ascii_digit() || matches!(next, '/' | ':' | 'u' | 'H' | '-' | 'i');
            rest.chars().all(is_number).then_some((*thread, rest))
        })
    else {
        return false;
    };
    // Ordinary programs may have these short names, so the names count only with a processor number.
    match thread {
        "migration" | "irq" | "writeback" | "netns" | "cpuhp" | "rcuos" | "rcuog" | "rcuop" | "rcub"
        | "idle_inject" | "kdmflush" => rest.starts_with('/'),
        "scsi_eh_" | "scsi_tmf_" => !rest.is_empty(),
        _ => true,
    }
}

/// Whether the two parts of a name, before and after the first `/`, are those of a kernel thread that serves one device:
///
/// - `irq/24-nvme0q1`: the number of the interrupt and the device (`kernel/irq/manage.c`, `setup_irq_thread`)
/// - `jbd2/sda1-8`: the device and the inode of the journal (`fs/jbd2/journal.c`)
/// - `xfsaild/dm-0`: the device (`fs/xfs/xfs_trans_ail.c`)
/// - `dmcrypt_write/252:0`: the number of the device (`drivers/md/dm-crypt.c`)
fn is_of_device(thread: &str, device: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_device = |text: &str| !text.is_empty() && !text.contains('/');
    match thread {
        "irq" => {
            device.split_once('-').is_some_and(|(number, action)| is_number(number) && is_device(action))
        }
        "jbd2" => device.rsplit_once('-').is_some_and(|(disk, inode)| is_device(disk) && is_number(inode)),
        "xfsaild" | "dmcrypt_write" => is_device(device),
        _ => false,
    }
}

/// Whether the rest of a name is that of a worker: `0:1`, `1:2H`, `u8:2-events_unbound`, `R-rcu_gp`. The name of the work
/// queue follows while the worker is busy (`kernel/workqueue.c`, `wq_worker_comm`).
fn is_worker(rest: &str) -> bool {
    if rest.starts_with("R-") {
        return true;
    }
    let rest = rest.strip_prefix('u').unwrap_or(rest);
    let Some((processor, id)) = rest.split_once(':') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let end = id.find(|next: char| !next.is_ascii_digit()).unwrap_or(id.len());
    let (id, queue) = id.split_at(end);
    is_number(processor) && is_number(id) && (queue.is_empty() || queue.starts_with(['H', 'I', '-', '+']))
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
            "kworker/u8:2-events_unbound",
            "[kworker/0:1H-kblockd]",
            "kworker/1:0+events",
            "kworker/R-rcu_gp",
            "[scsi_eh_0]",
            "[rcuos/1]",
            "irq/24-nvme0q1",
            "[irq/25-ACPI:Ged]",
            "[jbd2/sda1-8]",
            "jbd2/dm-0-8",
            "[xfsaild/dm-0]",
            "dmcrypt_write/252:0",
            "rcu_tasks_kthre",
            "[rcu_tasks_kthread]",
            "rcu_tasks_rude_",
            "pool_workqueue_",
            "[rcu_tasks_trace_kthread]",
            "[pool_workqueue_release]",
            "[kdamond.0]",
            "[loop0]",
            "[bioset]",
            "[crypto]",
            "[ext4-rsv-conver]",
            "[hwrng]",
            " [kworker/1:0]",
            "[kthreadd] ",
            "\u{a0}kswapd0",
            "[kworker⁄0:1]",
            "kw\u{43e}rker/0:1",
            "k\u{200b}swapd0",
            "［ｋｔｈｒｅａｄｄ］",
        ] {
            assert!(looks_like_kernel(name), "{name}");
        }
        for name in [
            "bash",
            "[",
            "[]",
            "[x",
            "[1]",
            "(sd-pam)",
            "sshd: root [priv]",
            "[celeryd: worker@host:MainProcess]",
            "[celeryd@host:MainProcess]",
            "[lxc monitor] /var/lib/lxc web",
            "кот",
            "kworker-manager",
            "kworker/queue",
            "kworker/u:x",
            "scsi_eh_",
            "rcuos",
            "etcd",
            "avahi",
            "kde",
            "migration",
            "irqbalance",
            "irq/test",
            "irq/x-1",
            "jbd2/src/main",
            "jbd2/tool",
            "xfsaild/a/b",
            "rcu_tasks",
            "psimon",
            "kdamond.conf",
            "netns",
            "ksmserver",
            "kswapper",
            "",
            "k",
        ] {
            assert!(!looks_like_kernel(name), "{name}");
        }
    }
}
