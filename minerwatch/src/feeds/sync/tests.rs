//! Tests of fetches from directories, and from servers on loopback with prepared answers.

use std::{
    io::{BufRead, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// Starts a server on loopback that accepts one request per answer. The thread returns the heads of the requests.
fn serve(answers: Vec<String>) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = head(&mut BufReader::new(&stream));
                stream.write_all(answer.as_bytes()).unwrap();
                request
            })
            .collect()
    });
    (address, server)
}

fn head(input: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && input.read_line(&mut head).is_ok_and(|read| read > 0) {}
    head
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn request(url: &str) -> Request<'_> {
    Request { url, etag: None, modified: None, ca_file: None, headers_file: None, limit: 1_000 }
}

fn get(request: &Request<'_>) -> (Result<Answer, String>, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("body");
    let mut file = File::create(&path).unwrap();
    let answer = http::get(request, &mut file).map_err(|error| format!("{error:#}"));
    (answer, fs::read_to_string(path).unwrap())
}

#[test]
fn versions_headers_and_refusals() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    fs::write(&key, "# of OTX\nX-OTX-API-KEY: secret\n").unwrap();
    let (address, server) = serve(vec![
        answer("200 OK", "ETag: \"v1\"\r\nLast-Modified: Wed, 25 Nov 2026 00:00:00 GMT\r\n", "a.example\n"),
        "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_owned(),
        answer("302 Found", "Location: http://192.0.2.1/elsewhere\r\n", ""),
        answer("404 Not Found", "", "<html>"),
        answer("200 OK", "", &"x".repeat(1_001)),
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\ncut off".to_owned(),
        "SSH-2.0-OpenSSH\r\n".to_owned(),
    ]);
    let url = format!("http://{address}/list.txt");
    let modified = "Wed, 25 Nov 2026 00:00:00 GMT";
    let first = get(&Request { headers_file: Some(&key), ..request(&url) });
    let new = Answer::Changed { etag: Some("\"v1\"".to_owned()), modified: Some(modified.to_owned()) };
    assert_eq!(first, (Ok(new), "a.example\n".to_owned()));
    let again = get(&Request { etag: Some("\"v1\""), modified: Some(modified), ..request(&url) });
    assert_eq!(again, (Ok(Answer::Unchanged), String::new()));
    for part in [
        "redirects to http://192.0.2.1/elsewhere, which is not followed",
        "answers 404",
        "receiving",
        "receiving",
        "list.txt",
    ] {
        let error = get(&request(&url)).0.expect_err(part);
        assert!(error.contains(part), "{part}: {error}");
    }
    let requests = server.join().unwrap();
    assert!(requests[0].starts_with("GET /list.txt HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("x-otx-api-key: secret\r\n"), "{}", requests[0]);
    assert!(requests[0].contains(concat!("user-agent: minerwatch/", env!("CARGO_PKG_VERSION"))));
    assert!(!requests[0].contains("if-none-match"));
    assert!(requests[1].contains("if-none-match: \"v1\"\r\n"), "{}", requests[1]);
    assert!(requests[1].contains(&format!("if-modified-since: {modified}\r\n")));
    let nobody = get(&request(&url)).0.expect_err("the server is gone");
    assert!(nobody.contains("refused"), "{nobody}");
}

#[test]
fn only_a_server_with_the_right_certificate_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&ca_file, cert.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], signing_key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(session, stream));
            if head(&mut stream).is_empty() {
                continue;
            }
            stream.get_mut().write_all(answer("200 OK", "", "a.example\n").as_bytes()).unwrap();
            stream.get_mut().conn.send_close_notify();
            stream.get_mut().flush().unwrap();
        }
    });
    let url = format!("https://localhost:{port}/");
    let (trusted, body) = get(&Request { ca_file: Some(&ca_file), ..request(&url) });
    assert_eq!((trusted, body.as_str()), (Ok(Answer::Changed { etag: None, modified: None }), "a.example\n"));
    // Neither a file without certificates nor the system's certificates verify this server.
    let other = directory.path().join("system.pem");
    fs::write(&other, "nothing").unwrap();
    let error = get(&Request { ca_file: Some(&other), ..request(&url) }).0.expect_err("no certificate");
    assert!(error.contains("holds no certificate"), "{error}");
    if Path::new("/etc/ssl/certs/ca-certificates.crt").is_file() {
        let error = get(&request(&url)).0.expect_err("unknown issuer");
        assert!(error.contains("certificate"), "{error}");
    } else {
        let _ = std::net::TcpStream::connect(("127.0.0.1", port));
    }
    server.join().unwrap();
}

