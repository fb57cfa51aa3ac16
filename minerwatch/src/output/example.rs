//! A worked example of a new kind of output, which writes lines to a Unix socket. It consists of this file and a row in
//! a table.
//!
//! `CONTRIBUTING.md` shows this code. A real output is a file next to `file.rs`, and uses the table in `table.rs`.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
};

use super::{
    Class, Filter, Output, OutputSettings,
    buffered::{BACKLOG, Buffered, Target},
    stdout::StdoutSettings,
    table::outputs,
};
use crate::{
    model::KindSet,
    schema::{Section as _, SectionText, absolute_path, event_kinds, section, switch, table, tables},
};

section! {
    /// Keys of `[[sink.socket]]`.
    pub struct SocketSettings {
        required {
            /// Path of the socket. Each socket output needs its own path.
            pub path: PathBuf, absolute_path();
        }
        /// Whether alerts are sent to the socket.
        pub alerts: bool = true, switch();
        /// Which events are sent to the socket.
        pub events: KindSet = KindSet::NONE, event_kinds();
    }
}

impl OutputSettings for SocketSettings {
    fn name(&self) -> String {
        format!("socket {}", self.path.display())
    }

    fn naming_key(&self) -> Option<&'static str> {
        Some("path")
    }

    fn filter(&self) -> Filter {
        Filter { events: self.events, alerts: self.alerts }
    }

    fn open(&self) -> anyhow::Result<Box<dyn Output>> {
        let socket = Socket { name: self.name(), path: self.path.clone(), stream: None };
        Ok(Box::new(Buffered::new(socket, BACKLOG)))
    }
}

#[derive(Debug)]
struct Socket {
    name: String,
    path: PathBuf,
    stream: Option<UnixStream>,
}

/// `Buffered` does the rest: it keeps lines that cannot be written, retries, counts, and reports a failure once.
impl Target for Socket {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&mut self, _length: usize) -> io::Result<Option<String>> {
        if self.stream.is_none() {
            self.stream = Some(UnixStream::connect(&self.path)?);
        }
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let outcome = stream.write(bytes);
        if outcome.is_err() {
            self.stream = None;
        }
        outcome
    }
}

outputs! { ExampleOutputs {
    /// Standard output.
    stdout: one StdoutSettings;
    /// Unix sockets.
    socket: many SocketSettings;
} }

#[test]
fn a_new_kind_is_configured_opened_and_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let text = format!("[[socket]]\npath = '{}'\nevents = ['exec']\n", path.display());
    let outputs: ExampleOutputs = toml::from_str(&text).unwrap();

    let all = outputs.all();
    let names: Vec<String> = all.iter().map(|settings| settings.name()).collect();
    assert_eq!(names, ["standard output".to_owned(), format!("socket {}", path.display())]);

    let mut output = all.last().unwrap().open().unwrap();
    assert!(output.write(Class::Alert, b"{}\n").unwrap().is_none());
    let (stream, _) = listener.accept().unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert_eq!((line.as_str(), output.counters().alerts), ("{}\n", 1));
}

#[test]
fn a_new_kind_is_in_the_reference() {
    let text = ExampleOutputs::text();
    let settings = SocketSettings::new("/run/lines.sock".into());
    assert_eq!((settings.alerts, settings.name()), (true, "socket /run/lines.sock".to_owned()));
    assert_eq!(text.names(), ["stdout", "socket"]);
    assert_eq!(text.at("socket").map(SectionText::names), Some(vec!["path", "alerts", "events"]));
}
