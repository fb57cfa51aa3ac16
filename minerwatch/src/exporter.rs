//! The HTTP endpoint for Prometheus: `GET /metrics` and `GET /healthz`.
//!
//! The endpoint runs in a thread of its own and asks the event loop for the metrics. If the event loop does not answer
//! in time, the last metrics are served with their age. Everything is bounded: connections, the size of a request and
//! the time of an answer. So a slow client hurts nobody.

mod connection;
mod listener;
mod request;
mod source;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, thread};

use anyhow::Context as _;

pub use self::source::{Ask, Reply};
use self::{connection::Service, listener::Listener, source::Source};
use crate::{
    config::ListenAddress,
    unix_socket::{self, SocketAt},
};

/// Permissions of a Unix socket: the daemon's user and its group.
const MODE: u32 = 0o660;

/// The endpoint, before its thread starts. The address is bound while the daemon still has its privileges.
#[derive(Debug)]
pub struct Exporter {
    listener: Listener,
    socket: Option<Socket>,
}

/// A Unix socket that is removed when the daemon ends.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    inode: u64,
}

impl Exporter {
    /// Binds the address.
    ///
    /// # Errors
    ///
    /// The address is in use or does not belong to this host, or the socket cannot be created.
    pub fn bind(address: &ListenAddress) -> anyhow::Result<Self> {
        let exporter = match address {
            ListenAddress::Unix(path) => {
                let (listener, inode) =
                    unix_socket::bind(SocketAt { path, mode: MODE, key: "metrics.listen" })?;
                let socket = Some(Socket { path: path.clone(), inode });
                Self { listener: Listener::Unix(listener), socket }
            }
            ListenAddress::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address).with_context(|| {
                    format!(
                        "the metrics cannot be served at {address}; set another metrics.listen, and under systemd \
                         allow addresses with the drop-in in docs/metrics.md"
                    )
                })?;
                Self { listener: Listener::Tcp(listener), socket: None }
            }
        };
        exporter.listener.set_nonblocking()?;
        Ok(exporter)
    }

    /// Starts the thread. `ask` passes a request for the metrics to the event loop, or returns `false` if the event loop
    /// has too many requests. It must not wait. Returns the socket, which the caller keeps as long as the endpoint
    /// shall exist.
    pub fn start(self, ask: impl Ask) -> io::Result<Option<Socket>> {
        let Self { listener, socket } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            runtime.block_on(async {
                let service = Service::new(Source::new(ask));
                if let Err(error) = listener.serve(service).await {
                    tracing::error!(%error, "the metrics are not served any more");
                }
            });
        })?;
        Ok(socket)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        unix_socket::unlink(&self.path, self.inode);
    }
}
