//! A server on loopback for outputs over HTTP. It fails in the ways in which servers and networks fail.
//!
//! The server speaks HTTP/1.1. A [`Protocol`] says what the requests mean.

mod bulk;
mod collector;
mod message;
mod protobuf;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

pub use bulk::Bulk;
pub use collector::{Collector, Dialect};
pub use message::{Answer, Request};

use message::Connection;

/// Maximum size of a request while [`Fault::TooLarge`], in bytes.
const SMALL: usize = 24 << 10;

/// Time for which a slow server thinks.
const SLOW: Duration = Duration::from_millis(800);

/// Time for a port to become free.
const PORT: Duration = Duration::from_secs(10);

/// What the server does instead of answering properly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The port is closed, and connections are reset.
    Killed,
    /// As `Killed`, for long.
    Away,
    /// Each answer takes long.
    Slow,
    /// 429 with `Retry-After: 1`.
    Busy,
    /// 413 for requests above 24 KiB.
    TooLarge,
    /// 401.
    Denied,
    /// Some documents are not taken, in the way of the protocol.
    Partly,
    /// Requests are processed, and the connection breaks in the middle of the answer.
    BreaksOff,
    /// Requests are processed, and the connection is closed without an answer.
    Forgets,
}

/// What requests mean.
pub trait Protocol: Send + 'static {
    /// Processes a request. With `partly`, some of its documents are not taken now.
    fn take(&mut self, request: &Request, partly: bool) -> Answer;
}

/// The server. It ends when dropped.
#[derive(Debug)]
pub struct Server<P: Protocol> {
    address: SocketAddr,
    shared: Arc<Shared<P>>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<P> {
    protocol: Mutex<P>,
    fault: Mutex<Option<Fault>>,
    open: AtomicBool,
    /// Number of requests that met a fault, and that were answered properly.
    failed: AtomicU64,
    answered: AtomicU64,
}

impl<P: Protocol> Server<P> {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(protocol: P) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Shared {
            protocol: Mutex::new(protocol),
            fault: Mutex::default(),
            open: AtomicBool::new(false),
            failed: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        };
        let mut server = Self { address, shared: Arc::new(shared), acceptor: None };
        server.listen(listener);
        server
    }

    /// URL of the server.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins a fault, or ends it with `None`.
    ///
    /// # Panics
    /// When the port of a server that comes back is taken by another program.
    pub fn set_fault(&mut self, fault: Option<Fault>) {
        *lock(&self.shared.fault) = fault;
        let is_away = matches!(fault, Some(Fault::Killed | Fault::Away));
        if is_away {
            self.close();
        } else if self.acceptor.is_none() {
            let until = Instant::now() + PORT;
            let listener = loop {
                match TcpListener::bind(self.address) {
                    Ok(listener) => break listener,
                    Err(error) => assert!(Instant::now() < until, "{}: {error}", self.address),
                }
                thread::sleep(Duration::from_millis(10));
            };
            self.listen(listener);
        }
    }

    /// Number of requests that were answered properly.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Number of requests that met a fault.
    pub fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Looks at what the protocol has noted.
    pub fn look<T>(&self, at: impl FnOnce(&mut P) -> T) -> T {
        at(&mut lock(&self.shared.protocol))
    }

    fn listen(&mut self, listener: TcpListener) {
        self.shared.open.store(true, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        self.acceptor = Some(thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !shared.open.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&shared);
                // A client that goes away ends its connection; the test looks at what arrived.
                thread::spawn(move || shared.serve(stream).ok());
            }
        }));
    }

    fn close(&mut self) {
        let Some(acceptor) = self.acceptor.take() else { return };
        self.shared.open.store(false, Ordering::SeqCst);
        // Wakes the thread, which then closes the port.
        let _ = TcpStream::connect(self.address);
        let _ = acceptor.join();
    }
}

impl<P: Protocol> Drop for Server<P> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<P: Protocol> Shared<P> {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut connection = Connection::new(stream, &self.open)?;
        while let Some(request) = connection.request()? {
            let fault = *lock(&self.fault);
            let failed = || self.failed.fetch_add(1, Ordering::Relaxed);
            let take = |partly| lock(&self.protocol).take(&request, partly);
            match fault {
                None => {
                    let answer = take(false);
                    connection.answer(&answer)?;
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Some(Fault::TooLarge) if request.size <= SMALL => connection.answer(&take(false))?,
                Some(Fault::Slow) => {
                    failed();
                    connection.think(SLOW)?;
                    connection.answer(&take(false))?;
                }
                Some(Fault::Partly) => {
                    failed();
                    connection.answer(&take(true))?;
                }
                Some(Fault::BreaksOff) => {
                    failed();
                    return connection.break_off(&take(false));
                }
                Some(Fault::Forgets) => {
                    failed();
                    take(false);
                    return connection.reset();
                }
                Some(fault @ (Fault::Busy | Fault::TooLarge | Fault::Denied)) => {
                    failed();
                    connection.answer(&refusal(fault))?;
                }
                Some(Fault::Killed | Fault::Away) => return connection.reset(),
            }
        }
        Ok(())
    }
}

fn refusal(fault: Fault) -> Answer {
    match fault {
        Fault::Busy => Answer { headers: "Retry-After: 1\r\n", ..Answer::new(429, "too many requests") },
        Fault::Denied => Answer::new(401, "unknown user or wrong password"),
        _ => Answer::new(413, "too large"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
