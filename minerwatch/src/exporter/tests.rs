//! Tests with real sockets.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Exporter, Service, Source, listener::Listener, source::Reply};
use crate::{config::ListenAddress, metrics::Metrics};

/// A server in a thread, whose event loop can stop to answer.
struct Server {
    address: SocketAddr,
    answers: Arc<AtomicBool>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket");
        let answers = Arc::new(AtomicBool::new(true));
        let loop_answers = Arc::clone(&answers);
        // A request that is kept is one that the event loop never answers.
        let kept = std::sync::Mutex::new(Vec::new());
        let ask = move |reply: Reply| {
            if loop_answers.load(Ordering::Relaxed) {
                let _ = reply.send(Box::new(Metrics { uptime_seconds: 77, ..Metrics::default() }));
            } else {
                kept.lock().expect("not poisoned").push(reply);
            }
            true
        };
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let source = Source::new(ask).with_patience(Duration::from_millis(200));
            let service = Service::new(source).with_timeout(Duration::from_secs(2));
            runtime.block_on(Listener::Tcp(listener).serve(service)).expect("it serves");
        });
        Self { address, answers }
    }

    fn get(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    fn metrics(&self) -> String {
        self.get("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    }
}

#[test]
fn an_answer_has_its_length_and_its_type() {
    let server = Server::start();
    let answer = server.metrics();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert!(body.contains("\nminerwatch_uptime_seconds 77\n"), "{body}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    let without_body = server.get("HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(without_body.ends_with("\r\n\r\n"), "{without_body}");
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", "200"),
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("DELETE /metrics HTTP/1.1\r\n\r\n", "405"),
        ("hello\r\n\r\n", "400"),
    ] {
        let answer = server.get(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[test]
fn a_stuck_event_loop_gives_the_last_metrics_with_their_age() {
    let server = Server::start();
    server.answers.store(false, Ordering::Relaxed);
    assert!(server.metrics().starts_with("HTTP/1.1 503 "), "there are none yet");
    server.answers.store(true, Ordering::Relaxed);
    assert!(server.metrics().contains("\nminerwatch_snapshot_age_seconds 0.0\n"));
    server.answers.store(false, Ordering::Relaxed);
    let answer = server.metrics();
    let age = answer
        .lines()
        .find_map(|line| line.strip_prefix("minerwatch_snapshot_age_seconds "))
        .and_then(|age| age.parse::<f64>().ok())
        .expect("an age");
    assert!((0.15..10.0).contains(&age), "{age}");
    assert!(answer.contains("\nminerwatch_uptime_seconds 77\n"));
    assert!(server.get("GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503 "));
}

#[test]
fn slow_clients_hurt_nobody() {
    let server = Server::start();
    // As many connections as are allowed, of clients that send a part of a request and then nothing.
    let slow: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).expect("it listens");
            stream.write_all(b"GET /metr").expect("it reads");
            stream
        })
        .collect();
    let begin = Instant::now();
    assert!(server.metrics().starts_with("HTTP/1.1 200 "), "it waits until the first ones time out");
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    drop(slow);
    // A client that never stops to send headers.
    let endless = server.get(&format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(8 << 10)));
    assert!(endless.starts_with("HTTP/1.1 400 "), "{endless}");
}

#[test]
fn a_unix_socket_belongs_to_the_daemon_and_its_group() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.sock");
    let address = ListenAddress::Unix(path.clone());
    let exporter = Exporter::bind(&address).expect("it can be created");
    let error = format!("{:#}", Exporter::bind(&address).expect_err("it is in use"));
    assert!(error.contains("metrics.listen"), "{error}");
    let socket = exporter
        .start(|reply: Reply| reply.send(Box::default()).is_ok())
        .expect("a thread can be started")
        .expect("a socket");
    assert_eq!(std::fs::metadata(&path).expect("it exists").permissions().mode() & 0o777, 0o660);
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn an_address_in_use_is_an_error_with_a_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = ListenAddress::Tcp(taken.local_addr().expect("an address"));
    let error = format!("{:#}", Exporter::bind(&address).expect_err("it is in use"));
    assert!(error.contains("metrics.listen") && error.contains("in use"), "{error}");
}
