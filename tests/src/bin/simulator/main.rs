//! Harmless imitations of what intruders and ordinary programs do: connect, write, fork, use the CPU.
//!
//! The arguments of each command limit its run time.

mod mining;
mod work;

use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _, UdpSocket},
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

const USAGE: &str = "\
simulator infect HOST:PORT PATH [SECONDS]  connect, write PATH, stay for SECONDS (default 1)
simulator exchange HOST:PORT               connect, send 5 bytes, read to the end
simulator refused HOST:PORT                connect and expect to be refused
simulator datagram HOST:PORT               send 4 bytes over UDP, connected and not
simulator storm COUNT                      fork and exec /bin/true COUNT times, one after the other
simulator open PATH                        open a file for writing
simulator reopen PATH COUNT                open files that begin with PATH for writing in turn, COUNT times
simulator reconnect HOST:PORT COUNT        connect and wait for the end, COUNT times
simulator reconnect HOST:PORT COUNT SECONDS  the same, but for no more than SECONDS, and say how often
simulator files DIRECTORY                  create, write, rename, exchange, chmod and delete a file
simulator swap PATH OTHER                  exchange two files
simulator spin SECONDS                     use one CPU
simulator crowd THREADS SECONDS            use the CPU with THREADS threads
simulator give-way SECONDS MILLISECONDS    use one CPU, and give way after each MILLISECONDS on it
simulator gated HOST:PORT CYCLES [OTHER]   use one CPU while a connection stands, CYCLES times; OTHER stays open
simulator mine ADDRESS:PORT FILE SECONDS    log in at a pool, and write `up` or `down` to FILE all the time
simulator multiply DEPTH SECONDS           start two of itself, DEPTH times over, again and again
simulator mine-and-multiply ADDRESS:PORT FILE DEPTH SECONDS  both
simulator shy SECONDS                      use one CPU, but sleep when top, htop or ps starts
simulator jobs FILE                        give each line of FILE to /bin/sh, one after the other";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match act(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(words: &[&str]) -> anyhow::Result<()> {
    match words {
        ["infect", peer, path] => infect(peer, path, 1),
        ["infect", peer, path, seconds] => infect(peer, path, seconds.parse()?),
        ["exchange", peer] => exchange(peer),
        ["refused", peer] => match TcpStream::connect(peer) {
            Err(_) => Ok(()),
            Ok(_) => anyhow::bail!("{peer} took the connection"),
        },
        ["datagram", peer] => datagram(peer),
        ["storm", count] => storm(count.parse()?),
        ["open", path] => {
            fs::OpenOptions::new().write(true).open(path)?;
            Ok(())
        }
        ["reopen", path, count] => reopen(path, count.parse()?),
        ["reconnect", peer, count] => (0..count.parse::<u32>()?).try_for_each(|_| reconnect(peer)),
        ["reconnect", peer, count, seconds] => {
            let until = Instant::now() + Duration::from_secs(seconds.parse()?);
            let mut made = 0;
            while made < count.parse::<u32>()? && Instant::now() < until {
                reconnect(peer)?;
                made += 1;
            }
            println!("{made}");
            Ok(())
        }
        ["files", directory] => files(directory),
        ["swap", one, other] => swap(one, other),
        ["spin", seconds] => {
            work::spin(Duration::from_secs(seconds.parse()?));
            Ok(())
        }
        ["crowd", threads, seconds] => {
            let (threads, time) = (threads.parse::<u32>()?, Duration::from_secs(seconds.parse()?));
            thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(|| work::spin(time)))));
            Ok(())
        }
        ["give-way", seconds, milliseconds] => {
            let work = Duration::from_millis(milliseconds.parse()?);
            work::give_way(Duration::from_secs(seconds.parse()?), work);
            Ok(())
        }
        ["gated", peer, cycles] => Ok(work::gated(peer, None, cycles.parse()?)?),
        ["gated", peer, cycles, other] => Ok(work::gated(peer, Some(other), cycles.parse()?)?),
        ["mine", peer, beats, seconds] => mining::mine(peer, beats, Duration::from_secs(seconds.parse()?)),
        ["multiply", depth, seconds] => {
            mining::multiply(depth.parse()?, Duration::from_secs(seconds.parse()?))
        }
        ["mine-and-multiply", peer, beats, depth, seconds] => {
            let time = Duration::from_secs(seconds.parse()?);
            let depth = depth.parse()?;
            thread::scope(|scope| {
                scope.spawn(|| mining::multiply(depth, time));
                mining::mine(peer, beats, time)
            })
        }
        ["jobs", file] => jobs(file),
        ["shy", seconds] => Ok(work::shy(Duration::from_secs(seconds.parse()?))?),
        _ => anyhow::bail!("usage:\n{USAGE}"),
    }
}

