//! The memory of a process: resident, and what the kernel keeps for its eBPF maps and programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The name of a mapped eBPF map in `/proc/PID/smaps`.
const MAPPED: &str = "anon_inode:bpf-map";

/// The memory of a process, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Memory {
    /// Resident memory. It includes the pages of eBPF maps that the process has mapped.
    pub resident: u64,
    /// Size of the eBPF maps that the process has open, as the kernel reports it (`memlock`; exact from Linux 6.4 on).
    pub maps: u64,
    /// Size of the eBPF programs that the process has open, before the kernel compiles them.
    pub programs: u64,
    /// The pages of mapped eBPF maps within the resident memory. The ring buffers map each page twice.
    pub shared: u64,
}

impl Memory {
    /// Reads the memory of a process.
    pub fn of(pid: u32) -> Result<Self> {
        let proc = Path::new("/proc").join(pid.to_string());
        let smaps = fs::read_to_string(proc.join("smaps")).context("cannot read the agent's memory")?;
        let (resident, shared) = resident(&smaps);
        let entries = fs::read_dir(proc.join("fdinfo")).context("cannot read the agent's descriptors")?;
        let texts: Vec<_> =
            entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect();
        let sum = |kind: &str| objects(&texts, kind).into_values().sum();
        Ok(Self { resident, shared, maps: sum("map_id"), programs: sum("prog_id") })
    }

    /// Returns all memory. A page of a map that is also resident counts once.
    pub fn total(&self) -> u64 {
        self.resident.saturating_sub(self.shared) + self.maps + self.programs
    }

    /// Returns the figures as JSON.
    pub fn json(&self) -> Value {
        json!({
            "resident_bytes": self.resident, "resident_maps_bytes": self.shared, "maps_bytes": self.maps,
            "programs_bytes": self.programs, "total_bytes": self.total(),
        })
    }
}

/// Formats bytes.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Returns the resident memory of all mappings and that of mapped maps, in bytes. The first line of a mapping ends with
/// its name.
fn resident(smaps: &str) -> (u64, u64) {
    let (mut all, mut maps, mut is_map) = (0, 0, false);
    for line in smaps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if !first.ends_with(':') {
            is_map = line.ends_with(MAPPED);
        }
        if first == "Rss:" {
            let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0);
            all += kib << 10;
            maps += if is_map { kib << 10 } else { 0 };
        }
    }
    (all, maps)
}

/// Returns the memory of the maps (`map_id`) or the programs (`prog_id`) among the descriptors, by ID. The fdinfo of a
/// link has a `prog_id`, but no memory.
fn objects(fdinfos: &[String], kind: &str) -> BTreeMap<u32, u64> {
    let field = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse::<u64>().ok())
    };
    let object = |text: &String| {
        let id = u32::try_from(field(text, kind)?).ok()?;
        Some((id, field(text, "memlock")?))
    };
    fdinfos.iter().filter_map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_maps_are_told_apart() {
        let smaps = "55d0-55d1 r-xp 00000000 08:01 42 /usr/bin/minerwatch\nSize: 8 kB\nRss:    8 kB\nPss:    8 kB\n\
            7f00-7f10 rw-s 00000000 00:0e 10 anon_inode:bpf-map\nSize: 64 kB\nRss:   64 kB\n\
            7f20-7f30 rw-p 00000000 00:00 0\nRss:   16 kB\n";
        assert_eq!(resident(smaps), (88 << 10, 64 << 10));
    }

    #[test]
    fn an_object_with_two_descriptors_counts_once() {
        let map = "pos:\t0\nmap_type:\t27\nmemlock:\t4096\nmap_id:\t7\nfrozen:\t0\n".to_owned();
        let program = "prog_type:\t26\nmemlock:\t8192\nprog_id:\t9\n".to_owned();
        let link = "link_type:\ttracing\nlink_id:\t3\nprog_id:\t9\n".to_owned();
        let fdinfos = [map.clone(), map, program, link, String::new()];
        assert_eq!(objects(&fdinfos, "map_id"), BTreeMap::from([(7, 4096)]));
        assert_eq!(objects(&fdinfos, "prog_id"), BTreeMap::from([(9, 8192)]));
    }

    #[test]
    fn a_shared_page_counts_once() {
        let memory = Memory { resident: 100, shared: 40, maps: 50, programs: 5 };
        assert_eq!(memory.total(), 115);
    }

    #[test]
    fn the_own_memory_is_read() {
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.resident > 0 && memory.maps == 0);
    }
}
