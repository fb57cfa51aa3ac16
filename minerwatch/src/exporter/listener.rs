//! Accepts connections, over TCP or a Unix socket.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net, select,
    task::JoinSet,
};

use super::connection::Service;

/// Maximum number of connections at a time. More wait in the queue of the kernel.
const MAX_CONNECTIONS: usize = 8;
/// Pause after a connection could not be accepted, for example because all descriptors are in use.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound address.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(std::os::unix::net::UnixListener),
    Tcp(std::net::TcpListener),
}

impl Listener {
    pub fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Unix(listener) => listener.set_nonblocking(true),
            Self::Tcp(listener) => listener.set_nonblocking(true),
        }
    }

    /// Serves connections for ever. Fails only at the start. Needs a tokio runtime with I/O and time.
    pub async fn serve(self, service: Service) -> io::Result<()> {
        let service = Arc::new(service);
        let mut connections = JoinSet::new();
        match self {
            Self::Unix(listener) => {
                let listener = net::UnixListener::from_std(listener)?;
                loop {
                    accept(&mut connections, &service, async { Ok(listener.accept().await?.0) }).await;
                }
            }
            Self::Tcp(listener) => {
                let listener = net::TcpListener::from_std(listener)?;
                loop {
                    accept(&mut connections, &service, async { Ok(listener.accept().await?.0) }).await;
                }
            }
        }
    }
}

/// Waits for a connection or for the end of one.
async fn accept<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    connections: &mut JoinSet<()>,
    service: &Arc<Service>,
    next: impl Future<Output = io::Result<S>>,
) {
    select! {
        Some(_) = connections.join_next() => {}
        accepted = next, if connections.len() < MAX_CONNECTIONS => match accepted {
            Ok(stream) => {
                let service = Arc::clone(service);
                connections.spawn(async move { service.serve(stream).await });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection for metrics can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
