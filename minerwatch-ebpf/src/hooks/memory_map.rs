//! Traces: the entry of `ksys_mmap_pgoff` and of the system call's function `*_sys_mprotect`; where a kernel takes no
//! such programs, `syscalls:sys_enter_mmap` and `syscalls:sys_enter_mprotect`.
//! Kernel: mm/mmap.c and mm/mprotect.c; the arguments are those of mmap(2) and mprotect(2).
//! Produces: [`MappingRecord`] for memory of the sizes that RandomX and its relatives use; for each
//! process and class the first, the second, the fourth and so on, so that a program that flips the protection of its
//! code all the time is from of a few times and then seldom.
//! Price: these two calls only; a few comparisons where the size is none of those. The entries of functions cost nothing
//! elsewhere, and do not see the calls of 32-bit programs.

use aya_ebpf::{
    macros::{fentry, map, tracepoint},
    maps::HashMap,
    programs::{FEntryContext, TracePointContext},
};
use minerwatch_common::{ABSENT, Loss, MappingClass, MappingRecord, RecordKind};

use crate::{
    constants::offset,
    emit::{self, Context},
    kernel::{Address, load},
    task,
};

/// Living processes counted at once; about 100 bytes each.
const MAX_PROCESSES: u32 = 8_192;

/// How many mappings of each class a process asked for since it began to run its program.
#[repr(C)]
struct Asked {
    /// When the process started: where no end of processes is seen, ids are reused.
    start: u64,
    counts: [u64; 4],
}

/// By process; taken away at its end, and when it begins to run another program.
#[map]
static MAPPINGS: HashMap<u32, Asked> = HashMap::with_max_entries(MAX_PROCESSES, 0);

// mmap(2).
const PROT_WRITE: u64 = 0x2;
const PROT_EXEC: u64 = 0x4;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_HUGETLB: u64 = 0x40000;

/// Where the arguments of a system call lie in its tracepoint's record: after the common head and the call's number.
const FIRST_ARGUMENT: usize = 16;

#[inline(always)]
fn argument(context: &TracePointContext, index: usize) -> u64 {
    // SAFETY: the record has six arguments of eight bytes; both calls use fewer.
    unsafe { context.read_at(FIRST_ARGUMENT + 8 * index) }.unwrap_or(0)
}

#[tracepoint(category = "syscalls", name = "sys_enter_mmap")]
fn memory_map(context: TracePointContext) -> u32 {
    mapped(Context::of(&context), argument(&context, 1), argument(&context, 2), argument(&context, 3));
    0
}

#[tracepoint(category = "syscalls", name = "sys_enter_mprotect")]
fn memory_protect(context: TracePointContext) -> u32 {
    protected(Context::of(&context), argument(&context, 1), argument(&context, 2));
    0
}

/// `ksys_mmap_pgoff(addr, len, prot, flags, fd, pgoff)`
#[fentry(function = "ksys_mmap_pgoff")]
fn memory_map_function(context: FEntryContext) -> i32 {
    mapped(Context::of(&context), context.arg(1), context.arg(2), context.arg(3));
    0
}

/// `__x64_sys_mprotect(regs)`, `__arm64_sys_mprotect(regs)`
#[fentry(function = "__x64_sys_mprotect")]
fn memory_protect_function(context: FEntryContext) -> i32 {
    let from = Context::of(&context);
    let registers: *const u8 = context.arg(0);
    if offset!(registers_si) != ABSENT {
        protected(from, load!(registers, registers_si, u64), load!(registers, registers_dx, u64));
    } else if offset!(registers_numbered) != ABSENT {
        let numbered = Address(registers as u64 + u64::from(offset!(registers_numbered)));
        if let (Ok(size), Ok(protection)) = (numbered.read(8), numbered.read(16)) {
            protected(from, size, protection);
        }
    }
    0
}

#[inline(always)]
fn mapped(context: Context, size: u64, protection: u64, flags: u64) {
    if flags & MAP_ANONYMOUS == 0 {
        return;
    }
    let huge = flags & MAP_HUGETLB != 0;
    let executable = protection & (PROT_WRITE | PROT_EXEC) == PROT_WRITE | PROT_EXEC;
    let class = if MappingClass::DATASET.contains(&size) {
        MappingClass::Dataset
    } else if size == MappingClass::CACHE {
        MappingClass::Cache
    } else if executable && is_code(size) {
        MappingClass::Code
    } else if huge && size <= MappingClass::SCRATCHPAD {
        MappingClass::Scratchpad
    } else {
        return;
    };
    tell(context, class, size, huge);
}

#[inline(always)]
fn protected(context: Context, size: u64, protection: u64) {
    if protection & PROT_EXEC != 0 && is_code(size) {
        tell(context, MappingClass::Code, size, false);
    }
}

#[inline(always)]
fn is_code(size: u64) -> bool {
    size == MappingClass::CODE[0] || size == MappingClass::CODE[1]
}

#[inline(never)]
fn tell(context: Context, class: MappingClass, size: u64, huge: bool) {
    let header = task::current_header::<MappingRecord>(RecordKind::Mapping);
    let count = match count(header.pid, header.start, class) {
        Some(count) => count,
        // Who cannot be counted is told of each time, or not at all where that may be often.
        None if matches!(class, MappingClass::Dataset | MappingClass::Cache) => 1,
        None => return,
    };
    if count & (count - 1) != 0 {
        return;
    }
    emit::record(
        context,
        RecordKind::Mapping,
        MappingRecord { header, size, count, class: class as u32, huge: huge.into() },
    );
}

/// Counts a mapping; `None` if there is no room.
#[inline(always)]
fn count(tgid: u32, start: u64, class: MappingClass) -> Option<u64> {
    // The classes are numbered from 1; the mask is for the verifier.
    let slot = (class as usize).wrapping_sub(1) & 3;
    if let Some(asked) = MAPPINGS.get_ptr_mut(tgid) {
        // SAFETY: a live row. Two threads may count as one: the count is of use by its order of magnitude.
        let asked = unsafe { &mut *asked };
        if asked.start != start {
            *asked = Asked { start, counts: [0; 4] };
        }
        let counter = &mut asked.counts[slot];
        *counter += 1;
        return Some(*counter);
    }
    let mut asked = Asked { start, counts: [0; 4] };
    asked.counts[slot] = 1;
    if MAPPINGS.insert(tgid, &asked, 0).is_err() {
        emit::count(Loss::MappingTableFull);
        return None;
    }
    Some(1)
}

/// Ends the counting of a process, or of the program that it ran.
#[inline(always)]
pub fn forget(tgid: u32) {
    let _ = MAPPINGS.remove(tgid);
}
