//! A server on loopback for the tests of outputs over HTTP, and a run of the whole path of an output against it.
//!
//! The server speaks HTTP/1.1 over real sockets. A test gives the protocol as a function from request to answer. The
//! server adds the faults of a network: it is slow, it closes in the middle, it answers 429.

mod message;
mod run;
mod tls;

use std::{
    collections::VecDeque,
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

pub(crate) use message::{Answer, Received};
pub(in crate::output) use run::{
    Load, Run, alert, deliver_through_faults, documents, event, id, open, repeats, settings, until,
};
pub(crate) use tls::Tls;

/// Time after which the server gives up a client.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server does with a request instead of answering it properly.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers this, and does not process the request.
    Answers(Answer),
    /// Closes the connection before the request is processed.
    Closes,
    /// Processes the request, and closes the connection without an answer.
    Forgets,
    /// Processes the request, and closes the connection in the middle of the answer.
    BreaksOff,
    /// Answers 413 to a larger body, in bytes.
    IsSmall(usize),
    /// Waits this long before it processes the request.
    IsSlow(Duration),
}

/// The function that answers requests.
type Protocol = dyn FnMut(&Received) -> Answer + Send;

struct Shared {
    protocol: Mutex<Box<Protocol>>,
    faults: Mutex<VecDeque<Fault>>,
    received: Mutex<Vec<Received>>,
    ends: AtomicBool,
    tls: Option<Tls>,
}

/// The server. It ends when this value is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Starts a server without TLS.
    pub fn start(protocol: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        Self::start_with(None, protocol)
    }

    /// Starts a server, with TLS if `tls` is given.
    pub fn start_with(tls: Option<Tls>, protocol: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            protocol: Mutex::new(Box::new(protocol)),
            faults: Mutex::default(),
            received: Mutex::default(),
            ends: AtomicBool::new(false),
            tls,
        });
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if served.ends.load(Ordering::Relaxed) {
                    break;
                }
                let served = Arc::clone(&served);
                thread::spawn(move || served.connection(&stream));
            }
        });
        Self { address, shared }
    }

    /// The address of the server.
    pub fn url(&self) -> String {
        match self.shared.tls {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        }
    }

    /// Adds faults. Every other request meets the next one.
    pub fn add_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// Number of faults that no request has met yet.
    pub fn faults_left(&self) -> usize {
        self.shared.faults.lock().unwrap().len()
    }

    /// Returns the requests that were received, without their bodies.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connection(&self, stream: &TcpStream) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        // A client that goes away ends its connection; the test looks at what arrived.
        let _ = match &self.tls {
            Some(tls) => self.serve(&mut BufReader::new(tls.accept(stream.try_clone().unwrap()))),
            None => self.serve(&mut BufReader::new(stream.try_clone().unwrap())),
        };
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }

    fn serve<S: io::Read + Write>(&self, stream: &mut BufReader<S>) -> io::Result<()> {
        while let Some(received) = Received::read(stream)? {
            let number = {
                let mut all = self.received.lock().unwrap();
                all.push(Received { body: Vec::new(), ..received.clone() });
                all.len()
            };
            let fault = if number % 2 == 0 { self.faults.lock().unwrap().pop_front() } else { None };
            match &fault {
                Some(Fault::Answers(answer)) => {
                    answer.write(stream.get_mut())?;
                    continue;
                }
                Some(Fault::Closes) => return Ok(()),
                Some(Fault::IsSmall(limit)) if received.body.len() > *limit => {
                    Answer::new(413, "").write(stream.get_mut())?;
                    continue;
                }
                Some(Fault::IsSlow(pause)) => thread::sleep(*pause),
                Some(Fault::Forgets | Fault::BreaksOff | Fault::IsSmall(_)) | None => {}
            }
            let answer = (self.protocol.lock().unwrap())(&received);
            match fault {
                Some(Fault::Forgets) => return Ok(()),
                Some(Fault::BreaksOff) => return answer.write_half(stream.get_mut()),
                _ => answer.write(stream.get_mut())?,
            }
        }
        Ok(())
    }
}
