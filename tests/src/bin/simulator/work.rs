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

/// How long a miner waits before it asks its pool again.
const RETRY: Duration = Duration::from_secs(5);
/// How long it hides, and how often it looks who is there.
const HIDING: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(100);
/// The programs it hides from.
const LOOKING_GLASSES: [&str; 3] = ["top", "htop", "ps"];

/// Uses one CPU for so long.
pub(crate) fn spin(duration: Duration) {
    let until = Instant::now() + duration;
    spin_while(|| Instant::now() < until);
}

fn spin_while(mut goes_on: impl FnMut() -> bool) {
    while goes_on() {
        piece();
    }
}

/// A piece of work, always the same: some microseconds.
fn piece() {
    let mut value = 1_u64;
    for _ in 0..10_000 {
        value = std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Gives way after so much work, again and again, as a miner's thread does after each hash; after none it does nothing
/// else, as a thread that waits for a lock. Work is measured by the time on a CPU, so that a machine which others slow down
/// does not blur the beat.
pub(crate) fn give_way(duration: Duration, work: Duration) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        let enough = on_cpu() + work;
        spin_while(|| on_cpu() < enough);
        thread::yield_now();
    }
}

/// How long this thread was on a CPU so far.
fn on_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// Works while its connection stands, and makes it anew some time after its end; so many connections in all. With
/// `other`, a second connection is open all the time.
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

/// Works for so long, but not while somebody new looks.
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

/// The processes that show who uses the CPU.
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
