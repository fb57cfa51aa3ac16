//! Sends messages to a syslog server.

use std::{
    fmt::Write as _,
    io,
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{
    SyslogSettings,
    address::{Address, Scheme},
    datagram::Datagrams,
    link::{Closing, Link, SETTLE, is_timeout},
    message::Writer,
};
use crate::output::{Class, Delivery, Destination, Document, Refusal, SendError, tls::TlsFiles};

/// Idle time after which a connection is not used for alerts any more. A firewall may have forgotten it.
const STALE: Duration = Duration::from_secs(30);

/// A server that has never closed a connection must not do so this often until alerts count as sent without it.
const DOUBTS: u32 = 2;

/// Time for which such a server may still close a connection.
const UNCONFIRMED_WAIT: Duration = Duration::from_secs(1);

/// Maximum size of the events that a server has not confirmed, in bytes.
const MAX_UNCONFIRMED: usize = 64 << 10;

/// What is known about a server's answer to the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirms {
    /// Nothing yet. It has let this many connections time out.
    Unknown(u32),
    Yes,
    No,
}

/// A syslog server.
///
/// Over TCP and TLS, alerts are confirmed: after the last message, the sender closes its half of the connection and waits
/// until the server, which has then read everything, closes the other half. The alerts count as delivered when a new
/// connection to the server is open as well, because the kernel of a server that was killed closes its connections, too.
/// Otherwise, they are sent again. Events go over the connection that is open, and are confirmed in the same way once
/// there are many of them. So a server that is killed loses few.
///
/// Over UDP, the sender only notices that nobody listens.
#[derive(Debug)]
pub(super) struct Sender {
    name: String,
    to: Address,
    tls: TlsFiles,
    /// The name in the server's certificate, if it is not the host.
    server_name: Option<String>,
    timeout: Duration,
    writer: Writer,
    datagrams: Option<Datagrams>,
    /// The open connection, and when it was last used.
    link: Option<(Link, Instant)>,
    confirms: Confirms,
    /// Bytes of events since the server last confirmed what it had read.
    unconfirmed: usize,
}

impl Sender {
    /// Creates a sender. `name` is that of the output.
    pub fn new(name: String, settings: &SyslogSettings, writer: Writer) -> Self {
        Self {
            name,
            to: settings.to.clone(),
            tls: settings.tls_files(),
            server_name: settings.server_name.clone(),
            timeout: Duration::from_secs(settings.shipping.timeout_s),
            writer,
            datagrams: None,
            link: None,
            confirms: Confirms::Unknown(0),
            unconfirmed: 0,
        }
    }

    fn send_datagrams(&mut self, class: Class, messages: &[(usize, String)]) -> Result<Delivery, SendError> {
        let mut datagrams = match self.datagrams.take().filter(Datagrams::is_fresh) {
            Some(datagrams) => datagrams,
            None => Datagrams::open(&self.to, self.timeout).map_err(|error| self.unreachable(&error))?,
        };
        let sent = datagrams.send(messages, class == Class::Alert);
        let refused = sent.map_err(|error| self.failure(&error.into()))?;
        self.datagrams = Some(datagrams);
        Ok(Delivery { refused, ..Delivery::complete("sent; this protocol has no answer") })
    }

    fn send_stream(&mut self, class: Class, messages: &[(usize, String)]) -> Result<Delivery, SendError> {
        // Octet counting (RFC 6587, RFC 5425): the length, a space and the message.
        let mut stream = String::new();
        for (_, message) in messages {
            let _ = write!(stream, "{} {message}", message.len());
        }
        let sent = match class {
            Class::Event => self.send_events(stream.as_bytes()),
            Class::Alert => self.send_confirmed(stream.as_bytes()),
        };
        sent.map(Delivery::complete).map_err(|error| self.failure(&error))
    }

