//! Doubles of container runtimes for the tests: servers on Unix sockets in a directory of their own.

use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::oneshot,
};

use super::cri::{self, wire};

/// A server, which ends with the value.
pub(super) struct Double {
    pub(super) path: PathBuf,
    connections: Arc<AtomicUsize>,
    // Dropping it ends the server.
    _running: oneshot::Sender<()>,
}

impl Double {
    /// Starts a server that handles each connection with `handle`.
    pub(super) fn start<F>(
        directory: &Path,
        name: &str,
        handle: impl Fn(UnixStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let path = directory.join(name);
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("the path is free");
        listener.set_nonblocking(true).expect("a socket");
        let (running, ended) = oneshot::channel::<()>();
        let serve = async move {
            let listener = UnixListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, SeqCst);
                tokio::spawn(handle(stream));
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve => {}
                    _ = ended => {}
                }
            });
        });
        Self { path, connections, _running: running }
    }

    /// Number of connections so far.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

/// Starts a server that sends these bytes and closes.
pub(super) fn saying(directory: &Path, name: &str, bytes: Vec<u8>) -> Double {
    let bytes = Arc::new(bytes);
    Double::start(directory, name, move |mut stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            let mut request = [0; 256];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
}

/// Starts a server that accepts and says nothing.
pub(super) fn silent(directory: &Path, name: &str) -> Double {
    Double::start(directory, name, |stream| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(stream);
    })
}

/// Starts a Docker that knows paths and their JSON. It waits before each answer.
pub(super) fn docker(
    directory: &Path,
    name: &str,
    pages: BTreeMap<String, String>,
    wait: Duration,
) -> Double {
    let pages = Arc::new(pages);
    Double::start(directory, name, move |mut stream| {
        let pages = Arc::clone(&pages);
        async move {
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            tokio::time::sleep(wait).await;
            let text = String::from_utf8_lossy(&request);
            let path = text.split(' ').nth(1).unwrap_or("");
            let answer = match pages.get(path) {
                Some(body) => format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}"),
                None => "HTTP/1.0 404 Not Found\r\n\r\n{\"message\":\"No such container\"}".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
}

/// What a double of CRI knows.
#[derive(Clone, Default)]
pub(super) struct Cri {
    pub(super) containers: BTreeMap<String, wire::Container>,
    pub(super) statuses: BTreeMap<String, wire::ContainerStatus>,
    pub(super) pods: BTreeMap<String, wire::PodSandbox>,
    /// Bytes of a label of every container.
    pub(super) padding: usize,
}

/// Starts a runtime with the Container Runtime Interface.
pub(super) fn cri(directory: &Path, name: &str, known: Cri) -> Double {
    let known = Arc::new(known);
    Double::start(directory, name, move |stream| {
        let known = Arc::clone(&known);
        async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let known = Arc::clone(&known);
                tokio::spawn(async move {
                    let path = request.uri().path().to_owned();
                    let mut body = request.into_body();
                    let mut bytes = BytesMut::new();
                    while let Some(Ok(chunk)) = body.data().await {
                        bytes.extend_from_slice(&chunk);
                    }
                    let (status, message) = known.answer(&path, bytes.get(5..).unwrap_or_default());
                    let head = ureq::http::Response::builder().header("content-type", "application/grpc");
                    let mut trailers = ureq::http::HeaderMap::new();
                    trailers.insert("grpc-status", ureq::http::HeaderValue::from_static(status));
                    let Ok(mut sender) = respond.send_response(head.body(()).expect("a head"), false) else {
                        return;
                    };
                    if let Some(message) = message {
                        let mut framed = BytesMut::new();
                        framed.put_u8(0);
                        framed.put_u32(u32::try_from(message.len()).expect("short"));
                        framed.extend_from_slice(&message);
                        let _ = sender.send_data(framed.freeze(), false);
                    }
                    let _ = sender.send_trailers(trailers);
                });
            }
        }
    })
}

impl Cri {
    fn answer(&self, path: &str, question: &[u8]) -> (&'static str, Option<Bytes>) {
        let encoded = |message: Vec<u8>| ("0", Some(Bytes::from(message)));
        let filter = |filter: Option<wire::Filter>| filter.map(|filter| filter.id).unwrap_or_default();
        match path {
            cri::LIST_CONTAINERS => {
                let id = filter(wire::ListContainersRequest::decode(question).expect("a question").filter);
                let mut containers: Vec<_> = self.containers.get(&id).cloned().into_iter().collect();
                if self.padding > 0 {
                    for container in &mut containers {
                        container.labels.insert("padding".to_owned(), "x".repeat(self.padding));
                    }
                }
                encoded(wire::ListContainersResponse { containers }.encode_to_vec())
            }
            cri::LIST_PODS => {
                let id = filter(wire::ListPodSandboxRequest::decode(question).expect("a question").filter);
                let items = self.pods.get(&id).cloned().into_iter().collect();
                encoded(wire::ListPodSandboxResponse { items }.encode_to_vec())
            }
            cri::CONTAINER_STATUS => {
                let id = wire::ContainerStatusRequest::decode(question).expect("a question").container_id;
                match self.statuses.get(&id) {
                    Some(status) => {
                        let status = Some(status.clone());
                        encoded(wire::ContainerStatusResponse { status }.encode_to_vec())
                    }
                    None => ("5", None),
                }
            }
            _ => ("12", None),
        }
    }
}
