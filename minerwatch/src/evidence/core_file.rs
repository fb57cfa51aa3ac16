//! The memory of a process as an ELF core file (elf(5), core(5)), which gdb, readelf, Volatility and YARA read.
//!
//! It has the pages of the anonymous regions and of memfd files that are in memory or swapped out. Pages that were never
//! touched, and pages of other files, are left out. The process is neither stopped nor traced; the pages are read from
//! `/proc/PID/mem`. It has no registers.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use words::Words;

use super::store::Store;

/// Maximum number of segments. A core file counts them in 16 bits.
const MAX_SEGMENTS: usize = 60_000;
/// Runs of pages that are this close, in pages, become one segment.
const GAP: u64 = 16;
/// Number of entries of the page map that are read at once.
const PAGES: u64 = 8_192;
/// Bits of an entry of `/proc/PID/pagemap`: the page is in memory, or swapped out
/// (Documentation/admin-guide/mm/pagemap.rst).
const IN_USE: u64 = 3 << 62;

const ELF_HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const ET_CORE: u16 = 4;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
/// Types of notes (include/uapi/linux/elf.h).
const NT_AUXV: u32 = 6;

#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;
#[cfg(not(target_arch = "aarch64"))]
const MACHINE: u16 = 62;

/// A region of the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Region {
    start: u64,
    end: u64,
    /// Flags of a segment: 4 read, 2 write, 1 execute.
    flags: u32,
}

/// Builds numbers in the byte order of this machine.
mod words {
    /// Bytes that grow by numbers.
    #[derive(Debug, Default)]
    pub struct Words(pub Vec<u8>);

    impl Words {
        pub fn half(&mut self, value: u16) -> &mut Self {
            self.0.extend_from_slice(&value.to_ne_bytes());
            self
        }

        pub fn word(&mut self, value: u32) -> &mut Self {
            self.0.extend_from_slice(&value.to_ne_bytes());
            self
        }

        pub fn long(&mut self, value: u64) -> &mut Self {
            self.0.extend_from_slice(&value.to_ne_bytes());
            self
        }
    }
}

/// Adds the memory of a process to the store.
pub fn add(store: &mut Store, name: &str, pid: u32) {
    let source = format!("/proc/{pid}/mem");
    if let Err(error) = write(store, name, &source, pid) {
        store.miss(source, error.to_string());
    }
}

fn write(store: &mut Store, name: &str, source: &str, pid: u32) -> io::Result<()> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(source)?;
    let pages = File::open(format!("/proc/{pid}/pagemap"))?;
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4_096);
    let mut segments = Vec::new();
    let mut is_whole = true;
    for region in maps.lines().filter_map(parse) {
        is_whole &= runs(&pages, region, page, &mut segments)?;
    }
    let auxiliary = std::fs::read(format!("/proc/{pid}/auxv")).unwrap_or_default();
    let mut writing = store.begin(name, source)?;
    if !is_whole {
        writing.cut("the memory has too many separate regions".to_owned());
    }
    if !writing.add(&head(&segments, &auxiliary, page))? {
        return writing.finish();
    }
    let mut chunk = vec![0; 256 << 10];
    for segment in &segments {
        let mut at = segment.start;
        while at < segment.end {
            let length = usize::try_from(segment.end - at).unwrap_or(usize::MAX).min(chunk.len());
            let part = chunk.get_mut(..length).unwrap_or_default();
            if let Err(error) = memory.read_exact_at(part, at) {
                // It was unmapped meanwhile. The offsets of the other segments must stay right.
                part.fill(0);
                writing.cut(format!("{at:x}: {error}"));
            }
            if !writing.add(part)? {
                return writing.finish();
            }
            at += length as u64;
        }
    }
    writing.finish()
}

/// Parses a line of `/proc/PID/maps`: `start-end perms offset device inode path`. Returns regions that are worth keeping.
fn parse(line: &str) -> Option<Region> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?.as_bytes();
    let inode = fields.nth(2)?;
    let path = fields.next().unwrap_or_default();
    let is_anonymous = inode == "0" && !["[vvar]", "[vdso]", "[vsyscall]", "[vvar_vclock]"].contains(&path);
    let is_kept = is_anonymous || path.starts_with("/memfd:");
    let has = |index: usize, letter: u8| permissions.get(index) == Some(&letter);
    let flags = u32::from(has(0, b'r')) << 2 | u32::from(has(1, b'w')) << 1 | u32::from(has(2, b'x'));
    let region = Region {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        flags,
    };
    (is_kept && flags != 0 && region.start < region.end).then_some(region)
}

/// Finds the runs of pages of a region that are in use. Returns false if there are too many.
fn runs(pages: &File, region: Region, page: u64, found: &mut Vec<Region>) -> io::Result<bool> {
    let mut open: Option<Region> = None;
    let mut number = region.start / page;
    let last = region.end / page;
    let mut entries = vec![0; usize::try_from(PAGES * 8).unwrap_or(65_536)];
    while number < last {
        let count = (last - number).min(PAGES);
        let bytes = entries.get_mut(..usize::try_from(count * 8).unwrap_or(0)).unwrap_or_default();
        pages.read_exact_at(bytes, number * 8)?;
        let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word));
        for (entry, number) in words.zip(number..) {
            if entry & IN_USE == 0 {
                continue;
            }
            let (start, end) = (number * page, (number + 1) * page);
            match &mut open {
                Some(run) if start - run.end <= GAP * page => run.end = end,
                _ => {
                    found.extend(open.replace(Region { start, end, flags: region.flags }));
                    if found.len() >= MAX_SEGMENTS {
                        return Ok(false);
                    }
                }
            }
        }
        number += count;
    }
    found.extend(open);
    Ok(found.len() < MAX_SEGMENTS)
}

