//! CPU work that stops after some time, at the end of a connection, or when a monitor starts.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// Time before a miner reconnects to its pool.
const RETRY: Duration = Duration::from_secs(5);
/// Time for which a shy process sleeps when a monitor starts.
const HIDING: Duration = Duration::from_secs(5);
/// Interval between two checks for monitors.
const GLANCE: Duration = Duration::from_millis(100);
/// The monitors from which a shy process hides.
const LOOKING_GLASSES: [&str; 3] = ["top", "htop", "ps"];

/// Uses one CPU for `duration`.
pub(crate) fn spin(duration: Duration) {
    let until = Instant::now() + duration;
    spin_while(|| Instant::now() < until);
}

fn spin_while(mut goes_on: impl FnMut() -> bool) {
    while goes_on() {
        piece();
    }
}

/// Does a fixed amount of work, which takes some microseconds.
fn piece() {
    let mut value = 1_u64;
    for _ in 0..10_000 {
        value = std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Yields after each `work`, again and again, as a miner's thread does after each hash. With no work, it only yields,
/// as a thread that waits for a lock does. Work is measured in CPU time, so that other load on the machine does not
/// change the period.
pub(crate) fn give_way(duration: Duration, work: Duration) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        let enough = on_cpu() + work;
        spin_while(|| on_cpu() < enough);
        thread::yield_now();
    }
}

/// Returns the CPU time of this thread so far.
fn on_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// Works while its connection to `peer` is open, and reconnects some time after the end, for `cycles` connections in
/// all. With `other`, a second connection stays open all the time.
pub(crate) fn gated(peer: &str, other: Option<&str>, cycles: u32) -> io::Result<()> {
    let kept = other.map(TcpStream::connect).transpose()?;
    for cycle in 0..cycles {
        if cycle > 0 {
            thread::sleep(RETRY);
        }
        let mut pool = TcpStream::connect(peer)?;
        let open = Arc::new(AtomicBool::new(true));
        let listener = Arc::clone(&open);
        let end = thread::spawn(move || {
            let end = io::copy(&mut pool, &mut io::sink());
            listener.store(false, Ordering::Relaxed);
            end
        });
        spin_while(|| open.load(Ordering::Relaxed));
        end.join().map_err(|_| io::Error::other("the listener ended early"))??;
    }
    drop(kept);
    Ok(())
}

/// Works for `duration`, but sleeps whenever a new monitor starts.
pub(crate) fn shy(duration: Duration) -> io::Result<()> {
    let until = Instant::now() + duration;
    let mut known = lookers()?;
    while Instant::now() < until {
        spin(GLANCE);
        let now = lookers()?;
        if now.difference(&known).next().is_some() {
            thread::sleep(HIDING);
        }
        known = now;
    }
    Ok(())
}

/// Returns the process ids of the running monitors.
fn lookers() -> io::Result<BTreeSet<u32>> {
    let mut found = BTreeSet::new();
    let mut name = String::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        name.clear();
        let read =
            fs::File::open(entry.path().join("comm")).and_then(|mut file| file.read_to_string(&mut name));
        if read.is_ok() && LOOKING_GLASSES.contains(&name.trim_end()) {
            found.insert(pid);
        }
    }
    Ok(found)
}
