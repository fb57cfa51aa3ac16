//! Traces: the entries of the functions `ksys_mmap_pgoff` and `*_sys_mprotect` (fentry). On kernels without fentry, the
//! tracepoints `syscalls:sys_enter_mmap` and `syscalls:sys_enter_mprotect`.
//! Kernel: mm/mmap.c, `ksys_mmap_pgoff(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
//! unsigned long fd, unsigned long pgoff)`; mm/mprotect.c, `mprotect(unsigned long start, size_t len, unsigned long
//! prot)`.
//! Produces: [`MappingRecord`] for memory in the sizes that RandomX and related algorithms use. The record is sent for
//! the 1st, 2nd, 4th, 8th and so on request of each process and class, because some programs change the protection of
//! their code all the time.
//! Overhead: these two calls only, and a few comparisons for requests of other sizes. The function entries do not slow
//! down other system calls, but do not see calls of 32-bit programs. The tracepoints put all system calls on the slow
//! entry path.

use aya_ebpf::{
    macros::{fentry, map, tracepoint},
    maps::LruHashMap,
    programs::{FEntryContext, TracePointContext},
};
use minerwatch_common::{ABSENT, Loss, MappingClass, MappingRecord};

use crate::{
    constants::offset,
    emit::{self, Context},
    kernel::{Address, load},
    task,
};

/// Maximum number of processes whose requests are counted. Each entry takes about 100 bytes. If there are more, the row
/// that was used least recently is dropped.
const MAX_PROCESSES: u32 = 8_192;

/// The number of requests of each class by a process since its last exec.
#[repr(C)]
struct Requests {
    /// Start time of the process. It distinguishes the process from an earlier process with the same id.
    start: u64,
    counts: [u64; 4],
}

/// Requests by process id. A row is removed when the process ends or executes another program.
#[map]
static MAPPINGS: LruHashMap<u32, Requests> = LruHashMap::with_max_entries(MAX_PROCESSES, 0);

// Protection bits and flags of mmap(2).
const PROT_WRITE: u64 = 0x2;
const PROT_EXEC: u64 = 0x4;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_HUGETLB: u64 = 0x40000;

/// The offset of the first argument in the record of the tracepoint, after the common fields and the number of the
/// call.
const FIRST_ARGUMENT: usize = 16;

#[inline(always)]
fn argument(context: &TracePointContext, index: usize) -> u64 {
    // SAFETY: the record has room for six arguments of eight bytes, and callers pass only smaller indexes.
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

/// Entry of `ksys_mmap_pgoff(addr, len, prot, flags, fd, pgoff)`.
#[fentry(function = "ksys_mmap_pgoff")]
fn memory_map_function(context: FEntryContext) -> i32 {
    mapped(Context::of(&context), context.arg(1), context.arg(2), context.arg(3));
    0
}

/// Entry of `__x64_sys_mprotect(regs)` or `__arm64_sys_mprotect(regs)`.
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
    report(context, class, size, huge);
}

#[inline(always)]
fn protected(context: Context, size: u64, protection: u64) {
    if protection & PROT_EXEC != 0 && is_code(size) {
        report(context, MappingClass::Code, size, false);
    }
}

#[inline(always)]
fn is_code(size: u64) -> bool {
    size == MappingClass::CODE[0] || size == MappingClass::CODE[1]
}

#[inline(never)]
fn report(context: Context, class: MappingClass, size: u64, huge: bool) {
    let header = task::current_header::<MappingRecord>();
    let count = match count(header.pid, header.start, class) {
        Some(count) => count,
        // Without a count, every request of a rare class is reported, and no request of a frequent class.
        None if matches!(class, MappingClass::Dataset | MappingClass::Cache) => 1,
        None => return,
    };
    if count & (count - 1) != 0 {
        return;
    }
    emit::record(context, MappingRecord { header, size, count, class: class as u32, huge: huge.into() });
}

/// Counts a request and returns the new count, or `None` if the table is full.
#[inline(always)]
fn count(tgid: u32, start: u64, class: MappingClass) -> Option<u64> {
    // Classes are numbered from 1. The mask shows the verifier that the index is in bounds.
    let slot = (class as usize).wrapping_sub(1) & 3;
    if let Some(requests) = MAPPINGS.get_ptr_mut(tgid) {
        // SAFETY: a live row. Requests of two threads may count as one, which is fine because only the order of
        // magnitude matters.
        let requests = unsafe { &mut *requests };
        if requests.start != start {
            *requests = Requests { start, counts: [0; 4] };
        }
        let counter = &mut requests.counts[slot];
        *counter += 1;
        return Some(*counter);
    }
    let mut requests = Requests { start, counts: [0; 4] };
    requests.counts[slot] = 1;
    if MAPPINGS.insert(tgid, &requests, 0).is_err() {
        emit::count(Loss::MappingTableFull);
        return None;
    }
    Some(1)
}

/// Removes the row of a process that ended or executed another program.
#[inline(always)]
pub fn forget(tgid: u32) {
    let _ = MAPPINGS.remove(tgid);
}