/// Makes the ELF header, the program headers and the notes, up to the first page.
fn head(segments: &[Region], auxiliary: &[u8], page: u64) -> Vec<u8> {
    let count = u16::try_from(segments.len() + 1).unwrap_or(u16::MAX);
    let mut notes = Words::default();
    // The name with its end is 5 bytes, and takes 8.
    notes.word(5).word(u32::try_from(auxiliary.len()).unwrap_or(0)).word(NT_AUXV);
    notes.0.extend_from_slice(b"CORE\0\0\0\0");
    notes.0.extend_from_slice(auxiliary);
    notes.0.resize(notes.0.len().next_multiple_of(4), 0);
    let notes_at = ELF_HEADER + PROGRAM_HEADER * u64::from(count);
    let pages_at = (notes_at + notes.0.len() as u64).next_multiple_of(page);

    let mut head = Words::default();
    let order = if cfg!(target_endian = "little") { 1 } else { 2 };
    head.0.extend_from_slice(&[0x7f, b'E', b'L', b'F', 2, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.half(ET_CORE).half(MACHINE).word(1).long(0).long(ELF_HEADER).long(0).word(0);
    head.half(64).half(56).half(count).half(0).half(0).half(0);
    head.word(PT_NOTE).word(4).long(notes_at).long(0).long(0).long(notes.0.len() as u64).long(0).long(4);
    let mut at = pages_at;
    for Region { start, end, flags } in segments {
        let length = end - start;
        head.word(PT_LOAD).word(*flags).long(at).long(*start).long(0).long(length).long(length).long(page);
        at += length;
    }
    head.0.extend_from_slice(&notes.0);
    head.0.resize(usize::try_from(pages_at).unwrap_or(head.0.len()), 0);
    head.0
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command, time::Duration};

    use super::*;
    use crate::evidence::store::EvidenceLimits;

    #[test]
    fn only_memory_that_no_other_file_has_is_kept() {
        let kept = |line: &str| parse(line).map(|region| (region.start, region.end, region.flags));
        assert_eq!(kept("1000-3000 rw-p 00000000 00:00 0 [heap]"), Some((0x1000, 0x3000, 6)));
        assert_eq!(kept("1000-3000 r-xs 00000000 00:01 7 /memfd:x (deleted)"), Some((0x1000, 0x3000, 5)));
        for line in [
            "1000-3000 r-xp 00000000 08:01 7 /usr/bin/true",
            "1000-3000 ---p 00000000 00:00 0",
            "1000-3000 r--p 00000000 00:00 0 [vvar]",
            "3000-1000 rw-p 00000000 00:00 0",
            "x-y rw-p 0 0 0",
            "",
        ] {
            assert_eq!(kept(line), None, "{line}");
        }
    }

    #[test]
    fn the_memory_of_a_process_is_a_core_that_readelf_accepts() {
        const MARKER: &str = "MINERWATCH_TEST_MARKER=kept-in-the-memory-image";
        let scratch = tempfile::tempdir().expect("a directory");
        let limits = EvidenceLimits {
            bytes: 1 << 30,
            time: Duration::from_secs(60),
            free_space: 0,
            brief: false,
            memory: true,
            redact: false,
        };
        let (name, value) = MARKER.split_once('=').expect("a variable");
        let mut child = Command::new("sleep").arg("60").env(name, value).spawn().expect("it starts");
        let pid = child.id();
        let runs = || fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
        while !runs() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut store = Store::create(&scratch.path().join("new"), limits).expect("it is new");
        add(&mut store, "memory.core", pid);
        let core = fs::read(scratch.path().join("new/memory.core")).expect("it is there");
        // The environment is at the top of the stack.
        let at =
            core.windows(MARKER.len()).position(|window| window == MARKER.as_bytes()).expect("it is kept");
        let address = address_of(&core, at as u64).expect("a segment");
        let mut there = vec![0; MARKER.len()];
        let memory = File::open(format!("/proc/{pid}/mem")).expect("our child");
        memory.read_exact_at(&mut there, address).expect("it is mapped");
        child.kill().expect("our child");
        child.wait().expect("our child");
        assert_eq!(store.missing, []);
        assert_eq!(there, MARKER.as_bytes(), "the core says where the bytes were");
        assert!(core.len() < 8 << 20, "pages that were never touched are left out: {}", core.len());
        // readelf is not everywhere.
        let file = scratch.path().join("new/memory.core");
        if let Ok(shown) = Command::new("readelf").arg("-hl").arg(file).output() {
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            assert!(shown.status.success() && shown.stderr.is_empty(), "{shown:?}");
            assert!(text.contains("CORE (Core file)") && text.contains("LOAD"), "{text}");
        }
    }

    /// Returns the address of a byte of the file, as a debugger knows it.
    fn address_of(core: &[u8], at: u64) -> Option<u64> {
        let long = |at: usize| u64::from_ne_bytes(core[at..at + 8].try_into().expect("eight bytes"));
        let count = u16::from_ne_bytes([core[56], core[57]]);
        (0..usize::from(count)).map(|index| 64 + index * 56).find_map(|header| {
            let (offset, start, size) = (long(header + 8), long(header + 16), long(header + 32));
            let is_load = core[header..header + 4] == 1_u32.to_ne_bytes();
            (is_load && (offset..offset + size).contains(&at)).then(|| start + (at - offset))
        })
    }
}
