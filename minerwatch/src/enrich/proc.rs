//! Reads a limited number of bytes below `/proc`, and parses two files of a process.
//!
//! Processes may end while they are read, and they choose their own names. Therefore every result is optional.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use rustix::fs::{major, minor};

use crate::model::FileId;

/// Bit of `flags` in `/proc/PID/stat` for a kernel thread (`PF_KTHREAD`, include/linux/sched.h).
const KERNEL_THREAD: u64 = 0x0020_0000;
/// Maximum number of bytes read of `/proc/PID/cgroup`. A process is in a dozen hierarchies at most, each with a path of
/// at most `PATH_MAX` bytes.
const MAX_CGROUPS: u64 = 64 << 10;
/// Space that is reserved before a file is read, in bytes.
const PAGE: usize = 4_096;

/// The root directory of the procfs.
#[derive(Clone, Debug)]
pub(crate) struct Proc {
    root: PathBuf,
}

impl Default for Proc {
    fn default() -> Self {
        Self { root: PathBuf::from("/proc") }
    }
}

impl Proc {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Returns the path `/proc/PID/NAME`.
    pub(crate) fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }

    /// Returns the path `/proc/PROCESS/NAME`. `process` is a pid or `self`.
    pub(crate) fn path_of(&self, process: &str, name: &str) -> PathBuf {
        self.root.join(process).join(name)
    }

    /// Reads the first `cap` bytes of `/proc/PID/NAME`.
    pub(crate) fn read(&self, pid: u32, name: &str, cap: u64) -> io::Result<Vec<u8>> {
        read_bounded(&self.path(pid, name), cap)
    }

    /// Returns the ids of all processes, in any order.
    pub(crate) fn pids(&self) -> io::Result<impl Iterator<Item = u32>> {
        Ok(self.root.read_dir()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
    }

    /// Reads `/proc/PID/cgroup`.
    pub(crate) fn cgroups(&self, pid: u32) -> Option<String> {
        String::from_utf8(self.read(pid, "cgroup", MAX_CGROUPS).ok()?).ok()
    }

    /// Reads `/proc/PID/stat`. Returns `None` if the process has ended.
    pub(crate) fn stat(&self, pid: u32) -> Option<Stat> {
        Stat::parse(&self.read(pid, "stat", 4096).ok()?)
    }
}

/// Reads the first `cap` bytes of a file.
pub(crate) fn read_bounded(path: &Path, cap: u64) -> io::Result<Vec<u8>> {
    // Most files fit, and are read by one call instead of by several small ones.
    let mut bytes = Vec::with_capacity(usize::try_from(cap).unwrap_or(PAGE).min(PAGE));
    File::open(path)?.take(cap).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Identifies a file by its device number in the form of kernel records: `major << 20 | minor` (`MKDEV`,
/// `include/linux/kdev_t.h`). Userspace gets the same two numbers in a different encoding of 64 bits.
pub(crate) fn file_id(device: u64, inode: u64) -> FileId {
    FileId { device: (major(device) << 20) | (minor(device) & 0xf_ffff), inode }
}

/// The fields of `/proc/PID/stat` that are needed here (`proc_pid_stat(5)`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) name: String,
    /// The state as a letter: `Z` and `X` have ended.
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    pub(crate) kernel_thread: bool,
    pub(crate) start_ticks: u64,
}

impl Stat {
    /// Parses `pid (name) state ppid pgrp session tty tpgid flags … starttime …`. A name may contain parentheses,
    /// spaces and newlines. Therefore the name ends at the last closing parenthesis.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let open = line.iter().position(|byte| *byte == b'(')?;
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let name = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
        let rest = str::from_utf8(line.get(close + 1..)?).ok()?;
        // The state is field 3, so field n has the index n - 3.
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            name,
            state: fields.first()?.chars().next()?,
            parent: u32::try_from(field(4)?).ok()?,
            session: u32::try_from(field(6)?).unwrap_or(0),
            kernel_thread: field(9)? & KERNEL_THREAD != 0,
            start_ticks: field(22)?,
        })
    }
}

/// The fields of `/proc/PID/status` that are needed here (`proc_pid_status(5)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) capabilities: u64,
}

impl Status {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (mut uid, mut gid, mut capabilities) = (None, None, None);
        // The kernel escapes newlines in the process name, so the name cannot forge a line.
        for line in text.split(|byte| *byte == b'\n') {
            let Some((key, value)) = str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
                continue;
            };
            let first = value.split_ascii_whitespace().next().unwrap_or_default();
            match key {
                "Uid" => uid = first.parse().ok(),
                "Gid" => gid = first.parse().ok(),
                "CapEff" => capabilities = u64::from_str_radix(first, 16).ok(),
                _ => {}
            }
        }
        Some(Self { uid: uid?, gid: gid?, capabilities: capabilities.unwrap_or(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str) -> Option<Stat> {
        let tail = "S 7 8 9 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 1 0 4711 1000 10 18446744073709551615";
        Stat::parse(format!("42 ({name}) {tail}\n").as_bytes())
    }

    #[test]
    fn a_name_cannot_forge_the_fields_after_it() {
        for name in ["sh", "a) S 1 1 1 0 -1 2097152 (b", ") ", "(((", "a\nb", ""] {
            let expected = Stat {
                name: name.to_owned(),
                state: 'S',
                parent: 7,
                session: 9,
                kernel_thread: false,
                start_ticks: 4711,
            };
            assert_eq!(stat(name), Some(expected), "{name:?}");
        }
    }

    #[test]
    fn a_damaged_stat_line_gives_nothing() {
        for line in ["", "42", "42 (sh", "42 )sh(", "42 (sh)", "42 (sh) S x", "42 (sh) S 1 1 1 0 -1 0"] {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line:?}");
        }
        assert_eq!(Stat::parse(b"42 (\xff\xfe) S \xff"), None);
    }

    #[test]
    fn status_gives_the_real_ids() {
        let text = b"Name:\tUid: 0\nUid:\t1000\t0\t0\t0\nGid:\t100\t0\t0\t0\nCapEff:\t000001ffffffffff\n";
        assert_eq!(Status::parse(text), Some(Status { uid: 1000, gid: 100, capabilities: 0x1ff_ffff_ffff }));
        assert_eq!(Status::parse(b"Uid:\tx\n"), None);
    }

    #[test]
    fn a_device_number_is_in_the_form_of_the_kernel() {
        assert_eq!(file_id(rustix::fs::makedev(8, 1), 7), FileId { device: 8 << 20 | 1, inode: 7 });
        let wide = file_id(rustix::fs::makedev(0, 0x1_2345), 7);
        assert_eq!(wide.device, 0x1_2345);
    }
}
