//! Unary calls of gRPC over HTTP/2. The protocol is described in
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::{Builder, Connection, SendRequest};
use prost::Message;
use tokio::net::UnixStream;
use ureq::http::{self, HeaderMap, Request};

use super::error::AskError;

/// Maximum size of a message, in bytes.
const MAX_MESSAGE: usize = 1 << 20;
/// Length of the prefix of a message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Maximum size of the header fields of an answer, in bytes.
const MAX_HEADERS: u32 = 16 << 10;

/// `grpc-status` of a call that succeeded, and of one about something that does not exist.
const OK: &str = "0";
const NOT_FOUND: &str = "5";

/// A connection on which calls can be made one after the other.
pub(super) struct Channel {
    requests: SendRequest<Bytes>,
}

/// The task that moves the bytes of a connection. A call makes progress only while this task is polled.
pub(super) type Driver = Connection<UnixStream, Bytes>;

impl Channel {
    /// Opens a connection.
    pub(super) async fn open(stream: UnixStream) -> Result<(Self, Driver), AskError> {
        let mut builder = Builder::new();
        builder.enable_push(false).max_header_list_size(MAX_HEADERS);
        let (requests, driver) = builder.handshake::<_, Bytes>(stream).await.map_err(of_http)?;
        Ok((Self { requests }, driver))
    }

    /// Makes a call. `path` is `/PACKAGE.SERVICE/METHOD`. Returns `None` if what was asked for does not exist.
    pub(super) async fn call<A: Message + Default>(
        &mut self,
        path: &str,
        question: &impl Message,
    ) -> Result<Option<A>, AskError> {
        let request = Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| AskError::Garbage(error.to_string()))?;
        ready(&mut self.requests).await?;
        let (answer, mut sender) = self.requests.send_request(request, false).map_err(of_http)?;
        sender.send_data(framed(question), true).map_err(of_http)?;
        let answer = answer.await.map_err(of_http)?;
        let (head, mut body) = answer.into_parts();
        if head.status != http::StatusCode::OK {
            return Err(AskError::Refused(format!("HTTP status {}", head.status)));
        }
        // An answer without a message has its status among the header fields.
        match status_of(&head.headers) {
            None => {}
            Some(Err(AskError::Absent)) => return Ok(None),
            Some(Ok(())) => return Err(AskError::Garbage("no message".to_owned())),
            Some(Err(error)) => return Err(error),
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(of_http)?;
            let _ = body.flow_control().release_capacity(chunk.len());
            if bytes.len() + chunk.len() > MAX_MESSAGE + PREFIX {
                return Err(AskError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        let trailers = body.trailers().await.map_err(of_http)?.unwrap_or_default();
        match status_of(&trailers) {
            Some(Ok(())) => {}
            Some(Err(AskError::Absent)) => return Ok(None),
            Some(Err(error)) => return Err(error),
            None => return Err(AskError::Garbage("no grpc-status".to_owned())),
        }
        unframed(&bytes).map(Some)
    }
}

/// Waits until the connection takes another request.
async fn ready(requests: &mut SendRequest<Bytes>) -> Result<(), AskError> {
    std::future::poll_fn(|context| requests.poll_ready(context)).await.map_err(of_http)
}

/// Returns a message with its prefix.
fn framed(message: &impl Message) -> Bytes {
    let body = message.encode_to_vec();
    let mut bytes = BytesMut::with_capacity(PREFIX + body.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
    bytes.extend_from_slice(&body);
    bytes.freeze()
}

/// Parses a message with its prefix.
fn unframed<A: Message + Default>(bytes: &[u8]) -> Result<A, AskError> {
    let garbage = |text: &str| AskError::Garbage(text.to_owned());
    let (prefix, body) = bytes.split_at_checked(PREFIX).ok_or_else(|| garbage("no message"))?;
    let [0, length @ ..] = prefix else { return Err(garbage("a compressed message")) };
    let length: [u8; 4] = length.try_into().map_err(|_| garbage("no message"))?;
    if usize::try_from(u32::from_be_bytes(length)).ok() != Some(body.len()) {
        return Err(garbage("a message of another length than announced"));
    }
    A::decode(body).map_err(|error| AskError::Garbage(error.to_string()))
}

/// Returns the status in header fields, if there is one. [`AskError::Absent`] means that what was asked for does not
/// exist.
fn status_of(headers: &HeaderMap) -> Option<Result<(), AskError>> {
    let status = headers.get("grpc-status")?.to_str().unwrap_or("");
    Some(match status {
        OK => Ok(()),
        NOT_FOUND => Err(AskError::Absent),
        other => {
            let message = headers.get("grpc-message").and_then(|message| message.to_str().ok()).unwrap_or("");
            let message: String = message.chars().take(100).collect();
            Err(AskError::Refused(format!("status {} {message}", other.escape_debug())))
        }
    })
}

/// Returns why calls cannot go on after the end of the connection.
pub(super) fn ended(outcome: Result<(), h2::Error>) -> AskError {
    outcome.err().map_or_else(|| AskError::Garbage("the connection ended".to_owned()), of_http)
}

fn of_http(error: h2::Error) -> AskError {
    let text = error.to_string();
    error.into_io().map_or(AskError::Garbage(text), AskError::Io)
}
