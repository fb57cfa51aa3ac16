//! C12: a suspect program that opens a graphics processor.

use crate::{
    detect::{DetectionContext, Finding, signals},
    model::{FileAction, FileChange},
    process::Taint,
};

/// Major number of NVIDIA's devices, and of the direct rendering infrastructure
/// (Documentation/admin-guide/devices.txt).
const NVIDIA: u32 = 195;
const RENDERING: u32 = 226;
/// The first minor number of a device for computing and rendering without a screen (`renderD128`).
const FIRST_RENDER_NODE: u32 = 128;

/// An open, or the attempt, by a program that is suspect already.
pub fn gpu(context: &DetectionContext<'_>, change: &FileChange) -> Option<Finding> {
    let device = change.device.filter(|_| change.action == FileAction::DeviceOpen)?;
    let suspect = match context.process.taint? {
        Taint::Dropped => "a program that was dropped here",
        Taint::Fileless => "a program without a file",
        // A downloader has no use for one; if it opens it, it is none.
        Taint::FetchesForService => "a downloader that a service's shell started",
    };
    let is_gpu = device.major == NVIDIA
        || (device.major == RENDERING && device.minor >= FIRST_RENDER_NODE)
        // These two have numbers that the kernel gives out at run time.
        || change.path.starts_with("/dev/nvidia-uvm")
        || &*change.path == "/dev/kfd";
    if !is_gpu {
        return None;
    }
    let detail = format!("{suspect}, '{}', opened {}", context.process.view.name, change.path);
    Some(Finding::new(signals::GPU, context, detail).with("device", &*change.path))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        engine::testing::{Host, findings},
        model::{DeviceOpen, EventBody, FileAction, FileChange},
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
                file: None,
                mode: 0,
                device,
            })),
        );
        findings(&host).iter().any(|(id, _)| *id == "C12")
    }

    #[test]
    fn only_suspects_and_only_graphics() {
        assert!(opens("/tmp/x", "/dev/nvidia0", 195, 0));
        assert!(opens("/tmp/x", "/dev/dri/renderD128", 226, 128));
        assert!(opens("/tmp/x", "/dev/kfd", 511, 0));
        assert!(!opens("/tmp/x", "/dev/dri/card0", 226, 0), "a screen");
        assert!(!opens("/tmp/x", "/dev/cpu/0/msr", 202, 0));
        assert!(!opens("/usr/bin/python3", "/dev/nvidia0", 195, 0), "a training run");
        assert!(!opens("/usr/bin/firefox", "/dev/dri/renderD128", 226, 128));
    }
}
