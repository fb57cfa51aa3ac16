//! The client against a server.

use std::{fs, time::Duration};

use super::{
    testing::{Answer, Fault, Server},
    *,
};
use crate::output::{SendError, ShippingKeys};

fn url(server: &Server) -> HttpUrl {
    HttpUrl::try_from(server.url()).unwrap()
}

fn client(toml: &str) -> Client {
    let keys: ConnectionKeys = toml::from_str(toml).unwrap();
    let shipping = ShippingKeys { timeout_s: 1, ..ShippingKeys::default() };
    Client::new(&keys, Authorization::None, Encoding::Plain, &shipping)
}

#[test]
fn an_answer_that_is_too_long_or_breaks_off_keeps_its_status() {
    let server = Server::start(|_| Answer::new(400, "x".repeat(1 << 20)));
    let url = url(&server);
    let mut client = client("");
    let reply = client.send(&url, &Request::post(url.as_str(), "text/plain", b"body")).unwrap();
    assert_eq!((reply.status.as_u16(), reply.body.len()), (400, 64 << 10));
    server.add_faults([Fault::BreaksOff]);
    let reply = client.send(&url, &Request::post(url.as_str(), "text/plain", b"body")).unwrap();
    assert_eq!(reply.status.as_u16(), 400);
}

#[test]
fn a_server_that_does_not_answer_in_time_is_unreachable() {
    let server = Server::start(|_| Answer::new(200, ""));
    let url = url(&server);
    let mut client = client("");
    let request = Request::post(url.as_str(), "text/plain", b"body");
    assert!(client.send(&url, &request).is_ok());
    server.add_faults([Fault::IsSlow(Duration::from_secs(3))]);
    let start = std::time::Instant::now();
    let error = client.send(&url, &request).unwrap_err();
    assert_eq!(error, SendError::Unreachable(format!("{url}: no answer in time")));
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(client.send(&url, &request).is_ok(), "a new connection works");
}

#[test]
fn header_fields_are_read_before_each_request_and_replace_ours() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headers");
    let server = Server::start(|_| Answer::new(200, ""));
    let url = url(&server);
    let mut client = client(&format!("headers_file = '{}'", path.display()));
    let name = ureq::http::HeaderName::from_static("x-scope-orgid");
    let own = [(name, ureq::http::HeaderValue::from_static("ours"))];
    let request = Request { headers: &own, ..Request::post(url.as_str(), "text/plain", b"body") };
    let error = client.send(&url, &request).unwrap_err();
    assert!(matches!(&error, SendError::Denied(words) if words.contains("headers")), "{error}");
    for content in ["X-Other: 1", "X-Scope-OrgID: theirs\nContent-Type: text/other"] {
        fs::write(&path, content).unwrap();
        client.send(&url, &request).unwrap();
    }
    let received = server.received();
    let of = |index: usize, name| received[index].header(name);
    assert_eq!((of(0, "x-other"), of(0, "x-scope-orgid")), (Some("1"), Some("ours")));
    assert_eq!((of(1, "x-other"), of(1, "x-scope-orgid")), (None, Some("theirs")));
    assert_eq!((of(1, "content-encoding"), of(1, "content-length")), (None, Some("4")));
    assert_eq!(received[1].length, 4);
    let types = received[1].headers.iter().filter(|(name, _)| name == "content-type");
    assert_eq!(types.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["text/other"]);
}

#[test]
fn a_proxy_over_tls_that_does_not_answer_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    testing::Tls::with_client_certificates(directory.path());
    let ca = directory.path().join("ca.pem");
    let mut client = client(&format!("proxy = 'https://{proxy}'\nca_file = '{}'", ca.display()));
    let url = HttpUrl::try_from("http://siem.example".to_owned()).unwrap();
    let error = client.send(&url, &Request::post(url.as_str(), "text/plain", b"body")).unwrap_err();
    assert_eq!(error, SendError::Unreachable(format!("{url}: no answer in time")));
}

#[test]
fn requests_go_through_a_proxy() {
    // A proxy for http:// gets CONNECT, and then carries bytes.
    let server = Server::start(|_| Answer::new(200, "taken"));
    let target = server.url().trim_start_matches("http://").to_owned();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let carried = std::thread::spawn(move || {
        use std::io::{BufRead as _, Write as _};
        let (client, _) = listener.accept().unwrap();
        let mut reader = std::io::BufReader::new(client.try_clone().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        let server = std::net::TcpStream::connect(target).unwrap();
        (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut reader, &mut &server);
        let _ = server.shutdown(std::net::Shutdown::Both);
        first
    });
    let url = url(&server);
    let mut client = client(&format!("proxy = 'http://{proxy}'"));
    let reply = client.send(&url, &Request::post(url.as_str(), "text/plain", b"body")).unwrap();
    assert_eq!(reply.body, b"taken");
    drop(client);
    let first = carried.join().unwrap();
    assert!(first.starts_with("CONNECT 127.0.0.1:"), "{first}");
}
