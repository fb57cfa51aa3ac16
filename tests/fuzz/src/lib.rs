//! The fuzz targets, which the fuzzer and the ordinary tests share. Each target takes any bytes, and must neither panic
//! nor take long. `cargo xtask fuzz` runs the fuzzer on the targets. `tests/fuzz/smoke.rs` runs the corpora and some
//! mutations with every test run.

use std::path::Path;

use minerwatch::{
    config::Config,
    containers,
    control::Request,
    decode,
    dissect::{Dissector, mining, tls},
    engine::{Engine, EngineSettings},
    enrich,
    intel::{self, Builder, List, ListKind},
    model::{
        AppData, BootTime, Bytes, Direction, Event, EventBody, Flow, Payload, ProcessKey, Protocol, Subject,
        Wanted,
    },
    recording::Reader,
};

/// Decodes kernel records and passes the events to the engine. A length in two bytes precedes each record.
pub fn decoder(mut bytes: &[u8]) {
    let mut engine = Engine::new(EngineSettings::default());
    let mut dissector = Dissector::default();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (record, rest) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        bytes = rest;
        if let Ok(event) = decode::decode(record) {
            let second = event.second_of_exchange();
            for event in std::iter::once(event).chain(second) {
                take(&mut engine, &mut dissector, event);
            }
        }
    }
}

/// Reads the bytes as a recording, without and with a valid header before them, and passes the events to the engine.
pub fn recording(bytes: &[u8]) {
    const HEADER: &[u8] = br#"{"minerwatch_recording":1,"version":"0","host":"h","boot_id":"b","wall_clock_at_boot":"0","processors":2}"#;
    let _ = Reader::new(bytes);
    let text = [HEADER, b"\n", bytes].concat();
    let reader = Reader::new(text.as_slice()).expect("the header is fine");
    let mut engine = Engine::new(EngineSettings::default());
    let mut dissector = Dissector::default();
    let mut last = None;
    for event in reader.flatten() {
        last = Some(event.time);
        take(&mut engine, &mut dissector, event);
    }
    if let Some(last) = last {
        engine.tick(last, &mut Vec::new());
    }
}

/// Passes an event through the same stages as a replay.
fn take(engine: &mut Engine, dissector: &mut Dissector, mut event: Event) {
    dissector.dissect(&mut event);
    engine.ingest(&event, Wanted::Yes, &mut Vec::new());
}

/// Parses the bytes as a configuration file and as a request on the control socket.
pub fn configuration(bytes: &[u8]) {
    if let Err(error) = Config::parse(&String::from_utf8_lossy(bytes), Path::new("fuzz.toml")) {
        assert!(error.to_string().starts_with("fuzz.toml"), "the file is named: {error}");
    }
    let _ = serde_json::from_slice::<Request>(bytes);
}

/// Parses the bytes as each of the files in `/proc`, `/sys/fs/cgroup` and `/etc` that the daemon reads, and as answers of
/// container runtimes.
pub fn proc(bytes: &[u8]) {
    enrich::parse_all(bytes);
    containers::parse_all(bytes);
}

/// Dissects the bytes as the data of one side of a connection, whole and in pieces.
pub fn payload(bytes: &[u8]) {
    let _ = mining::read(bytes, &mut Vec::new());
    let _ = mining::Message::read(bytes);
    let middle = bytes.len().div_ceil(2).max(1);
    for (protocol, port) in [(Protocol::Tcp, 3_333), (Protocol::Tcp, 53), (Protocol::Udp, 53)] {
        for (direction, accepted) in
            [(Direction::Sent, false), (Direction::Received, false), (Direction::Received, true)]
        {
            for piece in [bytes.len().max(1), middle, 9] {
                let mut dissector = Dissector::default();
                for (index, bytes) in bytes.chunks(piece).enumerate() {
                    let flow = Flow {
                        protocol,
                        source: ([192, 0, 2, 1], 40_000).into(),
                        destination: ([192, 0, 2, 2], port).into(),
                        opened: BootTime(1),
                    };
                    let payload = Payload {
                        flow,
                        direction,
                        index: u16::try_from(index).unwrap_or(u16::MAX),
                        length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                        accepted,
                        bytes: Bytes(bytes.into()),
                        app: AppData::default(),
                    };
                    let key = ProcessKey::new(1, 1);
                    let subject = Subject { key, tid: 1, uid: 0, gid: 0, cgroup: 0, container: None };
                    let body = EventBody::Payload(Box::new(payload));
                    dissector.dissect(&mut Event { time: BootTime(2), subject, body });
                }
            }
        }
    }
}

/// Parses the bytes as a TLS client hello and computes its fingerprint.
pub fn hello(bytes: &[u8]) {
    let Some(hello) = tls::ClientHello::read(bytes) else { return };
    let fingerprint = tls::ja4(&hello);
    assert_eq!(fingerprint.is_some(), hello.whole, "a fingerprint of the whole, and only of it");
    let _ = hello.protocol_names().count();
}

/// Reads the bytes as a list of indicators: in the detected format, as JSON, and as CSV with a header row.
pub fn lists(bytes: &[u8]) {
    const HEAD: &[u8] = b"ioc_value,ioc_type,port,comment,valid_until\n";
    let mut builder = Builder::new(1_000);
    let table = [HEAD, bytes].concat();
    for (name, bytes) in [("list", bytes), ("list.json", bytes), ("list.csv", &table)] {
        let list =
            List { name: name.to_owned(), source: name.to_owned(), kind: ListKind::Threat, weight: 60 };
        assert!(builder.list(list), "three lists are not many");
        let before = builder.len() as u64;
        let reading = intel::read_list(name, bytes, 1_800_000_000, &mut builder);
        assert_eq!(before + reading.kinds.total(), builder.len() as u64, "the books are right");
    }
    let _ = builder.build();
}
