//! The sequence of operations that the daemon watches. It is the same on every kernel.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    process::{self, Command},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::guest::{self, ARITHMETIC, MEMORY, MSR, PRIVILEGED, SIMULATOR, URING};

/// Argument that makes this program exit at once with the exit code that follows.
const EXIT: &str = "exit";

/// Exit code of the process that exits at once.
pub const CODE: u8 = 7;
/// Length of the last argument of the process that exits at once, in bytes. It is below the limit of an exec record.
pub const LONG: usize = 3000;
/// Port of the TCP server.
pub const TCP_PORT: u16 = 7000;
/// Port of the socket that receives datagrams.
pub const UDP_PORT: u16 = 7002;
/// Port of the connection that is open before the daemon starts.
pub const EARLIER_PORT: u16 = 7003;
/// Number of bytes that this early connection sends before the daemon starts, and again while the daemon runs.
pub const EARLIER: usize = 7;
/// Port without a server.
pub const CLOSED_PORT: u16 = 7999;
/// Number of bytes that the TCP server sends back.
pub const ANSWER: usize = 1000;
/// Directory for the file changes. It is on a separate mount, so that its path crosses a mount point.
pub const DIRECTORY: &str = "/tmp/files";
/// Seconds for which one process spins.
pub const SPIN: u64 = 3;
/// Seconds of interval arithmetic.
const INTERVAL: u64 = 3;
/// Seconds of RandomX's arithmetic. An emulated processor is slow at it.
const HASHING: u64 = 8;

/// Time for the last CPU report and the last lines of the file sink.
const SETTLE: Duration = Duration::from_secs(2);

/// The processes that the sequence started.
pub struct Sequence {
    /// The process that exits at once.
    pub exiting: u32,
    /// The process that uses `io_uring`.
    pub ring: Ring,
    /// The process that opens a processor's registers for writing and writes nothing, or the reason why there is none.
    pub registers: Result<u32, &'static str>,
    /// The process that spins.
    pub spinning: u32,
    /// The process that maps memory as RandomX does and repeatedly changes the protection of its code.
    pub mapping: u32,
    /// The process whose threads ask for transparent huge pages.
    pub advising: u32,
    /// The process that is killed.
    pub killed: u32,
    /// The process that controls PID 1 for a moment.
    pub tracing: u32,
    /// The process that reads the memory of PID 1.
    pub reading: u32,
    /// The process that opens the memory of PID 1.
    pub opening: u32,
    /// The process that loads a BPF program.
    pub loading: u32,
    /// The process that detaches a BPF program.
    pub detaching: u32,
    /// The process that does interval arithmetic.
    pub interval: u32,
    /// The process that does the arithmetic of RandomX.
    pub hashing: u32,
}

/// A process that uses `io_uring` instead of system calls.
pub struct Ring {
    /// Process id.
    pub pid: u32,
    /// The operations that `io_uring` of this kernel performed, by the names of the simulator. Empty if the kernel has
    /// no `io_uring`.
    pub done: Vec<String>,
}

/// Returns the exit code from the arguments if they make this program exit at once.
pub fn exit_code(mut arguments: impl Iterator<Item = String>) -> Option<u8> {
    (arguments.next()? == EXIT).then(|| arguments.next()?.parse().ok())?
}

/// Returns the arguments of the process that exits at once, including its name.
pub fn exiting_arguments() -> [String; 5] {
    ["/init".to_owned(), EXIT.to_owned(), CODE.to_string(), "two words".to_owned(), "x".repeat(LONG)]
}

/// Both ends of the connection that is open before the daemon starts.
pub struct Earlier(TcpStream, TcpStream);

/// Opens the early connection and sends some bytes, before the daemon starts.
pub fn earlier() -> Result<Earlier> {
    let listener = TcpListener::bind(("127.0.0.1", EARLIER_PORT)).context("an earlier listener")?;
    let mut client = TcpStream::connect(("127.0.0.1", EARLIER_PORT)).context("an earlier connection")?;
    client.write_all(&[b'x'; EARLIER])?;
    Ok(Earlier(client, listener.accept()?.0))
}

/// Sends the same number of bytes again and closes the early connection.
fn end(earlier: Earlier) -> Result<()> {
    let Earlier(mut client, mut server) = earlier;
    client.write_all(&[b'x'; EARLIER])?;
    server.read_exact(&mut [0; 2 * EARLIER])?;
    Ok(())
}

/// Runs the whole sequence.
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
        None => Ok(simulator(&["open", MSR])?),
        Some(reason) => Err(reason),
    };
    let spinning = simulator(&["spin", &SPIN.to_string()])?;
    let mapping = program(MEMORY, &["flipping", "1"])?;
    let advising = program(MEMORY, &["advised", "1"])?;
    let killed = killed()?;
    let tracing = program(PRIVILEGED, &["trace", "1"])?;
    let reading = program(PRIVILEGED, &["read", "1"])?;
    let opening = program(PRIVILEGED, &["open", "1"])?;
    let loading = program(PRIVILEGED, &["load"])?;
    let detaching = program(PRIVILEGED, &["detach"])?;
    let interval = program(ARITHMETIC, &["interval", "1", &INTERVAL.to_string()])?;
    let hashing = program(ARITHMETIC, &["randomx", "1", &HASHING.to_string()])?;
    thread::sleep(SETTLE);
    Ok(Sequence {
        exiting,
        ring,
        registers,
        spinning,
        mapping,
        advising,
        killed,
        tracing,
        reading,
        opening,
        loading,
        detaching,
        interval,
        hashing,
    })
}

/// Starts a program and kills it. Returns its process id.
fn killed() -> Result<u32> {
    let mut child = Command::new(MEMORY).args(["database", "60"]).spawn().context("starting a program")?;
    child.kill().context("killing it")?;
    child.wait()?;
    Ok(child.id())
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

/// Runs the simulator of `io_uring`. It connects to the TCP server of the sequence and does not wait for the answer.
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

/// Runs the simulator to its end and returns its process id.
fn simulator(arguments: &[&str]) -> Result<u32> {
    program(SIMULATOR, arguments)
}

/// Runs a program to its end and returns its process id.
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

/// Starts TCP servers on IPv4 and IPv6 that run until the machine ends.
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
