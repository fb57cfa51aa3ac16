//! nginx, with a connection for many requests and with one for each.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::super::stage::{self, Server, Stage};
use super::kinds::Load;

/// The server and its client.
pub const PROGRAMS: [&str; 2] = ["nginx", "ab"];
/// The number of connections that are open at once.
const CLIENTS: u32 = 20;
/// The size of the page, in bytes.
const PAGE: usize = 612;

/// Serves requests over connections that are kept.
pub fn keep_alive(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    start(stage, true)
}

/// Serves each request over a connection of its own.
pub fn connections(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    start(stage, false)
}

fn start(stage: &Stage, keep_alive: bool) -> Result<Box<dyn Load + '_>> {
    let directory = stage.directory("nginx")?;
    let port = stage::free_port()?;
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write("index.html", &"x".repeat(PAGE))?;
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: Vec<_> = temporary.iter().map(|what| format!("{what}_temp_path {what};\n")).collect();
    let configuration = format!(
        "daemon off;\nworker_processes auto;\npid nginx.pid;\nerror_log error.log;\n\
         events {{ worker_connections 512; }}\n\
         http {{\naccess_log off;\nkeepalive_requests 1000000;\n{}\
         server {{ listen 127.0.0.1:{port}; location / {{ root .; }} }}\n}}\n",
        temporary.concat()
    )
    .replace("root .;", &format!("root {:?};", directory.display().to_string()));
    write("nginx.conf", &configuration)?;
    let mut server = stage.command("nginx")?;
    server.arg("-p").arg(&directory).args(["-c", "nginx.conf", "-e", "error.log"]);
    let url = format!("http://127.0.0.1:{port}/index.html");
    let server = Server::start("nginx", server, || stage.run("ab", &["-q", "-n", "1", &url]).is_ok())?;
    Ok(Box::new(move |amount: u32| {
        // The server runs for as long as the load exists.
        let _server = &server;
        let (amount, clients) = (amount.to_string(), CLIENTS.to_string());
        let mut arguments = vec!["-q", "-n", &amount, "-c", &clients];
        if keep_alive {
            arguments.push("-k");
        }
        arguments.push(&url);
        seconds(&stage.run("ab", &arguments)?.0)
    }))
}

/// Reads the time from the output of ab. A request that failed is an error.
fn seconds(output: &str) -> Result<f64> {
    let field = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line?.split_whitespace().next()?.parse::<f64>().ok()
    };
    let failed = field("Failed requests").context("ab did not tell how many requests failed")?;
    ensure!(failed == 0.0 && field("Non-2xx responses").is_none(), "some requests failed");
    field("Time taken for tests").context("ab did not tell its time")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "Server Software:        nginx/1.22.1\n\nConcurrency Level:      20\n\
        Time taken for tests:   1.250 seconds\nComplete requests:      20000\nFailed requests:        0\n\
        Requests per second:    16000.00 [#/sec] (mean)\n";

    #[test]
    fn the_time_is_read_from_ab() {
        assert_eq!(seconds(OUTPUT).ok(), Some(1.25));
        let failed = OUTPUT.replace("Failed requests:        0", "Failed requests:        3");
        assert!(seconds(&failed).is_err());
        assert!(seconds(&format!("{OUTPUT}Non-2xx responses:      20000\n")).is_err());
        assert!(seconds("").is_err());
    }
}
