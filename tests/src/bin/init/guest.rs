//! Controls the virtual machine: mounts, the loopback device, serial ports, power-off.

use std::{
    ffi::CStr,
    fs::{self, File, OpenOptions},
    io::Write as _,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    mount::{MountFlags, mount},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType},
    system::RebootCommand,
};

/// Path of the daemon in the initramfs that `cargo xtask vm` builds.
pub const MINERWATCH: &str = "/usr/bin/minerwatch";
/// Path of the simulator.
pub const SIMULATOR: &str = "/usr/bin/simulator";
/// Path of the simulator of memory mappings.
pub const MEMORY: &str = "/usr/bin/memory";
/// Path of the simulator of privileged calls.
pub const PRIVILEGED: &str = "/usr/bin/privileged";
/// Path of the simulator that uses `io_uring`.
pub const URING: &str = "/usr/bin/uring";
/// Path of the simulator of rounding modes.
pub const ARITHMETIC: &str = "/usr/bin/arithmetic";

/// File systems to mount: type, mount point, and options.
const MOUNTS: [(&str, &str, Option<&CStr>); 9] = [
    ("proc", "/proc", None),
    ("sysfs", "/sys", None),
    ("devtmpfs", "/dev", None),
    ("securityfs", "/sys/kernel/security", None),
    ("tracefs", "/sys/kernel/tracing", None),
    ("bpf", "/sys/fs/bpf", None),
    ("cgroup2", "/sys/fs/cgroup", None),
    ("tmpfs", "/tmp", Some(c"mode=1777")),
    ("tmpfs", "/run", Some(c"mode=755")),
];

/// Mounts file systems and brings the loopback device up.
pub fn prepare() -> Result<()> {
    for (kind, target, options) in MOUNTS {
        fs::create_dir_all(target).with_context(|| format!("making {target}"))?;
        mount(kind, target, kind, MountFlags::NOSUID, options)
            .with_context(|| format!("mounting {kind} on {target}"))?;
    }
    loopback_up().context("bringing lo up")
}

/// Switches the loopback device on. The kernel then assigns its addresses.
///
/// The request is `RTM_NEWLINK` of rtnetlink(7): a `struct nlmsghdr` and a `struct ifinfomsg`.
fn loopback_up() -> Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    const NLMSG_ERROR: u16 = 2;
    const LOOPBACK_INDEX: i32 = 1;
    const IFF_UP: u32 = 1;

    let mut request = Vec::with_capacity(32);
    request.extend(32_u32.to_ne_bytes());
    request.extend(RTM_NEWLINK.to_ne_bytes());
    request.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    // Sequence number and port id of the sender, then the family, padding and the type of the device.
    request.extend([0; 8 + 4]);
    request.extend(LOOPBACK_INDEX.to_ne_bytes());
    request.extend(IFF_UP.to_ne_bytes());
    // The mask of the flags that change.
    request.extend(IFF_UP.to_ne_bytes());

    // Protocol 0 is NETLINK_ROUTE.
    let socket =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    rustix::net::send(&socket, &request, SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    let (length, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    ensure!(length >= 20 && answer[4..6] == NLMSG_ERROR.to_ne_bytes(), "no answer of the kernel's");
    match i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]) {
        0 => Ok(()),
        errno => bail!(std::io::Error::from_raw_os_error(-errno)),
    }
}

/// Path of the driver for model-specific registers (MSR). `cargo xtask vm` puts the driver into the initramfs if it is
/// available.
const MSR_DRIVER: &str = "/lib/msr.ko";
/// Device file of the model-specific registers of the first processor.
pub const MSR: &str = "/dev/cpu/0/msr";

/// Loads the driver for model-specific registers, whose device files then appear in `/dev`. Returns the reason if there
/// is no driver to load.
pub fn load_msr_driver() -> Result<Option<&'static str>> {
    if !cfg!(target_arch = "x86_64") {
        return Ok(Some("not applicable: this architecture has no such registers"));
    }
    let Ok(driver) = File::open(MSR_DRIVER) else { return Ok(Some("the driver could not be had")) };
    rustix::system::finit_module(driver, c"", 0).context("loading the driver of the registers")?;
    Ok(None)
}

/// Reads the list of active security modules.
pub fn security_modules() -> Result<String> {
    fs::read_to_string("/sys/kernel/security/lsm").context("reading the list of security modules")
}

/// Reads the kernel's command line.
pub fn command_line() -> Result<String> {
    fs::read_to_string("/proc/cmdline").context("reading the kernel's command line")
}

/// Prefix of a word on the kernel's command line. The rest of the word contains options for minerwatch, separated by
/// commas.
const OPTIONS: &str = "minerwatch.with=";

/// Reads the options for minerwatch from the kernel's command line.
pub fn options() -> Result<Vec<String>> {
    Ok(options_of(&command_line()?))
}

fn options_of(command_line: &str) -> Vec<String> {
    let options = command_line.split_whitespace().find_map(|word| word.strip_prefix(OPTIONS));
    options.map(|options| options.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

/// Reads the time since the machine was switched on.
pub fn uptime() -> Result<Duration> {
    let text = fs::read_to_string("/proc/uptime").context("reading the uptime")?;
    let seconds: f64 = text.split_whitespace().next().unwrap_or_default().parse().context("the uptime")?;
    Ok(Duration::from_secs_f64(seconds))
}

/// Returns whether the kernel's command line requests BPF among the security modules.
pub fn wants_bpf_lsm() -> Result<bool> {
    let line = command_line()?;
    Ok(line.split_whitespace().any(|word| word.starts_with("lsm=") && names_bpf(&word[4..])))
}

/// Returns whether a list of security modules contains BPF.
pub fn names_bpf(modules: &str) -> bool {
    modules.trim_end().split(',').any(|module| module == "bpf")
}

/// A serial port to write to.
pub struct Port(File);

impl Port {
    /// Opens a serial port.
    pub fn open(path: &str) -> Result<Self> {
        let file = OpenOptions::new().write(true).open(path).with_context(|| format!("opening {path}"))?;
        Ok(Self(file))
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.0.write_all(format!("{text}\n").as_bytes()).context("writing to a serial port")
    }

    /// Waits until all output is transmitted. Otherwise, the power-off would discard the rest.
    pub fn drain(&self) -> Result<()> {
        rustix::termios::tcdrain(&self.0).context("draining a serial port")
    }
}

/// Powers the machine off. Returns only if the kernel refuses.
pub fn power_off() {
    if let Err(error) = rustix::system::reboot(RebootCommand::PowerOff) {
        eprintln!("init: the machine stays on: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_from_the_command_line() {
        assert_eq!(
            options_of("quiet minerwatch.with=--hook,file=tracepoint x"),
            ["--hook", "file=tracepoint"]
        );
        assert!(options_of("quiet minerwatch.overhead").is_empty());
    }
}
