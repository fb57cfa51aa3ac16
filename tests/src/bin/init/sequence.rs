//! What happens while the daemon watches; the same on every kernel.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    process::{self, Command},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::guest::{self, ARITHMETIC, MEMORY, MSR, SIMULATOR, URING};

/// The word that makes this program end at once, with the code that follows.
const EXIT: &str = "exit";

/// The exit code of the process that ends at once.
pub const CODE: u8 = 7;
/// Its last argument: longer than a page's worth of fields, shorter than the limit of an exec record.
pub const LONG: usize = 3000;
/// Where a server answers.
pub const TCP_PORT: u16 = 7000;
/// Where a socket takes datagrams.
pub const UDP_PORT: u16 = 7002;
/// Where the connection leads that is open before the daemon watches.
pub const EARLIER_PORT: u16 = 7003;
/// What it sends, once before and once while the daemon watches.
pub const EARLIER: usize = 7;
/// Where nobody listens.
pub const CLOSED_PORT: u16 = 7999;
/// What the server sends back.
pub const ANSWER: usize = 1000;
/// Where files are made; a mount of its own, so that a path crosses one.
pub const DIRECTORY: &str = "/tmp/files";
/// Seconds of one CPU.
pub const SPIN: u64 = 3;
/// Seconds of interval arithmetic.
const INTERVAL: u64 = 3;
/// Seconds of RandomX's arithmetic; an emulated processor is slow at it.
const HASHING: u64 = 8;

/// Long enough for the last interval of the CPU account and the last lines of the sink.
const SETTLE: Duration = Duration::from_secs(2);

/// What was started.
pub struct Sequence {
    /// The process that ends at once.
    pub exiting: u32,
    /// The process that uses `io_uring`.
    pub ring: Ring,
    /// The process that opens a processor's registers for writing, and writes nothing; else why there is none.
    pub registers: Result<u32, &'static str>,
    /// The process that spins.
    pub spinning: u32,
    /// The process that asks for memory as RandomX does, and flips the protection of its code.
    pub mapping: u32,
    /// The process whose arithmetic is that of intervals.
    pub interval: u32,
    /// The process whose arithmetic is that of RandomX.
    pub hashing: u32,
}

/// A process that uses `io_uring` instead of system calls.
pub struct Ring {
    /// The process.
    pub pid: u32,
    /// Which operations this kernel's rings did for it, by the simulator's names; none where there are no rings.
    pub done: Vec<String>,
}

/// The exit code that the command line asks this program for, if it does.
pub fn exit_code(mut arguments: impl Iterator<Item = String>) -> Option<u8> {
    (arguments.next()? == EXIT).then(|| arguments.next()?.parse().ok())?
}

/// The arguments of the process that ends at once, its name among them.
pub fn exiting_arguments() -> [String; 5] {
    ["/init".to_owned(), EXIT.to_owned(), CODE.to_string(), "two words".to_owned(), "x".repeat(LONG)]
}

/// A connection with both its ends.
pub struct Earlier(TcpStream, TcpStream);

/// Connects and sends something, before the daemon watches.
pub fn earlier() -> Result<Earlier> {
    let listener = TcpListener::bind(("127.0.0.1", EARLIER_PORT)).context("an earlier listener")?;
    let mut client = TcpStream::connect(("127.0.0.1", EARLIER_PORT)).context("an earlier connection")?;
    client.write_all(&[b'x'; EARLIER])?;
    Ok(Earlier(client, listener.accept()?.0))
}

/// Sends as much again, and closes it.
fn end(earlier: Earlier) -> Result<()> {
    let Earlier(mut client, mut server) = earlier;
    client.write_all(&[b'x'; EARLIER])?;
    server.read_exact(&mut [0; 2 * EARLIER])?;
    Ok(())
}

/// Does all of it.
pub fn run(earlier: Earlier) -> Result<Sequence> {
    end(earlier)?;
    let exiting = exiting()?;
    serve()?;
    for host in ["127.0.0.1", "[::1]"] {
        simulator(&["exchange", &format!("{host}:{TCP_PORT}")])?;
        simulator(&["refused", &format!("{host}:{CLOSED_PORT}")])?;
        let receiver = UdpSocket::bind(format!("{host}:{UDP_PORT}")).context("a socket for datagrams")?;
        simulator(&["datagram", &format!("{host}:{UDP_PORT}")])?;
        drop(receiver);
    }
    fs::create_dir(DIRECTORY).with_context(|| format!("making {DIRECTORY}"))?;
    simulator(&["files", DIRECTORY])?;
    let ring = ring()?;
    let registers = match guest::load_msr_driver()? {
        None => Ok(simulator(&["reopen", MSR, "1"])?),
        Some(reason) => Err(reason),
    };
    let spinning = simulator(&["spin", &SPIN.to_string()])?;
    let mapping = program(MEMORY, &["flipping", "1"])?;
    let interval = program(ARITHMETIC, &["interval", "1", &INTERVAL.to_string()])?;
    let hashing = program(ARITHMETIC, &["randomx", "1", &HASHING.to_string()])?;
    thread::sleep(SETTLE);
    Ok(Sequence { exiting, ring, registers, spinning, mapping, interval, hashing })
}

fn exiting() -> Result<u32> {
    let [program, arguments @ ..] = exiting_arguments();
    let mut child =
        Command::new(&program).args(arguments).current_dir("/usr/bin").spawn().context("starting /init")?;
    let pid = child.id();
    let status = child.wait()?;
    ensure!(status.code() == Some(i32::from(CODE)), "/init as a child ended with {status}");
    Ok(pid)
}

/// The server is that of the other connections; its answer is not waited for.
fn ring() -> Result<Ring> {
    let child = Command::new(URING)
        .args([DIRECTORY, &TCP_PORT.to_string()])
        .stdin(process::Stdio::null())
        .stdout(process::Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {URING}"))?;
    let pid = child.id();
    let output = child.wait_with_output()?;
    Ok(Ring { pid, done: String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect() })
}

/// Runs the simulator to its end; its process id.
fn simulator(arguments: &[&str]) -> Result<u32> {
    program(SIMULATOR, arguments)
}

/// Runs a program to its end; its process id.
fn program(path: &str, arguments: &[&str]) -> Result<u32> {
    let mut child = Command::new(path)
        .args(arguments)
        .env("PATH", "/usr/bin")
        .stdin(process::Stdio::null())
        .spawn()
        .with_context(|| format!("starting {path}"))?;
    let pid = child.id();
    let status = child.wait()?;
    ensure!(status.success(), "{path} {} ended with {status}", arguments.join(" "));
    Ok(pid)
}

/// Answers connections over both families until the machine ends.
fn serve() -> Result<()> {
    for host in ["127.0.0.1", "[::1]"] {
        let listener = TcpListener::bind(format!("{host}:{TCP_PORT}")).context("a listening socket")?;
        thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else { continue };
                // A client that leaves early is fine: the checks use the kernel's counts.
                let _ = connection.read_to_end(&mut Vec::new());
                let _ = connection.write_all(&[b'x'; ANSWER]);
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_exits_with_the_requested_code() {
        let [_, arguments @ ..] = exiting_arguments();
        assert_eq!(exit_code(arguments.into_iter()), Some(CODE));
        for other in [&[][..], &["exit"], &["exit", "x"], &["go", "7"]] {
            assert_eq!(exit_code(other.iter().map(|word| (*word).to_owned())), None, "{other:?}");
        }
    }
}
