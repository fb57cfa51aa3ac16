use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;

use super::*;
use crate::output::{Class, Document, SendError};

/// Maximum time for something to happen.
const LATE: Duration = Duration::from_secs(20);

fn settings(to: &str) -> SyslogSettings {
    let name = OutputName::try_from("soc".to_owned()).unwrap();
    let mut settings = SyslogSettings::new(name, Address::try_from(to.to_owned()).unwrap());
    settings.shipping.timeout_s = 1;
    settings
}

fn document(class: Class, number: usize) -> Document {
    Document { class, json: Bytes::from(format!("{{\"event\":{{\"id\":\"{number}\"}}}}")) }
}

/// What a server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Reads to the end, and closes.
    Fine,
    /// Reads to the end, and never closes.
    NeverCloses,
    /// Closes before it has read anything, so that the kernel resets the connection.
    Resets,
    /// Reads to the end and closes, and is gone then.
    Dies,
}

/// A server for octet-counted messages.
struct Server {
    address: String,
    /// What arrived on each connection.
    received: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn start(moods: &'static [Mood]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (seen, count) = (Arc::clone(&received), Arc::clone(&connections));
        thread::spawn(move || {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept() else { return };
                count.fetch_add(1, Ordering::SeqCst);
                let mood = moods.get(number).or(moods.last()).copied().unwrap();
                serve(stream, mood, &seen);
                if mood == Mood::Dies {
                    return;
                }
            }
        });
        Self { address, received, connections }
    }

    fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    fn until_received(&self, count: usize) {
        let start = std::time::Instant::now();
        while self.received().concat().matches("minerwatch").count() < count {
            assert!(start.elapsed() < LATE, "{:?}", self.received());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(mut stream: TcpStream, mood: Mood, seen: &Arc<Mutex<Vec<String>>>) {
    let index = {
        let mut seen = seen.lock().unwrap();
        seen.push(String::new());
        seen.len() - 1
    };
    if mood == Mood::Resets {
        stream.set_read_timeout(Some(LATE)).unwrap();
        let mut byte = [0];
        let _ = stream.peek(&mut byte);
        return;
    }
    let seen = Arc::clone(seen);
    let mut read = move || {
        let mut buffer = [0; 4_096];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    seen.lock().unwrap()[index].push_str(std::str::from_utf8(&buffer[..count]).unwrap());
                }
            }
        }
        if mood == Mood::NeverCloses {
            thread::sleep(LATE);
        }
    };
    if mood == Mood::Dies { read() } else { drop(thread::spawn(read)) }
}

#[test]
fn alerts_count_when_the_server_has_read_everything_and_lives() {
    let server = Server::start(&[Mood::Fine]);
    let mut sender = settings(&server.address).sender();
    let alerts: Vec<Document> = (0..3).map(|number| document(Class::Alert, number)).collect();
    let delivery = sender.send(&alerts).unwrap();
    assert_eq!((delivery.refused.len(), delivery.words.as_str()), (0, "the server has read everything"));
    let stream = server.received().concat();
    let (length, rest) = stream.split_once(' ').unwrap();
    assert!(rest.starts_with("<134>1 "), "{stream}");
    assert!(rest[length.parse::<usize>().unwrap()..].starts_with(&format!("{length} <134>1 ")), "{stream}");
    assert_eq!(stream.matches("minerwatch@").count(), 3);
    sender.send(&alerts).unwrap();
    assert_eq!(server.connections.load(Ordering::SeqCst), 3, "the new connection serves the next alerts");
}

#[test]
fn a_server_that_resets_or_dies_has_not_taken_alerts() {
    for mood in [Mood::Resets, Mood::Dies] {
        let server =
            Server::start(if mood == Mood::Dies { &[Mood::Dies] } else { &[Mood::Resets, Mood::Fine] });
        let mut sender = settings(&server.address).sender();
        let error = sender.send(&[document(Class::Alert, 1)]).unwrap_err();
        assert!(matches!(error, SendError::Unreachable(_)), "{mood:?}: {error:?}");
        if mood == Mood::Resets {
            sender.send(&[document(Class::Alert, 1)]).unwrap();
        }
    }
}

#[test]
fn a_server_that_never_closes_gets_alerts_without_confirmation_in_the_end() {
    let server = Server::start(&[Mood::NeverCloses, Mood::NeverCloses, Mood::NeverCloses, Mood::Fine]);
    let mut sender = settings(&server.address).sender();
    let alert = [document(Class::Alert, 1)];
    let error = sender.send(&alert).unwrap_err().to_string();
    assert!(error.contains("has not closed the connection within 1 s"), "{error}");
    for _ in 0..2 {
        assert!(sender.send(&alert).unwrap().words.contains("does not confirm"));
    }
    assert_eq!(sender.send(&alert).unwrap().words, "the server has read everything");
    assert_eq!(server.received().concat().matches("minerwatch@").count(), 4);
}

#[test]
fn a_server_that_has_confirmed_before_must_do_so_again() {
    let server = Server::start(&[Mood::Fine, Mood::NeverCloses]);
    let mut sender = settings(&server.address).sender();
    let alert = [document(Class::Alert, 1)];
    sender.send(&alert).unwrap();
    for _ in 0..3 {
        sender.send(&alert).unwrap_err();
    }
}

