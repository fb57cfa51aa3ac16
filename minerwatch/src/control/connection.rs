//! Accepts connections. For each connection, checks the user, reads the request and sends the answer.

use std::{io, sync::Arc, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use super::{
    pipeline_request::{PipelineRequest, Question},
    request::{Peer, Request, TailRequest},
    subscribers::{Delivery, Subscribers, Subscription},
};

/// Maximum number of concurrent connections, including streams.
const MAX_CONNECTIONS: usize = 32;
/// Maximum length of a request, in bytes.
const MAX_REQUEST: u64 = 4096;
/// Timeout for receiving the request, and then for the answer of the pipeline.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for the answer of the responder, which may have to collect evidence and wait for processes to end.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);
/// Delay before the next attempt when a connection cannot be accepted.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) subscribers: Arc<Subscribers>,
    pub(super) requests: mpsc::Sender<PipelineRequest>,
    pub(super) stopped: watch::Receiver<bool>,
    /// The group whose members may ask for a response.
    pub(super) group: Option<Group>,
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, for messages.
    pub name: String,
    /// Its number.
    pub id: u32,
}

/// The groups of a process. Its own group comes with the connection; the others are read, and a process that has ended
/// has none.
fn groups_of(pid: u32, own: u32) -> Vec<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let others = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    others.split_whitespace().filter_map(|group| group.parse().ok()).chain([own]).collect()
}

impl Service {
    /// Accepts connections until the server stops, then waits for the open connections to end.
    pub(super) async fn run(mut self, listener: UnixListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = self.stopped.changed() => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        let service = self.clone();
                        connections.spawn(async move {
                            if let Err(error) = service.serve(stream).await {
                                tracing::debug!(%error, "a control connection ended");
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "no control connection can be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    async fn serve(mut self, stream: UnixStream) -> io::Result<()> {
        let credentials = stream.peer_cred()?;
        let peer = Peer {
            uid: credentials.uid(),
            pid: credentials.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        };
        let (reader, mut writer) = stream.into_split();
        let may_all = peer.uid == 0 || peer.uid == rustix::process::geteuid().as_raw();
        let may_respond = may_all
            || self
                .group
                .as_ref()
                .is_some_and(|group| groups_of(peer.pid, credentials.gid()).contains(&group.id));
        if !may_respond {
            let message = match &self.group {
                None => "only root and the daemon's own user may ask".to_owned(),
                Some(group) => format!(
                    "only root, the daemon's own user and the members of the group {} may ask",
                    group.name
                ),
            };
            return refuse(&mut writer, &message).await;
        }
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        let mut limited = (&mut reader).take(MAX_REQUEST);
        tokio::select! {
            _ = self.stopped.changed() => return Ok(()),
            read = tokio::time::timeout(TIMEOUT, limited.read_line(&mut line)) => {
                read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            }
        }
        let request = serde_json::from_str(&line);
        let is_response =
            matches!(request, Ok(Request::Respond(_) | Request::Release { .. } | Request::Explain { .. }));
        if !may_all && !is_response {
            let message = "members of the group may only use explain, respond and release; run it as root";
            return refuse(&mut writer, message).await;
        }
        match request {
            Ok(Request::Case { incident }) => self.ask(Question::Case(incident), &mut writer).await,
            Ok(Request::Respond(request)) => self.ask(Question::Respond(request, peer), &mut writer).await,
            Ok(Request::Release { incident }) => {
                self.ask(Question::Release(incident, peer), &mut writer).await
            }
            Ok(Request::Status) => self.ask(Question::Status, &mut writer).await,
            Ok(Request::Exceptions { reload }) => {
                self.ask(Question::Exceptions { reload }, &mut writer).await
            }
            Ok(Request::Explain { incident }) => self.ask(Question::Explain(incident), &mut writer).await,
            Ok(Request::Watch(request)) => self.ask(Question::Watch(request), &mut writer).await,
            Ok(Request::Tail(request)) => self.tail(request, &mut reader, writer).await,
            Err(error) => refuse(&mut writer, &format!("this is not a request: {error}")).await,
        }
    }

    async fn ask(&self, question: Question, writer: &mut OwnedWriteHalf) -> io::Result<()> {
        let limit = match question {
            Question::Respond(..) | Question::Release(..) => RESPONSE_TIMEOUT,
            _ => TIMEOUT,
        };
        let (reply, answer) = oneshot::channel();
        let answered = async {
            self.requests.send(PipelineRequest { question, reply }).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(limit, answered).await {
            Ok(Some(mut json)) => {
                if !json.is_empty() && !json.ends_with('\n') {
                    json.push('\n');
                }
                writer.write_all(json.as_bytes()).await
            }
            Ok(None) => refuse(writer, "the daemon is ending").await,
            Err(_) => refuse(writer, "the daemon is too busy to answer").await,
        }
    }

    async fn tail(
        &self,
        request: TailRequest,
        reader: &mut BufReader<OwnedReadHalf>,
        mut writer: OwnedWriteHalf,
    ) -> io::Result<()> {
        let Some(mut subscription) = self.subscribers.subscribe(request) else {
            return refuse(&mut writer, "too many streams are open already, or the daemon is ending").await;
        };
        // The client sends nothing after its request, so anything that can be read is the end of the connection.
        let mut byte = [0];
        let result = tokio::select! {
            result = stream(&mut subscription, writer) => result,
            _ = reader.read(&mut byte) => Ok(()),
        };
        drop(subscription);
        self.subscribers.sweep();
        result
    }
}

/// Writes lines as they arrive, and flushes whenever no line is waiting.
async fn stream(subscription: &mut Subscription, writer: OwnedWriteHalf) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(64 << 10, writer);
    loop {
        let next = tokio::select! {
            biased;
            next = subscription.next() => next,
            () = std::future::ready(()) => {
                writer.flush().await?;
                subscription.next().await
            }
        };
        match next {
            Some(Delivery::Line(line)) => writer.write_all(&line).await?,
            Some(Delivery::Lost(count)) => writer.write_all(lost_line(count).as_bytes()).await?,
            None => return writer.flush().await,
        }
    }
}

/// Returns a line that tells a reader how many lines it has lost, in the same format as events.
fn lost_line(count: u64) -> String {
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let line = serde_json::json!({
        "@timestamp": now,
        "event": { "kind": "metric", "action": "tail-lost", "module": "minerwatch" },
        "message": format!("this reader was too slow; lines left out here: {count}"),
        "minerwatch": { "lost": { "tail": count } },
    });
    format!("{line}\n")
}

async fn refuse(writer: &mut OwnedWriteHalf, message: &str) -> io::Result<()> {
    let line = serde_json::json!({ "error": message });
    writer.write_all(format!("{line}\n").as_bytes()).await
}
