//! Traces: the entries of the functions `ksys_mmap_pgoff`, `*_sys_mprotect` and `*_sys_madvise` (fentry). On kernels
//! without fentry, the tracepoints `syscalls:sys_enter_mmap`, `syscalls:sys_enter_mprotect` and
//! `syscalls:sys_enter_madvise`.
//! Kernel: mm/mmap.c, `ksys_mmap_pgoff(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
//! unsigned long fd, unsigned long pgoff)`; mm/mprotect.c, `mprotect(unsigned long start, size_t len, unsigned long
//! prot)`; mm/madvise.c, `madvise(unsigned long start, size_t len_in, int behavior)`.
//! Produces: [`MappingRecord`] for memory in the sizes that RandomX and related algorithms use. The record is sent for
//! the 1st, 2nd, 4th, 8th and so on request of each process and class, because some programs change the protection of
//! their code all the time. See [`MappingRecord`] for the classes that have several counters.
//! Overhead: these three calls only, and a few comparisons for requests of other sizes. The function entries do not slow
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
    system_call::argument,
    task,
};

/// Maximum number of processes whose requests are counted. Each entry takes about 200 bytes. If there are more, the row
/// that was used least recently is dropped.
const MAX_PROCESSES: u32 = 8_192;

/// Number of counters per process, a power of two. The first counters are one per class, in the order of the classes'
/// numbers.
const COUNTERS: usize = 16;
/// The index of the counter of requests of the size [`MappingClass::EIGHT_SCRATCHPADS`].
const EIGHT_SCRATCHPADS: usize = 7;
/// The index of the counter of the first size in [`MappingClass::WORKSPACES`]. The counters of the other sizes follow in
/// the same order.
const WORKSPACES: usize = 8;

/// The indexes of the counters of transparent huge pages: of one scratchpad, and of
/// [`MappingClass::EIGHT_SCRATCHPADS`].
const ADVISED: usize = 14;
const EIGHT_ADVISED: usize = 15;

/// The number of requests by a process since its last exec.
#[repr(C)]
struct Requests {
    /// Start time of the process. It distinguishes the process from an earlier process with the same id.
    start: u64,
    counts: [u32; COUNTERS],
    /// The thread of the latest request, for each counter from [`WORKSPACES`] on.
    threads: [u32; COUNTERS - WORKSPACES],
}

impl Requests {
    #[inline(always)]
    fn none(start: u64) -> Self {
        Self { start, counts: [0; COUNTERS], threads: [0; COUNTERS - WORKSPACES] }
    }
}

/// Requests by process id. A row is removed when the process ends or executes another program.
#[map]
static MAPPINGS: LruHashMap<u32, Requests> = LruHashMap::with_max_entries(MAX_PROCESSES, 0);

// Protection bits and flags of mmap(2).
const PROT_WRITE: u64 = 0x2;
const PROT_EXEC: u64 = 0x4;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_STACK: u64 = 0x20000;
const MAP_HUGETLB: u64 = 0x40000;
// Advice of madvise(2): transparent huge pages.
const MADV_HUGEPAGE: u64 = 14;

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

#[tracepoint(category = "syscalls", name = "sys_enter_madvise")]
fn memory_advise(context: TracePointContext) -> u32 {
    advised(Context::of(&context), argument(&context, 1), argument(&context, 2));
    0
}

/// Runs when `ksys_mmap_pgoff(addr, len, prot, flags, fd, pgoff)` is called.
#[fentry(function = "ksys_mmap_pgoff")]
fn memory_map_function(context: FEntryContext) -> i32 {
    mapped(Context::of(&context), context.arg(1), context.arg(2), context.arg(3));
    0
}

/// Runs when `__x64_sys_mprotect(regs)` or `__arm64_sys_mprotect(regs)` is called.
#[fentry(function = "__x64_sys_mprotect")]
fn memory_protect_function(context: FEntryContext) -> i32 {
    if let Some((size, protection)) = second_and_third(&context) {
        protected(Context::of(&context), size, protection);
    }
    0
}

/// Runs when `__x64_sys_madvise(regs)` or `__arm64_sys_madvise(regs)` is called.
#[fentry(function = "__x64_sys_madvise")]
fn memory_advise_function(context: FEntryContext) -> i32 {
    if let Some((size, advice)) = second_and_third(&context) {
        advised(Context::of(&context), size, advice);
    }
    0
}

