//! C4: a processor's model-specific registers are opened for writing.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, FileChange, SignalClass},
    process::base_name,
};

/// Major number of `/dev/cpu/N/msr` (Documentation/admin-guide/devices.txt).
const MSR_MAJOR: u32 = 202;
/// The parameter of the msr driver that allows writes.
const ALLOW_WRITES: &str = "/sys/module/msr/parameters/allow_writes";
/// Programs that load kernel modules.
const LOADERS: [&str; 3] = ["modprobe", "insmod", "kmod"];

/// The signal. In the full form, a program opens registers for writing or allows writes. In the weak form, a program
/// only loads the driver, which monitors of power and temperature need too.
pub const MSR: SignalInfo = SignalInfo {
    id: "C4",
    class: SignalClass::Compute,
    weight: 15,
    full_weight: 45,
    kind: SignalKind::Sign,
    name: "Processor registers opened for writing",
    description: "A program opened model-specific registers for writing, allowed that, or loaded the driver for it. Miners switch the prefetchers off this way; tuning tools of the administrator do it too.",
    catches: "A miner that tunes the processor for RandomX, even if the attempt fails.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[MSR],
    wants: &[EventType::Exec, EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::Exec(_) => driver_loaded(context),
        EventBody::File(change) => opened(context, change),
        _ => None,
    }
}

/// Checks whether registers were opened for writing, or writes were allowed. A failed attempt shows the intent too.
fn opened(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    let what = match change.action {
        FileAction::DeviceOpen => {
            let device = change.device?;
            (device.major == MSR_MAJOR && device.writable)
                .then_some("opened a processor's registers for writing")?
        }
        FileAction::Write | FileAction::Create => {
            (&*change.path == ALLOW_WRITES).then_some("allowed writing to the processor's registers")?
        }
        FileAction::Rename
        | FileAction::Delete
        | FileAction::Chmod
        | FileAction::Link
        | FileAction::Symlink
        | FileAction::Mount => return None,
    };
    let detail = format!("'{}' {what} ({})", context.process.view.name, change.path);
    Some(Finding::new(MSR, context, detail).full().value("path", &change.path))
}

/// Checks whether the started program loads the driver.
fn driver_loaded(context: &DetectionContext<'_>) -> Option<Finding> {
    let view = &context.process.view;
    let (program, arguments) = view.arguments.split_first()?;
    let loads = LOADERS.contains(&base_name(program))
        && arguments.iter().any(|word| {
            let module = base_name(word);
            module == "msr" || module.starts_with("msr.ko")
        })
        && !arguments.iter().any(|word| matches!(&**word, "-r" | "--remove"));
    if !loads {
        return None;
    }
    let writes = arguments.iter().any(|word| word.starts_with("allow_writes="));
    let command = view.arguments.join(" ");
    let detail = format!("ran `{command}`");
    let finding = Finding::new(MSR, context, detail).value("command", command);
    Some(if writes { finding.full() } else { finding })
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{DeviceOpen, EventBody, FileAction, FileChange},
        testing::{Host, findings},
    };

    /// A signal and its weight.
    type Found = (&'static str, u8);

    fn host() -> (Host, crate::model::ProcessKey) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        (host, init)
    }

    fn opens(major: u32, writable: bool, result: i32) -> Vec<Found> {
        let (mut host, init) = host();
        let process = host.spawn(init, "/usr/bin/program", &["program"]);
        host.happen(
            process,
            EventBody::File(Box::new(FileChange {
                action: FileAction::DeviceOpen,
                path: "/dev/cpu/0/msr".into(),
                old_path: None,
                host_path: None,
                elsewhere: false,
                file: None,
                mode: 0,
                device: Some(DeviceOpen { major, minor: 0, writable, result }),
                exchange: None,
            })),
        );
        findings(&host)
    }

    #[test]
    fn only_opening_for_writing_counts() {
        let cases: [(&str, u32, bool, i32, &[Found]); 4] = [
            ("opened for writing", 202, true, 0, &[("C4", 45)]),
            ("a failed attempt shows the intent", 202, true, 1, &[("C4", 45)]),
            ("a monitor reads", 202, false, 0, &[]),
            ("another device", 195, true, 0, &[]),
        ];
        for (name, major, writable, result, expected) in cases {
            assert_eq!(opens(major, writable, result), expected, "{name}");
        }
    }

    #[test]
    fn allowing_writes_counts() {
        let (mut host, init) = host();
        let shell = host.spawn(init, "/usr/bin/dash", &["sh"]);
        host.create(shell, "/sys/module/msr/parameters/allow_writes", 0o644);
        assert_eq!(findings(&host), [("C4", 45)]);
    }

    #[test]
    fn loading_the_driver_counts() {
        let cases: [(&[&str], &[Found]); 8] = [
            (&["/sbin/modprobe", "msr", "allow_writes=on"], &[("C4", 45)]),
            (&["modprobe", "msr"], &[("C4", 15)]),
            (&["insmod", "/lib/modules/6.1/kernel/arch/x86/kernel/msr.ko"], &[("C4", 15)]),
            (&["modprobe", "-r", "msr"], &[]),
            (&["modprobe", "msr_driver"], &[]),
            (&["grep", "msr", "/proc/modules"], &[]),
            (&["modprobe"], &[]),
            (&[], &[]),
        ];
        for (arguments, expected) in cases {
            let (mut host, init) = host();
            host.spawn(init, "/usr/bin/kmod", arguments);
            assert_eq!(findings(&host), expected, "{arguments:?}");
        }
    }
}
