//! An example of a new kind of output. It writes lines to a Unix socket, and consists of this file and a row in a table.
//!
//! `CONTRIBUTING.md` shows this code. A real output has its row in `table.rs`.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
};

use super::{
    Batch, Class, End, Filter, FilterKeys, Output, OutputSettings, Queue, line_writer::Target, local::Local,
    stdout::StdoutSettings, table::outputs,
};
use crate::schema::{Section as _, SectionText, absolute_path, section, table, tables};

section! {
    /// Keys of `[[sink.socket]]`.
    pub struct SocketSettings {
        include {
            pub filter: FilterKeys;
        }
        required {
            /// Path of the socket. Each socket output needs its own path.
            pub path: PathBuf, absolute_path();
        }
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
        self.filter.filter(false)
    }

    fn open(&self, _: &Path) -> anyhow::Result<Box<dyn Output>> {
        let socket = Socket { name: self.name(), path: self.path.clone(), stream: None };
        Ok(Box::new(Local::new(socket)))
    }
}

#[derive(Debug)]
struct Socket {
    name: String,
    path: PathBuf,
    stream: Option<UnixStream>,
}

/// `Local` does the rest: it keeps lines that cannot be written, retries, counts, and reports a failure once.
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

    let output = all.last().unwrap().open(directory.path()).unwrap();
    let queue = Queue::new(1_000);
    queue.push(Batch::new(Class::Alert, "{}\n"));
    queue.close();
    assert_eq!(output.run(&queue), End::Closed);
    let (stream, _) = listener.accept().unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert_eq!((line.as_str(), queue.counters().alerts), ("{}\n", 1));
}

#[test]
fn a_new_kind_is_in_the_reference() {
    let text = ExampleOutputs::text();
    let settings = SocketSettings::new("/run/lines.sock".into());
    assert_eq!((settings.filter.alerts, settings.name()), (true, "socket /run/lines.sock".to_owned()));
    assert_eq!(text.names(), ["stdout", "socket"]);
    assert_eq!(
        text.at("socket").map(SectionText::names),
        Some(vec!["path", "alerts", "min_verdict", "events", "incident_events", "agent_events"])
    );
}
