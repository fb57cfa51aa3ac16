//! The client's end of the control socket.

use std::{io, path::PathBuf};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use super::request::{Request, RespondRequest, TailRequest, WatchRequest};

/// Why a client cannot connect to the daemon.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No daemon is listening.
    #[error("no minerwatch daemon is running: nothing listens at {}", .0.display())]
    NotRunning(PathBuf),
    /// This user may not connect to the daemon.
    #[error("this user may not ask the daemon at {}: run it as root", .0.display())]
    Denied(PathBuf),
    /// The system returned another error.
    #[error("cannot reach the daemon at {}: {error}", path.display())]
    Io {
        /// Path of the socket.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

/// A connection to the daemon, for one request.
#[derive(Debug)]
pub struct ControlClient {
    stream: BufReader<UnixStream>,
}

/// The lines of an answer.
#[derive(Debug)]
pub struct Lines {
    stream: BufReader<UnixStream>,
    line: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl ControlClient {
    /// Connects to the daemon whose socket is at `path`.
    pub async fn connect(path: impl Into<PathBuf>) -> Result<Self, ConnectError> {
        let path = path.into();
        match UnixStream::connect(&path).await {
            Ok(stream) => Ok(Self { stream: BufReader::new(stream) }),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::NotRunning(path),
                io::ErrorKind::PermissionDenied => ConnectError::Denied(path),
                _ => ConnectError::Io { path, error },
            }),
        }
    }

    /// Requests the live stream of events and alerts.
    pub async fn tail(self, request: TailRequest) -> io::Result<Lines> {
        self.ask(&Request::Tail(request)).await
    }

    /// Requests the status. Returns one JSON object.
    pub async fn status(self) -> io::Result<String> {
        self.ask_one(&Request::Status).await
    }

    /// Requests the exceptions. With `reload`, the daemon reads them again first. Returns one JSON object.
    pub async fn exceptions(self, reload: bool) -> io::Result<String> {
        self.ask_one(&Request::Exceptions { reload }).await
    }

    async fn ask_one(self, request: &Request) -> io::Result<String> {
        let mut lines = self.ask(request).await?;
        match lines.next().await? {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the daemon ended before it answered")),
        }
    }

    /// Requests the state of the incident with this id, or of all incidents. The answer has one JSON object per
    /// incident.
    pub async fn explain(self, incident: Option<String>) -> io::Result<Lines> {
        self.ask(&Request::Explain { incident }).await
    }

    /// Requests what is known about an incident. Returns one JSON object.
    pub async fn case(self, incident: String) -> io::Result<String> {
        self.ask_one(&Request::Case { incident }).await
    }

    /// Requests stages of the response. The answer has a line per report.
    pub async fn respond(self, request: RespondRequest) -> io::Result<Lines> {
        self.ask(&Request::Respond(request)).await
    }

    /// Requests that what the response did is undone. The answer has a line per report.
    pub async fn release(self, incident: String) -> io::Result<Lines> {
        self.ask(&Request::Release { incident }).await
    }

    /// Requests a watch, its end, or the list of watched incidents. The answer has one JSON object per incident.
    pub async fn watch(self, request: WatchRequest) -> io::Result<Lines> {
        self.ask(&Request::Watch(request)).await
    }

    async fn ask(mut self, request: &Request) -> io::Result<Lines> {
        let line = format!("{}\n", serde_json::to_string(request)?);
        self.stream.get_mut().write_all(line.as_bytes()).await?;
        Ok(Lines { stream: self.stream, line: String::new() })
    }
}

impl Lines {
    /// Returns the next line without its newline, or `None` when the daemon has closed the connection. If the daemon
    /// refuses the request, returns an error with its message.
    pub async fn next(&mut self) -> io::Result<Option<&str>> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            return Ok(None);
        }
        let line = self.line.trim_end_matches('\n');
        // No event begins with an `error` string, so only refusals are parsed.
        if line.starts_with(r#"{"error":""#)
            && let Ok(Refusal { error }) = serde_json::from_str(line)
        {
            return Err(io::Error::other(error));
        }
        Ok(Some(line))
    }

    /// Returns whether another line has arrived already, so that output need not be flushed yet.
    pub fn has_more(&self) -> bool {
        self.stream.buffer().contains(&b'\n')
    }
}