/// Returns the second and the third argument of a system call from the registers that its function gets.
#[inline(always)]
fn second_and_third(context: &FEntryContext) -> Option<(u64, u64)> {
    let registers: *const u8 = context.arg(0);
    if offset!(registers_si) != ABSENT {
        return Some((load!(registers, registers_si, u64), load!(registers, registers_dx, u64)));
    }
    if offset!(registers_numbered) == ABSENT {
        return None;
    }
    let numbered = Address(registers as u64 + u64::from(offset!(registers_numbered)));
    Some((numbered.read(8).ok()?, numbered.read(16).ok()?))
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
    } else if huge && (size <= MappingClass::SCRATCHPAD || size == MappingClass::EIGHT_SCRATCHPADS) {
        MappingClass::Scratchpad
    } else if is_data(protection, flags) && MappingClass::workspace(size).is_some() {
        MappingClass::Workspace
    } else {
        return;
    };
    report(context, class, size, huge, counter_of(class, size));
}

#[inline(always)]
fn protected(context: Context, size: u64, protection: u64) {
    if protection & PROT_EXEC != 0 && is_code(size) {
        report(context, MappingClass::Code, size, false, counter_of(MappingClass::Code, size));
    }
}

/// Counts requests for transparent huge pages of exactly the size of one thread's scratchpads. Requests for 4 MiB do not
/// count: the runtime of Go makes them for its heap.
#[inline(always)]
fn advised(context: Context, size: u64, advice: u64) {
    if advice != MADV_HUGEPAGE {
        return;
    }
    let counter = match size {
        MappingClass::HUGE_PAGE => ADVISED,
        MappingClass::EIGHT_SCRATCHPADS => EIGHT_ADVISED,
        _ => return,
    };
    report(context, MappingClass::Scratchpad, size, true, counter);
}

#[inline(always)]
fn is_code(size: u64) -> bool {
    let [small, large, extra_page, small_v2] = MappingClass::CODE;
    size == small || size == large || size == extra_page || size == small_v2
}

/// Whether the memory is for data. The C library reserves the stacks of threads without access.
#[inline(always)]
fn is_data(protection: u64, flags: u64) -> bool {
    protection & PROT_WRITE != 0 && flags & MAP_STACK == 0
}

#[inline(never)]
fn report(context: Context, class: MappingClass, size: u64, huge: bool, counter: usize) {
    let header = task::current_header::<MappingRecord>();
    let count = match count(header.pid, header.tid, header.start, counter) {
        // The request does not count.
        Some(0) => return,
        Some(count) => u64::from(count),
        // Without a count, every request of a rare class is reported, and no request of a frequent class.
        None if matches!(class, MappingClass::Dataset | MappingClass::Cache) => 1,
        None => return,
    };
    if count & (count - 1) != 0 {
        return;
    }
    emit::record(context, MappingRecord { header, size, count, class: class as u32, huge: huge.into() });
}

/// Returns the index of the counter of a mapping.
#[inline(always)]
fn counter_of(class: MappingClass, size: u64) -> usize {
    match class {
        MappingClass::Scratchpad if size == MappingClass::EIGHT_SCRATCHPADS => EIGHT_SCRATCHPADS,
        MappingClass::Workspace => WORKSPACES + MappingClass::workspace(size).unwrap_or(0),
        // Classes are numbered from 1.
        _ => (class as usize).wrapping_sub(1),
    }
}

/// Counts a request and returns the new count. Returns 0 if the request does not count, and `None` if the table is
/// full.
#[inline(always)]
fn count(tgid: u32, tid: u32, start: u64, counter: usize) -> Option<u32> {
    let row = match MAPPINGS.get_ptr_mut(tgid) {
        Some(row) => row,
        None => {
            if MAPPINGS.insert(tgid, Requests::none(start), 0).is_err() {
                emit::count(Loss::MappingTableFull);
                return None;
            }
            MAPPINGS.get_ptr_mut(tgid)?
        }
    };
    // SAFETY: the memory of a row stays valid while this program runs. If two threads change the row at the same time, a
    // request may be lost. The counts only have to be roughly right.
    let requests = unsafe { &mut *row };
    if requests.start != start {
        *requests = Requests::none(start);
    }
    // The masks show the verifier that the indexes are in bounds.
    let slot = counter & (COUNTERS - 1);
    let thread = counter & (COUNTERS - WORKSPACES - 1);
    if slot >= WORKSPACES {
        if requests.threads[thread] == tid {
            return Some(0);
        }
        requests.threads[thread] = tid;
    }
    let counter = &mut requests.counts[slot];
    *counter = counter.wrapping_add(1);
    Some(*counter)
}

/// Removes the row of a process that ended or executed another program.
#[inline(always)]
pub fn forget(tgid: u32) {
    let _ = MAPPINGS.remove(tgid);
}
