//! Talks to a pool as a miner does, without any hashing.

use std::{
    fs::OpenOptions,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// What a miner says first. The account is made up.
const LOGIN: &[u8] = b"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"\
48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD\",\
\"pass\":\"x\",\"agent\":\"XMRig/6.21.0\"}}\n";

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(20);
/// Most processes that [`multiply`] makes at once.
const MOST: u32 = 7;

/// Logs in at a pool, again whenever the connection ends, and writes a line to `beats` all the time: `up` while it is
/// connected, else `down`.
pub fn mine(peer: &str, beats: &str, time: Duration) -> anyhow::Result<()> {
    let mut beats = OpenOptions::new().create(true).append(true).open(beats)?;
    let peer: std::net::SocketAddr = peer.parse()?;
    let mut connection: Option<TcpStream> = None;
    let until = Instant::now() + time;
    while Instant::now() < until {
        if connection.is_none() {
            connection = login(peer).ok();
        }
        let is_up = connection.as_mut().is_some_and(is_open);
        if !is_up {
            connection = None;
        }
        beats.write_all(if is_up { b"up\n" } else { b"down\n" })?;
        thread::sleep(BEAT);
    }
    Ok(())
}

fn login(peer: std::net::SocketAddr) -> std::io::Result<TcpStream> {
    let mut connection = TcpStream::connect_timeout(&peer, Duration::from_secs(1))?;
    connection.write_all(LOGIN)?;
    connection.set_read_timeout(Some(Duration::from_secs(1)))?;
    connection.read_exact(&mut [0])?;
    connection.set_nonblocking(true)?;
    Ok(connection)
}

/// Takes what the pool says, and returns whether the connection is still open.
fn is_open(connection: &mut TcpStream) -> bool {
    loop {
        match connection.read(&mut [0; 4096]) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

/// A bounded fork bomb: each process starts two others, `depth` times over, and starts them again when they end. At most
/// 2^(depth + 1) - 1 processes live at once.
pub fn multiply(depth: u32, time: Duration) -> anyhow::Result<()> {
    anyhow::ensure!(depth < MOST, "the depth {depth} would be too many processes");
    let until = Instant::now() + time;
    let own = std::env::current_exe()?;
    while Instant::now() < until {
        if depth == 0 {
            // The leaves end soon, so that new ones are started all the time.
            thread::sleep(BEAT);
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now()).as_secs().to_string();
        let mut children: Vec<_> = (0..2)
            .filter_map(|_| {
                Command::new(&own).args(["multiply", &(depth - 1).to_string(), &left]).spawn().ok()
            })
            .collect();
        for child in &mut children {
            child.wait()?;
        }
    }
    Ok(())
}
