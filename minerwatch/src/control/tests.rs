//! Tests of client and server together, over a real socket.

use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::*;
use crate::model::KindSet;

const GRACE: Duration = Duration::from_secs(5);

struct Fixture {
    directory: tempfile::TempDir,
    server: ControlServer,
    requests: mpsc::Receiver<PipelineRequest>,
}

fn path(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("run/control.sock")
}

fn start() -> Fixture {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, requests) = ControlServer::bind(&path(&directory)).expect("nobody else is there");
    Fixture { directory, server, requests }
}

async fn tail(fixture: &Fixture, request: TailRequest) -> Lines {
    let before = fixture.server.counters().subscribers;
    let client = ControlClient::connect(path(&fixture.directory)).await.expect("it listens");
    let lines = client.tail(request).await.expect("sent");
    while fixture.server.counters().subscribers == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    lines
}

fn line(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn a_stream_has_the_lines_that_were_asked_for() {
    let fixture = start();
    let request = TailRequest { kinds: KindSet::NONE.with(EventKind::Exec), pid: Some(7), alerts: false };
    let mut lines = tail(&fixture, request).await;
    assert!(fixture.server.wants_event(EventKind::Exec, 7));
    assert!(
        !fixture.server.wants_event(EventKind::Exit, 7) && !fixture.server.wants_event(EventKind::Exec, 8)
    );
    fixture.server.publish_event(&line("{\"n\":1}\n"), EventKind::Exec, 7);
    fixture.server.publish_event(&line("{\"n\":2}\n"), EventKind::Exec, 8);
    fixture.server.publish_event(&line("{\"n\":3}\n"), EventKind::Exit, 7);
    fixture.server.publish_alert(&line("{\"n\":4}\n"), 7);
    assert_eq!(lines.next().await.expect("read"), Some("{\"n\":1}"));
    assert_eq!(lines.next().await.expect("read"), Some("{\"n\":4}"));
    fixture.server.shutdown(GRACE).await;
    assert_eq!(lines.next().await.expect("read"), None);
}

#[tokio::test]
async fn a_reader_that_leaves_is_removed() {
    let fixture = start();
    let lines = tail(&fixture, TailRequest::default()).await;
    assert!(fixture.server.subscribers.wants(None, 1));
    drop(lines);
    while fixture.server.subscribers.wants(None, 1) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(fixture.server.counters().subscribers, 0);
}

#[tokio::test]
async fn queued_lines_are_delivered_at_the_end_and_the_socket_is_removed() {
    let fixture = start();
    let mut lines = tail(&fixture, TailRequest::default()).await;
    for _ in 0..1000 {
        fixture.server.publish_alert(&line("{}\n"), 1);
    }
    let socket = path(&fixture.directory);
    fixture.server.shutdown(GRACE).await;
    let mut count = 0;
    while lines.next().await.expect("read").is_some() {
        count += 1;
    }
    assert_eq!(count, 1000);
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_reader_that_reads_nothing_does_not_hold_up_the_end() {
    let fixture = start();
    let _stuck = tail(&fixture, TailRequest::default()).await;
    let long = Bytes::from(format!("{}\n", "x".repeat(1 << 20)));
    for _ in 0..8 {
        fixture.server.publish_alert(&long, 1);
    }
    assert_eq!(fixture.server.counters().lost, 5);
    let begun = std::time::Instant::now();
    fixture.server.shutdown(Duration::from_millis(50)).await;
    assert!(begun.elapsed() < GRACE);
}

#[tokio::test]
async fn the_pipeline_answers_the_status() {
    let mut fixture = start();
    let socket = path(&fixture.directory);
    let asked =
        tokio::spawn(async move { ControlClient::connect(socket).await.expect("it listens").status().await });
    fixture.requests.recv().await.expect("asked").answer("{\"fine\":true}".to_owned());
    assert_eq!(asked.await.expect("ran").expect("answered"), "{\"fine\":true}");
    drop(fixture.requests);
    let client = ControlClient::connect(path(&fixture.directory)).await.expect("it listens");
    let refusal = client.status().await.expect_err("nobody answers");
    assert_eq!(refusal.to_string(), "the daemon is ending");
}

#[tokio::test]
async fn a_damaged_request_gets_an_error_and_ends() {
    let fixture = start();
    for request in ["tail\n", "\n", "{\"command\":\"stop\"}\n", &format!("{}\n", "[".repeat(8192))] {
        let mut stream = UnixStream::connect(path(&fixture.directory)).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // The connection may be reset after the answer, because the server did not read the bytes beyond the limit.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("{\"error\":\"this is not a request"), "{request:.20}: {answer}");
    }
}

#[tokio::test]
async fn one_daemon_at_a_time() {
    let fixture = start();
    let socket = path(&fixture.directory);
    let mode = std::fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let error = ControlServer::bind(&socket).expect_err("somebody is there");
    assert!(matches!(error, BindError::Busy { .. }), "{error}");
    assert!(error.to_string().contains("already running"));
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_nothing_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("bind"));
    assert!(matches!(ControlClient::connect(&socket).await, Err(ConnectError::NotRunning(_))));
    let (server, _requests) = ControlServer::bind(&socket).expect("stale");
    server.shutdown(GRACE).await;
    std::fs::write(&socket, "not a socket").expect("write");
    let error = ControlServer::bind(&socket).expect_err("a file");
    assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
    assert!(socket.exists());
}
