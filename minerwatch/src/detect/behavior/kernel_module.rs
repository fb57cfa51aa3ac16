//! B14: a kernel module is loaded from a place where no driver lies.

use std::borrow::Cow;

use super::intruder::is_of_intruder;
use crate::{
    detect::{Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, PrivilegedCall, SignalClass},
    process::{Command, base_name, resolve},
};

/// Directories of drivers: those of the kernel, of sources that a package builds, and of products.
const OF_DRIVERS: [&str; 7] = [
    "/lib/modules/",
    "/usr/lib/modules/",
    "/usr/src/",
    "/var/lib/dkms/",
    "/opt/",
    "/nix/store/",
    "/run/booted-system/",
];

/// Minimum length of the name of a product. Shorter ones are a disguise more often.
const MIN_NAME: usize = 4;

/// The signal. In the full form, the module lies in a temporary or hidden place, or a dropped program loads it. The weak
/// form is a step, because developers load their drivers from home directories.
pub const KERNEL_MODULE: SignalInfo = SignalInfo {
    id: "B14",
    class: SignalClass::Behavior,
    weight: 10,
    full_weight: 35,
    kind: SignalKind::Sign,
    name: "Kernel module loaded from an odd place",
    description: "A module was loaded into the kernel from a file outside the directories of drivers. Rootkits come like this, and some drivers that are installed by hand.",
    catches: "A rootkit that hides a miner, before it hides anything.",
    techniques: &["T1547.006", "T1014"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[KERNEL_MODULE],
    wants: &[EventType::Exec, EventType::Privileged],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::Exec(_) => by_command(context),
        EventBody::Privileged(call) => match &**call {
            PrivilegedCall::LoadModule { name } => by_itself(context, name),
            _ => None,
        },
        _ => None,
    }
}

/// Judges a program that loads a module without one of the usual tools.
fn by_itself(context: &DetectionContext<'_>, module: &str) -> Option<Finding> {
    is_of_intruder(context.process).then(|| {
        let detail = format!("loaded the kernel module {module} itself");
        Finding::new(KERNEL_MODULE, context, detail).full().value("module", module)
    })
}

fn by_command(context: &DetectionContext<'_>) -> Option<Finding> {
    let process = context.process;
    let path = module(&context.command?, &process.view.directory)?;
    if OF_DRIVERS.iter().any(|directory| path.starts_with(directory)) {
        return None;
    }
    let container = process.container_id().map(AsRef::as_ref);
    let is_fetched =
        || context.known.written.find(&path, None, container).is_some_and(|written| written.fetched);
    let is_dropped = || context.table.parent_of(process).is_some_and(|parent| parent.taint.is_some());
    let is_odd = (PathKind::of(&path).is_odd() && !is_of_product(&path)) || is_fetched() || is_dropped();
    let detail = format!("'{}' loaded the kernel module {path}", process.view.name);
    if is_odd {
        return Some(Finding::new(KERNEL_MODULE, context, detail).full().value("path", &*path));
    }
    let info = SignalInfo { kind: SignalKind::Step, ..KERNEL_MODULE };
    Some(Finding::new(info, context, detail).value("path", &*path))
}

/// Whether a module has the name of the hidden directory in a home that it lies below: `~/.falco/8.0/falco_debian.ko`.
fn is_of_product(path: &str) -> bool {
    let mut parts = path.split('/').skip(1).skip_while(|part| *part == "home");
    let product = parts.nth(1).and_then(|directory| directory.strip_prefix('.'));
    product.is_some_and(|product| product.len() >= MIN_NAME && base_name(path).starts_with(product))
}

/// Returns the path of the module that a command loads. A name without a path means a module of the kernel's own.
fn module<'a>(command: &Command<'a>, directory: &str) -> Option<Cow<'a, str>> {
    let mut operands = command.operands();
    let file = if command.is(&["insmod"]) {
        operands.next()
    } else if command.is(&["modprobe"]) {
        operands.find(|operand| operand.contains('/') && operand.contains(".ko"))
    } else if command.is(&["kmod"]) {
        let loads = operands.next() == Some("insmod");
        operands.next().filter(|_| loads)
    } else {
        None
    };
    Some(resolve(directory, file?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    /// A command, and its findings with their weights.
    type Case = (&'static [&'static str], &'static [(&'static str, u8)]);

    fn found(command: &[&str]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let shell = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        host.spawn(shell, "/usr/bin/kmod", command);
        findings_of(&[&DETECTOR], &host)
    }

    #[test]
    fn the_place_of_a_module_decides() {
        let cases: [Case; 14] = [
            (&["insmod", "/tmp/x.ko"], &[("B14", 35)]),
            (&["insmod", "/usr/share/.x/y.ko", "hide=1"], &[("B14", 35)]),
            (&["kmod", "insmod", "/dev/shm/y"], &[("B14", 35)]),
            (&["modprobe", "/var/tmp/y.ko"], &[("B14", 35)]),
            (&["insmod", "/lib/modules/../../tmp/x.ko"], &[("B14", 35)]),
            (&["insmod", "/home/me/driver/x.ko"], &[("B14", 10)]),
            (&["insmod", "/lib/modules/6.1.0/extra/x.ko"], &[]),
            (&["insmod", "/usr/src/nvidia-550/nvidia.ko"], &[]),
            (&["insmod", "/root/.falco/8.0/falco_debian.ko"], &[("B14", 10)]),
            (&["insmod", "/home/me/.driver/driver.ko"], &[("B14", 10)]),
            (&["insmod", "/root/.x/x.ko"], &[("B14", 35)]),
            (&["modprobe", "wireguard"], &[]),
            (&["kmod", "list"], &[]),
            (&["rmmod", "/tmp/x.ko"], &[]),
        ];
        for (command, expected) in cases {
            assert_eq!(found(command), expected, "{command:?}");
        }
    }

    #[test]
    fn a_fetched_module_is_odd_in_any_place() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let shell = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/srv/x.ko", "http://cdn.example/x"]);
        host.create(curl, "/srv/x.ko", 0o755);
        host.spawn(shell, "/sbin/insmod", &["insmod", "/srv/x.ko"]);
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B14", 35)]);
    }

    #[test]
    fn a_program_that_loads_a_module_itself_counts_if_it_was_brought() {
        let load = |program: &str| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let program = host.spawn(init, program, &["x"]);
            host.call(program, PrivilegedCall::LoadModule { name: "veil".into() });
            findings_of(&[&DETECTOR], &host)
        };
        assert_eq!(load("/dev/shm/loader"), [("B14", 35)]);
        for program in ["/usr/bin/kmod", "/usr/lib/systemd/systemd-udevd", "/opt/vendor/loader"] {
            assert_eq!(load(program), [], "{program}");
        }
    }
}
