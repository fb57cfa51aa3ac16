//! C12: a suspect program opens a GPU device.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{DeviceOpen, EventBody, EventType, FileAction, SignalClass},
    process::Taint,
};

/// Major number of NVIDIA devices (Documentation/admin-guide/devices.txt).
const NVIDIA: u32 = 195;
/// Major number of the Direct Rendering Infrastructure (DRI).
const RENDERING: u32 = 226;
/// First minor number of a render node (`renderD128`), a device for computing and rendering without a screen.
const FIRST_RENDER_NODE: u32 = 128;

/// The signal. Browsers and games open the same devices, so the signal needs a process that is suspect for another
/// reason.
pub const GPU: SignalInfo = SignalInfo {
    id: "C12",
    class: SignalClass::Compute,
    weight: 10,
    full_weight: 10,
    kind: SignalKind::Hint,
    name: "Graphics processor opened by a suspect program",
    description: "A program that was dropped and run, or that runs from memory, opened a device for computing on the graphics processor.",
    catches: "A miner that computes on the graphics processor and hardly uses the CPU.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[GPU],
    wants: &[EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// Checks whether a suspect process opened a GPU device. A failed attempt counts too.
fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::File(change) = &context.event.body else { return None };
    let device = change.device.filter(|_| change.action == FileAction::DeviceOpen)?;
    let suspect = match context.process.taint? {
        Taint::Dropped => "a program that was dropped here",
        Taint::Fileless => "a program without a file",
        // A downloader has no use for a GPU, so this process does something else.
        Taint::FetchesForService => "a downloader that a service's shell started",
    };
    if !is_gpu(device, &change.path) {
        return None;
    }
    let detail = format!("{suspect}, '{}', opened {}", context.process.view.name, change.path);
    Some(Finding::new(GPU, context, detail).value("device", &change.path))
}

fn is_gpu(device: DeviceOpen, path: &str) -> bool {
    device.major == NVIDIA
        || (device.major == RENDERING && device.minor >= FIRST_RENDER_NODE)
        // The kernel assigns the major numbers of these two devices at run time.
        || path.starts_with("/dev/nvidia-uvm")
        || path == "/dev/kfd"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        model::{DeviceOpen, EventBody, FileAction, FileChange},
        testing::{Host, findings},
    };

    fn opens(program: &str, path: &str, major: u32, minor: u32) -> bool {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let shell = host.spawn(init, "/usr/bin/dash", &["sh", "/root/x.sh"]);
        host.create(shell, "/tmp/x", 0o755);
        let process = host.spawn(shell, program, &[program]);
        let device = Some(DeviceOpen { major, minor, writable: true, result: 0 });
        host.happen(
            process,
            EventBody::File(Box::new(FileChange {
                action: FileAction::DeviceOpen,
                path: Arc::from(path),
                old_path: None,
                host_path: None,
                elsewhere: false,
                file: None,
                mode: 0,
                device,
                exchange: None,
            })),
        );
        findings(&host).iter().any(|(id, _)| *id == "C12")
    }

    #[test]
    fn only_suspect_programs_and_graphics_processors_count() {
        let cases = [
            ("NVIDIA", "/tmp/x", "/dev/nvidia0", (195, 0), true),
            ("a render node", "/tmp/x", "/dev/dri/renderD128", (226, 128), true),
            ("AMD", "/tmp/x", "/dev/kfd", (511, 0), true),
            ("a screen", "/tmp/x", "/dev/dri/card0", (226, 0), false),
            ("another device", "/tmp/x", "/dev/cpu/0/msr", (202, 0), false),
            ("a training run", "/usr/bin/python3", "/dev/nvidia0", (195, 0), false),
            ("a browser", "/usr/bin/firefox", "/dev/dri/renderD128", (226, 128), false),
        ];
        for (name, program, path, (major, minor), expected) in cases {
            assert_eq!(opens(program, path, major, minor), expected, "{name}");
        }
    }
}