/// Connects and waits until the peer closes. A client that does not wait would fill the accept queue of the peer, and
/// then wait a second before its next attempt.
fn reconnect(peer: &str) -> anyhow::Result<()> {
    Ok(TcpStream::connect(peer)?.read_exact(&mut [0]).or_else(is_the_end)?)
}

/// Ignores the error of a connection that the peer closed.
fn is_the_end(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Ok(()),
        _ => Err(error),
    }
}

fn infect(peer: &str, path: &str, seconds: u64) -> anyhow::Result<()> {
    let connection = TcpStream::connect(peer)?;
    fs::write(path, "# written by minerwatch's test simulator\n")?;
    thread::sleep(Duration::from_secs(seconds));
    drop(connection);
    Ok(())
}

fn exchange(peer: &str) -> anyhow::Result<()> {
    let mut connection = TcpStream::connect(peer)?;
    connection.write_all(b"hello")?;
    connection.shutdown(std::net::Shutdown::Write)?;
    connection.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn datagram(peer: &str) -> anyhow::Result<()> {
    let peer = peer.to_socket_addrs()?.next().ok_or_else(|| anyhow::anyhow!("no address"))?;
    let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let connected = UdpSocket::bind(any)?;
    connected.connect(peer)?;
    connected.send(b"four")?;
    UdpSocket::bind(any)?.send_to(b"four", peer)?;
    Ok(())
}

fn storm(count: u32) -> anyhow::Result<()> {
    for _ in 0..count {
        Command::new("/bin/true").status()?;
    }
    Ok(())
}

/// Opens files for writing, no file twice in one process: the sensor reports a file that a process opens repeatedly only
/// once per second. After each round of all files, another process goes on.
fn reopen(path: &str, count: u32) -> anyhow::Result<()> {
    const FILES: u32 = 16_384;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    for number in 0..count.min(FILES) {
        options.open(format!("{path}-{number}"))?;
    }
    let rest = count.saturating_sub(FILES);
    if rest > 0 {
        let next = Command::new(env::current_exe()?).args(["reopen", path, &rest.to_string()]).status()?;
        anyhow::ensure!(next.success(), "the next round of {path}: {next}");
    }
    Ok(())
}

/// Runs the lines of a file in shells, as a service, a scheduler or a login service does. The name of this executable
/// is the name of the service.
fn jobs(file: &str) -> anyhow::Result<()> {
    for job in fs::read_to_string(file)?.lines() {
        Command::new("/bin/sh").args(["-c", job]).status()?;
    }
    Ok(())
}

fn files(directory: &str) -> anyhow::Result<()> {
    let first = format!("{directory}/first");
    fs::write(&first, "x")?;
    fs::OpenOptions::new().append(true).open(&first)?.write_all(b"y")?;
    fs::read(&first)?;
    env::set_current_dir(directory)?;
    fs::rename("first", "./second")?;
    fs::write("other", "z")?;
    for _ in 0..2 {
        swap("./other", "second")?;
    }
    fs::remove_file("other")?;
    fs::hard_link("second", "third")?;
    std::os::unix::fs::symlink("../nowhere", "fourth")?;
    let refused = [fs::hard_link("second", "third"), std::os::unix::fs::symlink("other", "fourth")];
    anyhow::ensure!(refused.iter().all(Result::is_err), "a link replaced another");
    for link in ["third", "fourth"] {
        fs::remove_file(link)?;
    }
    Command::new("chmod").args(["750", "second"]).status()?;
    fs::remove_file(format!("{directory}/../{}/second", last_component(directory)))?;
    Ok(())
}

fn swap(one: &str, other: &str) -> anyhow::Result<()> {
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

fn last_component(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
