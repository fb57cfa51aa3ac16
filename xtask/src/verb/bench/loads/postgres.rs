//! PostgreSQL with pgbench's own transactions, without waiting for the disk.

use anyhow::{Context, Result, ensure};

use super::super::stage::{self, Server, Stage};
use super::kinds::Load;

/// The server and its client.
pub const PROGRAMS: [&str; 2] = ["initdb", "pgbench"];
/// The number of connections.
const CLIENTS: u32 = 4;
/// Settings that leave the disk out of the measurement. The data is thrown away.
const SETTINGS: [&str; 4] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"];

/// Runs transactions of pgbench: three updates, a query and an insert each.
pub fn start(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    ensure!(
        stage.is_unprivileged(),
        "PostgreSQL refuses to run as root, and no other user reaches the target directory"
    );
    let directory = stage.directory("postgres")?;
    let data = directory.join("data").display().to_string();
    stage.run("initdb", &["-D", &data, "-A", "trust", "-U", "bench", "--no-sync", "-E", "UTF8"])?;
    let port = stage::free_port()?.to_string();
    let mut server = stage.command("postgres")?;
    server.args(["-D", &data, "-h", "127.0.0.1", "-p", &port, "-k", ""]);
    for setting in SETTINGS {
        server.args(["-c", setting]);
    }
    let client = move |arguments: &[&str]| {
        let fixed = ["-h", "127.0.0.1", "-p", &port, "-U", "bench"];
        let all: Vec<_> = fixed.iter().chain(arguments).chain(&["postgres"]).copied().collect();
        stage.run("pgbench", &all)
    };
    let server = Server::start("postgres", server, || client(&["-i", "-q", "-s", "1"]).is_ok())?;
    Ok(Box::new(move |amount: u32| {
        let _server = &server;
        let each = (amount / CLIENTS).max(1);
        let output = client(&["-n", "-c", &CLIENTS.to_string(), "-t", &each.to_string()])?.0;
        Ok(f64::from(each * CLIENTS) / rate(&output)?)
    }))
}

/// Reads the transactions per second from the output of pgbench: `tps = 1234.5 (without initial connection time)`.
/// Before PostgreSQL 14 there are two such lines, and the last leaves the connections out.
fn rate(output: &str) -> Result<f64> {
    let mut lines = output.lines().rev().filter_map(|line| line.strip_prefix("tps = "));
    let rate = lines.next().and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    let rate = rate.context("pgbench told no rate")?;
    ensure!(rate > 0.0, "pgbench told a rate of 0");
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_pgbench() {
        let new = "number of failed transactions: 0 (0.000%)\nlatency average = 1.2 ms\n\
            initial connection time = 5.1 ms\ntps = 3210.987 (without initial connection time)\n";
        assert_eq!(rate(new).ok(), Some(3210.987));
        let old = "tps = 3000.1 (including connections establishing)\ntps = 3100.2 (excluding connections establishing)\n";
        assert_eq!(rate(old).ok(), Some(3100.2));
        assert!(rate("tps = 0 (x)\n").is_err() && rate("").is_err());
    }
}