    fn send_events(&mut self, bytes: &[u8]) -> anyhow::Result<&'static str> {
        let unconfirmed = self.unconfirmed.saturating_add(bytes.len());
        if unconfirmed > MAX_UNCONFIRMED && self.confirms != Confirms::No {
            return self.send_confirmed(bytes);
        }
        self.unconfirmed = unconfirmed;
        let mut link = self.take_link(Duration::MAX)?;
        link.write(bytes, self.timeout)?;
        self.link = Some((link, Instant::now()));
        Ok("sent")
    }

    fn send_confirmed(&mut self, bytes: &[u8]) -> anyhow::Result<&'static str> {
        let mut link = self.take_link(STALE)?;
        link.write(bytes, self.timeout)?;
        let wait = if self.confirms == Confirms::No { UNCONFIRMED_WAIT } else { self.timeout };
        match link.close(wait)? {
            Closing::ByServer => {}
            Closing::NotYet => return self.not_confirmed(),
        }
        let mut link = self.open()?;
        if !link.is_open(SETTLE) {
            anyhow::bail!("the server has closed a new connection at once");
        }
        self.link = Some((link, Instant::now()));
        if self.confirms == Confirms::No {
            info!("{}: the server closes connections now, so alerts are confirmed again", self.name);
        }
        self.confirms = Confirms::Yes;
        self.unconfirmed = 0;
        Ok("the server has read everything")
    }

    fn not_confirmed(&mut self) -> anyhow::Result<&'static str> {
        let seconds = self.timeout.as_secs();
        match self.confirms {
            Confirms::Unknown(times) if times + 1 >= DOUBTS => {
                warn!(
                    "{}: the server never closes a connection whose other end is closed. So nothing confirms that it has \
                     read an alert, and alerts count as delivered when they are sent",
                    self.name
                );
                self.confirms = Confirms::No;
            }
            Confirms::Unknown(times) => self.confirms = Confirms::Unknown(times + 1),
            Confirms::Yes | Confirms::No => {}
        }
        if self.confirms == Confirms::No {
            return Ok("sent, but the server does not confirm that it has read it");
        }
        anyhow::bail!(
            "the server has not closed the connection within {seconds} s, so it may not have read everything"
        )
    }

    /// Returns the open connection if it was used within `idle`, or a new one.
    fn take_link(&mut self, idle: Duration) -> anyhow::Result<Link> {
        let kept = self.link.take().filter(|(_, used)| used.elapsed() <= idle);
        match kept.map(|(mut link, _)| (link.is_open(Duration::ZERO), link)) {
            Some((true, link)) => Ok(link),
            Some((false, _)) | None => self.open(),
        }
    }

    fn open(&self) -> anyhow::Result<Link> {
        let Address::Network { scheme, host, port } = &self.to else {
            anyhow::bail!("{} is no address of a stream", self.to);
        };
        let name = self.server_name.as_deref().unwrap_or(host);
        let tls = (*scheme == Scheme::Tls).then_some((&self.tls, name));
        Link::open(host, *port, tls, self.timeout)
    }

    fn unreachable(&self, error: &anyhow::Error) -> SendError {
        SendError::Unreachable(format!("{}: {error:#}", self.to))
    }

    fn failure(&self, error: &anyhow::Error) -> SendError {
        let cause = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
        if cause.is_some_and(is_timeout) {
            let seconds = self.timeout.as_secs();
            return SendError::Unreachable(format!("{}: no answer within {seconds} s ({error:#})", self.to));
        }
        let tls = cause.and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::AlertReceived(_)) => {
                SendError::Denied(format!("{}: the server ends TLS: {error:#}", self.to))
            }
            _ => self.unreachable(error),
        }
    }
}

impl Destination for Sender {
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
        let Some(class) = documents.first().map(|document| document.class) else {
            return Ok(Delivery::default());
        };
        let mut messages = Vec::new();
        let mut refused = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            match self.writer.message(&document.json) {
                Ok(message) => messages.push((index, message)),
                Err(reason) => refused.push(Refusal { index, reason }),
            }
        }
        if messages.is_empty() {
            return Ok(Delivery { refused, ..Delivery::default() });
        }
        let mut delivery = match self.to.scheme() {
            Scheme::Udp | Scheme::Unix => self.send_datagrams(class, &messages)?,
            Scheme::Tcp | Scheme::Tls => self.send_stream(class, &messages)?,
        };
        delivery.refused.extend(refused);
        Ok(delivery)
    }
}
