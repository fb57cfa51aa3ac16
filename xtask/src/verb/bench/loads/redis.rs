//! Redis, with connections that are kept and with one for each command.

use anyhow::{Context, Result, ensure};

use super::super::stage::{self, Server, Stage};
use super::kinds::Load;

/// The server and its clients.
pub const PROGRAMS: [&str; 3] = ["redis-server", "redis-benchmark", "redis-cli"];
/// The number of connections that are open at once.
const CLIENTS: &str = "20";
/// The commands that are measured, each for half of the amount.
const COMMANDS: [&str; 2] = ["SET", "GET"];

/// Sends commands over connections that are kept.
pub fn keep_alive(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    start(stage, "1")
}

/// Sends each command over a connection of its own.
pub fn connections(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    start(stage, "0")
}

fn start<'a>(stage: &'a Stage, keep: &'static str) -> Result<Box<dyn Load + 'a>> {
    let directory = stage.directory("redis")?;
    let port = stage::free_port()?.to_string();
    let mut server = stage.command("redis-server")?;
    server.args([
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--daemonize",
        "no",
        "--save",
        "",
        "--appendonly",
        "no",
    ]);
    server.arg("--dir").arg(&directory);
    // redis-benchmark waits for ever where nothing listens.
    let ping = || stage.run("redis-cli", &["-h", "127.0.0.1", "-p", &port, "ping"]);
    let server =
        Server::start("redis-server", server, || ping().is_ok_and(|(said, _)| said.trim() == "PONG"))?;
    Ok(Box::new(move |amount: u32| {
        let _server = &server;
        let each = (amount / 2).max(1);
        let number = each.to_string();
        let place = ["-h", "127.0.0.1", "-p", &port];
        let what = ["-n", &number, "-c", CLIENTS, "-k", keep, "-t", "set,get", "--csv"];
        seconds(&stage.run("redis-benchmark", &[&place[..], &what].concat())?.0, each)
    }))
}

/// Reads the time for `each` of every command from the output of redis-benchmark as CSV: `"SET","81234.50",…`.
fn seconds(output: &str, each: u32) -> Result<f64> {
    let mut total = 0.0;
    for command in COMMANDS {
        let line = output.lines().find_map(|line| line.strip_prefix(&format!("\"{command}\",\"")));
        let rate = line.and_then(|line| line.split('"').next()?.parse::<f64>().ok());
        let rate = rate.with_context(|| format!("redis-benchmark told no rate of {command}"))?;
        ensure!(rate > 0.0, "redis-benchmark told a rate of 0 for {command}");
        total += f64::from(each) / rate;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_from_redis_benchmark() {
        let new = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"50000.00\",\"0.1\"\n\"GET\",\"100000.00\",\"0.1\"\n";
        assert_eq!(seconds(new, 100_000).ok(), Some(3.0));
        // Before Redis 6.2 there is no head, and no further field.
        assert_eq!(seconds("\"SET\",\"50000.00\"\n\"GET\",\"50000.00\"\n", 100_000).ok(), Some(4.0));
        for bad in [
            "",
            "\"SET\",\"50000.00\"\n",
            "\"SET\",\"0.00\"\n\"GET\",\"1\"\n",
            "\"SET\",\"x\"\n\"GET\",\"1\"\n",
        ] {
            assert!(seconds(bad, 1).is_err(), "{bad:?}");
        }
    }
}
