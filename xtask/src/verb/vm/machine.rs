//! Boots a virtual machine and waits until it powers off.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::super::setup;
use super::architecture::Architecture;

/// The parameters of a boot.
pub struct Boot<'a> {
    /// The architecture of the machine.
    pub architecture: Architecture,
    /// The kernel image.
    pub image: &'a Path,
    /// The initramfs.
    pub initramfs: &'a Path,
    /// Whether the BPF security module (LSM) is enabled.
    pub lsm: bool,
    /// Whether to count instructions.
    pub overhead: bool,
    /// Whether the overhead is also shown by program.
    pub profile: bool,
    /// Options for minerwatch, separated by commas.
    pub with: &'a str,
    /// The directory of the serial ports' files.
    pub logs: &'a Path,
    /// The timeout for the machine.
    pub timeout: Duration,
}

/// The files of the serial ports, in the order of the ports: the kernel's console, PID 1's report, and the programs'
/// messages.
const PORTS: [&str; 3] = ["console.log", "report.log", "programs.log"];

impl Boot<'_> {
    /// Boots the machine, waits until it powers off, and returns the report.
    pub fn run(&self) -> Result<String> {
        fs::create_dir_all(self.logs).with_context(|| format!("cannot make {}", self.logs.display()))?;
        for port in PORTS.map(|port| self.logs.join(port)) {
            fs::write(&port, "").with_context(|| format!("cannot write {}", port.display()))?;
        }
        let name = self.architecture.emulator();
        let emulator = setup::emulator(name).with_context(|| format!("there is no {name}"))?;
        let mut machine = self.arguments(emulator).spawn().with_context(|| format!("cannot start {name}"))?;
        let ended = wait(&mut machine, self.timeout).with_context(|| name)?;
        let report = self.logs.join(PORTS[1]);
        let report = fs::read(&report).with_context(|| format!("cannot read {}", report.display()))?;
        let report = String::from_utf8_lossy(&report).into_owned();
        if !ended {
            bail!("it did not switch itself off within {} s; {}", self.timeout.as_secs(), self.see());
        }
        if !report.lines().any(|line| line.trim_end() == "END") {
            bail!("it ended before its report did; {}", self.see());
        }
        Ok(report)
    }

    /// Returns the end of an error message, which names the directory of the logs.
    fn see(&self) -> String {
        format!("{} has what it said", self.logs.display())
    }

    fn arguments(&self, mut qemu: Command) -> Command {
        // The machine is emulated, because the abilities of /dev/kvm differ from host to host. It has two processors,
        // because the programs' counters are per processor. If instructions are counted, it has one processor, each
        // instruction takes one nanosecond of the machine's time, and that time does not wait while the machine sleeps.
        qemu.args(["-accel", "tcg", "-m", "1024"])
            .args(self.architecture.machine())
            .args(if self.overhead {
                &["-smp", "1", "-icount", "shift=0,sleep=off"][..]
            } else {
                &["-smp", "2"]
            })
            .args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"])
            .args(["-nic", "none", "-append", &self.command_line()])
            .arg("-kernel")
            .arg(self.image)
            .arg("-initrd")
            .arg(self.initramfs);
        for (index, port) in PORTS.iter().enumerate() {
            // In QEMU's options a second comma escapes a comma.
            let file = self.logs.join(port).display().to_string().replace(',', ",,");
            qemu.arg("-chardev").arg(format!("file,id=port{index},path={file}"));
            qemu.args(self.architecture.port(index));
        }
        qemu.stdin(Stdio::null());
        qemu
    }

    fn command_line(&self) -> String {
        let lsm = if self.lsm { " lsm=lockdown,capability,yama,bpf" } else { "" };
        // Every run has the same addresses, and does no work that depends on the processor's flaws.
        let overhead =
            if self.overhead { " nokaslr norandmaps mitigations=off minerwatch.overhead" } else { "" };
        let profile = if self.profile { " minerwatch.profile" } else { "" };
        let with =
            if self.with.is_empty() { String::new() } else { format!(" minerwatch.with={}", self.with) };
        let console = self.architecture.console();
        // With panic=-1 a panic ends the machine at once instead of after a timeout.
        format!("console={console} panic=-1 loglevel=5{lsm}{overhead}{profile}{with}")
    }
}

/// Waits for the machine to end, and kills it at the timeout. Returns whether it ended by itself.
fn wait(machine: &mut Child, timeout: Duration) -> Result<bool> {
    let until = Instant::now() + timeout;
    while Instant::now() < until {
        if let Some(status) = machine.try_wait().context("cannot wait for the machine")? {
            if !status.success() {
                bail!("the emulator failed ({status})");
            }
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(50));
    }
    machine.kill().context("cannot end the machine")?;
    machine.wait().context("cannot wait for the machine")?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_emulated_and_has_a_port_for_each_log() {
        let boot = Boot {
            architecture: Architecture::Amd64,
            image: Path::new("/k/vmlinuz"),
            initramfs: Path::new("/k/root.cpio"),
            lsm: true,
            overhead: false,
            profile: false,
            with: "",
            logs: Path::new("/logs,here"),
            timeout: Duration::from_secs(1),
        };
        let command = boot.arguments(Command::new("emulator"));
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert!(arguments.windows(2).any(|pair| pair == ["-accel", "tcg"]));
        assert!(
            arguments.iter().any(|argument| argument == "file,id=port1,path=/logs,,here/report.log"),
            "{arguments:?}"
        );
        assert!(boot.command_line().contains("yama,bpf"));
        assert!(!boot.command_line().contains("overhead"));
        let counting = Boot { lsm: false, overhead: true, with: "--hook,a=b", ..boot };
        assert!(!counting.command_line().contains("bpf"));
        assert!(counting.command_line().ends_with("minerwatch.overhead minerwatch.with=--hook,a=b"));
        let command = counting.arguments(Command::new("emulator"));
        assert!(command.get_args().any(|argument| argument == "shift=0,sleep=off"));
        let arm = Boot { architecture: Architecture::Arm64, ..counting };
        assert!(arm.command_line().starts_with("console=ttyAMA0 "));
        let command = arm.arguments(Command::new("emulator"));
        assert!(command.get_args().any(|argument| argument == "chardev:port0"));
        assert!(command.get_args().any(|argument| argument == "pci-serial,chardev=port2"));
    }

    #[test]
    fn a_machine_that_does_not_end_is_killed() {
        let mut machine = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!wait(&mut machine, Duration::from_millis(100)).unwrap());
        let mut machine = Command::new("true").spawn().unwrap();
        assert!(wait(&mut machine, Duration::from_secs(10)).unwrap());
        let mut machine = Command::new("false").spawn().unwrap();
        assert!(wait(&mut machine, Duration::from_secs(10)).is_err());
    }
}
