//! C4: a processor's model-specific registers are written.

use crate::{
    detect::{DetectionContext, Finding, signals},
    model::{FileAction, FileChange},
};

/// Major number of `/dev/cpu/N/msr` (Documentation/admin-guide/devices.txt).
const MSR: u32 = 202;
/// The driver's switch that allows writing.
const ALLOW_WRITES: &str = "/sys/module/msr/parameters/allow_writes";
/// Programs that load drivers.
const LOADERS: [&str; 3] = ["modprobe", "insmod", "kmod"];

/// A device was opened, or the driver's switch: an attempt shows the intent as well.
pub fn msr_opened(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    let what = match change.action {
        FileAction::DeviceOpen => {
            let device = change.device?;
            (device.major == MSR && device.writable)
                .then_some("opened a processor's registers for writing")?
        }
        FileAction::Write | FileAction::Create => {
            (&*change.path == ALLOW_WRITES).then_some("allowed writing to the processor's registers")?
        }
        FileAction::Rename | FileAction::Delete | FileAction::Chmod => return None,
    };
    if context.table.is_managed(context.process) {
        return None;
    }
    let detail = format!("'{}' {what} ({})", context.process.view.name, change.path);
    Some(Finding::new(signals::MSR, context, detail).full().with("path", &*change.path))
}

/// A program was run that loads the driver.
pub fn msr_driver(context: &DetectionContext<'_>) -> Option<Finding> {
    let view = &context.process.view;
    let (program, arguments) = view.arguments.split_first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let loads = LOADERS.contains(&name)
        && arguments.iter().any(|word| {
            let module = word.rsplit('/').next().unwrap_or(word);
            module == "msr" || module.starts_with("msr.ko")
        })
        && !arguments.iter().any(|word| matches!(&**word, "-r" | "--remove"));
    if !loads || context.table.is_managed(context.process) {
        return None;
    }
    let writes = arguments.iter().any(|word| word.starts_with("allow_writes="));
    let detail = format!("ran `{}`", view.arguments.join(" "));
    let finding = Finding::new(signals::MSR, context, detail).with("command", &view.arguments.join(" "));
    Some(if writes { finding.full() } else { finding })
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, findings},
        model::{DeviceOpen, EventBody, FileAction, FileChange},
    };

    /// A signal and its weight.
    type Found = (&'static str, u8);

    fn host() -> (Host, crate::model::ProcessKey) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        (host, init)
    }

    fn opens(major: u32, writable: bool, result: i32) -> Vec<(&'static str, u8)> {
        let (mut host, init) = host();
        let process = host.spawn(init, "/usr/bin/program", &["program"]);
        host.happen(
            process,
            EventBody::File(Box::new(FileChange {
                action: FileAction::DeviceOpen,
                path: "/dev/cpu/0/msr".into(),
                old_path: None,
                file: None,
                mode: 0,
                device: Some(DeviceOpen { major, minor: 0, writable, result }),
            })),
        );
        findings(&host)
    }

    #[test]
    fn registers_opened_for_writing() {
        assert_eq!(opens(202, true, 0), [("C4", 45)]);
        assert_eq!(opens(202, true, 1), [("C4", 45)], "an attempt shows the intent");
        assert_eq!(opens(202, false, 0), [], "a monitor reads");
        assert_eq!(opens(195, true, 0), []);
    }

    #[test]
    fn writing_allowed() {
        let (mut host, init) = host();
        let shell = host.spawn(init, "/usr/bin/dash", &["sh"]);
        host.create(shell, "/sys/module/msr/parameters/allow_writes", 0o644);
        assert_eq!(findings(&host), [("C4", 45)]);
    }

    #[test]
    fn drivers_loaded() {
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
