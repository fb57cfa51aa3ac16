//! Serves one connection: one request, one answer.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    request::{Asked, MAX_HEAD, parse},
    source::Source,
};
use crate::metrics::exposition::CONTENT_TYPE;

/// Time for a whole connection. It is longer than the event loop may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers requests.
pub(super) struct Service {
    source: Source,
    timeout: Duration,
}

/// An answer.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
    /// Whether the body is sent. Its length is always sent.
    with_body: bool,
}

impl Service {
    pub fn new(source: Source) -> Self {
        Self { source, timeout: TIMEOUT }
    }

    /// Sets the time for a connection.
    #[cfg(test)]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Serves a connection and closes it.
    pub async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        match timeout(self.timeout, self.exchange(&mut stream)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection for metrics ended"),
            Err(_) => tracing::debug!("a connection for metrics took too long"),
        }
    }

    async fn exchange(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
        let mut head = Vec::with_capacity(1024);
        let asked = loop {
            if (&mut *stream).take(1024).read_buf(&mut head).await? == 0 {
                return Ok(());
            }
            match parse(&head) {
                Asked::More => debug_assert!(head.len() < MAX_HEAD),
                asked => break asked,
            }
        };
        let Answer { status, content_type, body, with_body } = self.answer(asked).await;
        let length = body.len();
        let mut bytes = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        .into_bytes();
        if with_body {
            bytes.extend_from_slice(body.as_bytes());
        }
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    }

    async fn answer(&self, asked: Asked) -> Answer {
        let plain = |status, body: &str| Answer {
            status,
            content_type: PLAIN,
            body: format!("{body}\n"),
            with_body: true,
        };
        match asked {
            Asked::Metrics { body: with_body } => match self.source.snapshot().await {
                Some((snapshot, _)) => match snapshot.to_text() {
                    Ok(body) => Answer { status: "200 OK", content_type: CONTENT_TYPE, body, with_body },
                    Err(_) => plain("500 Internal Server Error", "the metrics cannot be written"),
                },
                None => plain("503 Service Unavailable", "the event loop does not answer"),
            },
            Asked::Health => match self.source.snapshot().await {
                Some((_, true)) => plain("200 OK", "alive"),
                _ => plain("503 Service Unavailable", "the event loop does not answer"),
            },
            Asked::Unknown => plain("404 Not Found", "there are only /metrics and /healthz"),
            Asked::Method => plain("405 Method Not Allowed", "only GET and HEAD are allowed"),
            Asked::More | Asked::Bad => plain("400 Bad Request", "this is not an HTTP request"),
        }
    }
}