#[test]
fn events_share_a_connection_until_the_server_closes_it() {
    let server = Server::start(&[Mood::Fine]);
    let mut sender = settings(&server.address).sender();
    for number in 0..20 {
        assert_eq!(sender.send(&[document(Class::Event, number)]).unwrap().words, "sent");
    }
    server.until_received(40);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    sender.send(&[document(Class::Alert, 20)]).unwrap();
    assert_eq!(server.received().len(), 2, "the alert ends the connection of the events");
    assert_eq!(server.received()[0].matches("minerwatch@").count(), 21);
}

#[test]
fn nobody_listens_over_udp() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", socket.local_addr().unwrap());
    let mut sender = settings(&address).sender();
    sender.send(&[document(Class::Alert, 1)]).unwrap();
    let mut buffer = [0; 2_048];
    let length = socket.recv(&mut buffer).unwrap();
    assert!(buffer[..length].starts_with(b"<134>1 - - minerwatch "));
    drop(socket);
    let error = sender.send(&[document(Class::Alert, 1)]).unwrap_err();
    assert!(matches!(&error, SendError::Unreachable(words) if words.contains("refused")), "{error:?}");
}

#[test]
fn a_document_that_cannot_be_a_message_does_not_hold_up_the_others() {
    let server = Server::start(&[Mood::Fine]);
    let mut sender = settings(&server.address).sender();
    let bad = Document { class: Class::Alert, json: Bytes::from_static(b"no object") };
    let delivery = sender.send(&[document(Class::Alert, 1), bad.clone(), document(Class::Alert, 2)]).unwrap();
    assert_eq!(delivery.refused.iter().map(|refusal| refusal.index).collect::<Vec<_>>(), [1]);
    assert_eq!(server.received().concat().matches("minerwatch@").count(), 2);
    assert_eq!(sender.send(&[bad]).unwrap().refused.len(), 1);
}

#[test]
fn keys_that_do_not_fit_together_are_refused() {
    let error = |settings: &SyslogSettings| settings.check().map_err(|(_, message)| message);
    let with_ca = SyslogSettings { ca_file: Some("/ca.pem".into()), ..settings("tcp://h") };
    assert!(error(&with_ca).unwrap_err().contains("write tls://"));
    let without_key =
        SyslogSettings { client_certificate_file: Some("/c.pem".into()), ..settings("tls://h") };
    assert!(error(&without_key).unwrap_err().contains("give both"));
    let small =
        SyslogSettings { format: MessageFormat::Ocsf, max_message_bytes: 4_095, ..settings("udp://h") };
    assert!(error(&small).unwrap_err().contains("set at least 4096"));
    assert_eq!(error(&settings("tls://h")), Ok(()));
}

/// Serves TLS on one connection after the other. Clients need a certificate of the authority if `asks`.
fn serve_tls(asks: bool, closes_with_notice: bool) -> (u16, tempfile::TempDir) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::{
        RootCertStore, ServerConfig, ServerConnection, StreamOwned,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    };
    let files = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(files.path().join("ca.pem"), ca.pem()).unwrap();
    let make = |host: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        (certificate, key)
    };
    let (client, client_key) = make("agent.example.org");
    std::fs::write(files.path().join("client.pem"), client.pem()).unwrap();
    std::fs::write(files.path().join("client.key"), client_key.serialize_pem()).unwrap();
    let (certificate, key) = make("log.example.org");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if asks {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let config = Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
                let mut text = Vec::new();
                if stream.read_to_end(&mut text).is_ok() && closes_with_notice {
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            });
        }
    });
    (port, files)
}

#[test]
fn tls_is_verified_in_both_directions() {
    let alert = [document(Class::Alert, 1)];
    for closes_with_notice in [true, false] {
        let (port, files) = serve_tls(true, closes_with_notice);
        let file = |name: &str| Some(files.path().join(name));
        let good = SyslogSettings {
            server_name: Some("log.example.org".to_owned()),
            ca_file: file("ca.pem"),
            client_certificate_file: file("client.pem"),
            client_key_file: file("client.key"),
            ..settings(&format!("tls://127.0.0.1:{port}"))
        };
        assert_eq!(good.sender().send(&alert).unwrap().words, "the server has read everything");

        let anonymous =
            SyslogSettings { client_certificate_file: None, client_key_file: None, ..good.clone() };
        // On a busy machine, the refusal may come when the connection has failed already.
        let is_denied = || matches!(anonymous.sender().send(&alert).unwrap_err(), SendError::Denied(_));
        assert!((0..20).any(|_| is_denied()));

        let other_name = SyslogSettings { server_name: None, ..good.clone() };
        let error = other_name.sender().send(&alert).unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");

        let swapped = SyslogSettings { client_key_file: file("ca.pem"), ..good };
        let error = swapped.sender().send(&alert).unwrap_err().to_string();
        assert!(error.contains("holds no private key"), "{error}");
    }
    let (port, _files) = serve_tls(false, true);
    let of_the_system = settings(&format!("tls://127.0.0.1:{port}"));
    assert!(matches!(of_the_system.sender().send(&alert), Err(SendError::Unreachable(_))));
}
