//! The operations whose overhead is measured: on the live kernel by `cargo xtask bench`, in virtual machines by
//! `cargo xtask vm --overhead`. Ordinary programs do the same, and the operations run inside the measuring process.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{Read, Write, pipe};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, parent_id};
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, Result, ensure};

/// An operation that can be repeated.
pub struct Operation {
    /// The operation's name in the table.
    pub name: &'static str,
    /// The number of repetitions in a batch, which then takes some milliseconds.
    pub batch: u32,
    /// Repeats the operation the given number of times. Returns the total time.
    pub run: fn(u32) -> Result<Duration>,
}

/// All operations, in the order of the table.
pub const ALL: [Operation; 7] = [
    Operation { name: "getppid", batch: 20_000, run: unhooked_system_call },
    Operation { name: "context switch", batch: 4_000, run: context_switch },
    Operation { name: "fork + exec + wait", batch: 8, run: fork_exec_wait },
    Operation { name: "open + close", batch: 4_000, run: open_close },
    Operation { name: "open to write + close", batch: 1_000, run: open_to_write },
    Operation { name: "connect + accept + close", batch: 200, run: connect_accept_close },
    Operation { name: "send + recv 512 bytes", batch: 1_000, run: send_receive },
];

/// Calls getppid, which no agent has a reason to watch. Any overhead here is the cost of a hook on every system call.
#[expect(clippy::unnecessary_wraps, reason = "operations have one type")]
fn unhooked_system_call(count: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        black_box(parent_id());
    }
    Ok(start.elapsed())
}

/// Sends a byte back and forth between two threads on one CPU, through two pipes. A round makes two switches, so
/// `count` switches take half as many rounds. The cost of the pipes is included, with and without an agent.
fn context_switch(count: u32) -> Result<Duration> {
    let (mut request, mut ask) = pipe().context("cannot make a pipe")?;
    let (mut reply, mut answer) = pipe().context("cannot make a pipe")?;
    // The thread inherits the CPU affinity of this one.
    let echo = thread::spawn(move || -> std::io::Result<()> {
        let mut byte = [0];
        while request.read(&mut byte)? == 1 {
            answer.write_all(&byte)?;
        }
        Ok(())
    });
    let mut byte = [0];
    let mut round = || -> std::io::Result<()> {
        ask.write_all(&byte)?;
        reply.read_exact(&mut byte)
    };
    // The first round waits until the thread has started.
    round()?;
    let start = Instant::now();
    for _ in 0..count / 2 {
        round()?;
    }
    let elapsed = start.elapsed();
    drop(ask);
    echo.join().ok().context("the echo thread panicked")?.context("the echo thread failed")?;
    Ok(elapsed)
}

/// Starts `/bin/true` and waits for it. The command sets a user ID, here the current one, because the standard library
/// then forks instead of using the cheaper `posix_spawn`.
fn fork_exec_wait(count: u32) -> Result<Duration> {
    let user = fs::metadata("/proc/self").context("cannot tell the present user")?.uid();
    let mut program = Command::new("/bin/true");
    program.stdin(Stdio::null()).uid(user);
    let start = Instant::now();
    for _ in 0..count {
        let status = program.status().context("cannot start /bin/true")?;
        ensure!(status.success(), "/bin/true failed ({status})");
    }
    Ok(start.elapsed())
}

fn open_close(count: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        black_box(File::open("/bin/true").context("cannot open /bin/true")?);
    }
    Ok(start.elapsed())
}

/// Opens an existing file for writing. Nothing is written.
fn open_to_write(count: u32) -> Result<Duration> {
    let path = env::temp_dir().join(format!("minerwatch-operation-{}", process::id()));
    fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
    let open = || OpenOptions::new().write(true).open(&path).map(|file| drop(black_box(file)));
    let start = Instant::now();
    let outcome = (0..count).try_for_each(|_| open());
    let elapsed = start.elapsed();
    let _ = fs::remove_file(&path);
    outcome.with_context(|| format!("cannot open {}", path.display()))?;
    Ok(elapsed)
}

/// Connects, accepts and closes on loopback. Each batch listens on a new port, so that connections of the previous
/// batch in `TIME_WAIT` do not use up its client ports.
fn connect_accept_close(count: u32) -> Result<Duration> {
    let (listener, address) = listen()?;
    let start = Instant::now();
    for _ in 0..count {
        let client = TcpStream::connect(address).context("cannot connect on loopback")?;
        let (server, _) = listener.accept().context("cannot accept on loopback")?;
        drop((client, server));
    }
    Ok(start.elapsed())
}

fn send_receive(count: u32) -> Result<Duration> {
    let (listener, address) = listen()?;
    let mut client = TcpStream::connect(address).context("cannot connect on loopback")?;
    let (mut server, _) = listener.accept().context("cannot accept on loopback")?;
    client.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    let (sent, mut received) = ([0x5a; 512], [0; 512]);
    let start = Instant::now();
    for _ in 0..count {
        client.write_all(&sent).context("cannot send on loopback")?;
        server.read_exact(&mut received).context("cannot receive on loopback")?;
    }
    Ok(start.elapsed())
}

fn listen() -> Result<(TcpListener, std::net::SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
    let address = listener.local_addr().context("cannot tell the port")?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_operation_works_and_takes_time() {
        for operation in ALL {
            let elapsed = (operation.run)(4).unwrap();
            assert!(!elapsed.is_zero(), "{}", operation.name);
        }
    }
}