fn sync(name: &str, from: SyncSource) -> ListSync {
    ListSync::new(name.to_owned(), from, SyncList::Threats)
}

#[test]
fn a_directory_is_copied_and_removed_files_are_removed() {
    let scratch = tempfile::tempdir().unwrap();
    let (state, share) = (scratch.path().join("state"), scratch.path().join("share"));
    fs::create_dir(&share).unwrap();
    fs::write(share.join("a.txt"), "a.example\n").unwrap();
    fs::write(share.join("b.json"), "[\"b.example\"]").unwrap();
    let share_sync = sync("share", SyncSource::Path(share.clone()));
    prepare(&state, std::slice::from_ref(&share_sync));
    let mut worker = Worker::new(state.clone(), vec![share_sync.clone()]);
    let kept = || {
        let mut names: Vec<String> = fs::read_dir(state.join("intel/threats"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert!(worker.try_fetch(&share_sync, 1_000).unwrap());
    assert_eq!(kept(), ["share.a.txt", "share.b.json"]);
    assert!(!worker.try_fetch(&share_sync, 1_001).unwrap(), "nothing is new");
    assert_eq!((worker.due(&share_sync, 1_001), worker.due(&share_sync, 10)), (4_601, 10));

    fs::remove_file(share.join("b.json")).unwrap();
    assert!(worker.try_fetch(&share_sync, 1_002).unwrap());
    assert_eq!(kept(), ["share.a.txt"]);
    fs::write(share.join("a.txt"), "<html>\n<p>\n").unwrap();
    fs::write(share.join("c.txt"), "c.example\n").unwrap();
    let error = worker.try_fetch(&share_sync, 1_003).expect_err("not a list");
    assert!(format!("{error:#}").contains("the fetched file is not a list"), "{error:#}");
    assert_eq!(kept(), ["share.a.txt", "share.c.txt"], "one bad file does not hold up the others");
    fs::remove_dir_all(&share).unwrap();
    worker.fetch(&share_sync, 1_004);
    assert_eq!(kept(), ["share.a.txt", "share.c.txt"], "the mount is gone, the list is not");
    assert_eq!(worker.due(&share_sync, 1_004), 1_304);
    let text = fs::read_to_string(state.join("intel/threats/share.a.txt")).unwrap();
    assert_eq!(text, "a.example\n");
    prepare(&state, &[]);
    assert!(kept().is_empty(), "no longer configured");
}

#[test]
fn a_url_is_fetched_once_for_each_version() {
    let scratch = tempfile::tempdir().unwrap();
    let state = scratch.path().to_owned();
    let (address, server) = serve(vec![
        answer("200 OK", "ETag: \"v1\"\r\n", "a.example\n"),
        "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_owned(),
        answer("200 OK", "ETag: \"v2\"\r\n", "<html>\n<p>sorry\n"),
        answer("200 OK", "", ""),
        answer("200 OK", "ETag: \"v2\"\r\n", "b.example\n"),
    ]);
    let feed = sync("feed", SyncSource::Url(format!("http://{address}/")));
    prepare(&state, std::slice::from_ref(&feed));
    let config = Config {
        intel: crate::config::Intel { sync: vec![feed.clone()], ..Default::default() },
        state: crate::config::State { directory: state.clone() },
        ..Config::default()
    };
    let text = || fs::read_to_string(state.join("intel/threats/feed")).unwrap();
    assert!(Worker::new(state.clone(), Vec::new()).try_fetch(&feed, 1_000).unwrap());
    assert_eq!(text(), "a.example\n");
    let mut worker = Worker::new(state.clone(), Vec::new());
    assert_eq!(worker.due(&feed, 2_000), 4_600, "the time is kept over a restart");
    assert!(!worker.try_fetch(&feed, 2_000).unwrap());
    assert!(worker.try_fetch(&feed, 3_000).is_err());
    assert!(worker.try_fetch(&feed, 3_001).is_err());
    assert_eq!(text(), "a.example\n", "neither an error page nor an empty file is a list");
    assert!(worker.try_fetch(&feed, 4_000).unwrap());
    assert_eq!(text(), "b.example\n");
    let requests = server.join().unwrap();
    let conditional: Vec<bool> =
        requests.iter().map(|request| request.contains("if-none-match: \"v1\"")).collect();
    assert_eq!(conditional, [false, true, true, true, true]);
    let loaded = crate::feeds::load(&synced::with_synced(&config), 0, None);
    assert!(loaded.indicators.domain("b.example").is_some());
    let moved = ListSync { from: SyncSource::Url(format!("http://{address}/other")), ..feed };
    assert_eq!(worker.due(&moved, 4_001), 4_001, "from another place it is another list");
}
