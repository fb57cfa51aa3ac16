//! Reads the socket options of connections at the engine's request. The options are read at once, and again three
//! seconds later, because a program may set options after its first payload.

use std::{collections::VecDeque, time::Duration};

use rustix::{
    io::Errno,
    net::sockopt::{socket_keepalive, tcp_keepcnt, tcp_keepidle, tcp_keepintvl, tcp_nodelay},
};
use tracing::debug;

use super::pidfd_getfd::duplicate_socket;
use crate::{
    enrich::snapshot,
    model::{BootTime, Event, EventBody, Flow, Keepalive, SocketOptions, Subject},
};

/// Time between the first and the second reading.
const SECOND_READING: Duration = Duration::from_secs(3);
/// Maximum number of connections that wait for their second reading. When the queue is full, the oldest is removed.
const MAX_WAITING: usize = 64;

/// A connection that waits for its second reading.
#[derive(Debug)]
struct Waiting {
    owner: Subject,
    flow: Flow,
    first: Option<SocketOptions>,
    due: BootTime,
}

/// Reads socket options, and queues the connections for their second reading.
#[derive(Debug, Default)]
pub struct Fingerprints {
    waiting: VecDeque<Waiting>,
}

impl Fingerprints {
    /// Reads the options of a connection, and schedules the second reading. Returns the options as an event, or `None`
    /// if they cannot be read.
    pub fn read(&mut self, owner: Subject, flow: Flow, now: BootTime) -> Option<Event> {
        let first = options(&owner, &flow);
        let event = first.map(|options| event(&owner, options, now));
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { owner, flow, first, due: now.plus(SECOND_READING) });
        event
    }

    /// Does the second readings that are due. Returns an event for each reading that differs from the first.
    pub fn tick(&mut self, now: BootTime) -> Vec<Event> {
        let due = self.waiting.iter().take_while(|waiting| waiting.due <= now).count();
        let read_again = |Waiting { owner, flow, first, .. }: Waiting| {
            let options = options(&owner, &flow).filter(|options| first.as_ref() != Some(options))?;
            Some(event(&owner, options, now))
        };
        self.waiting.drain(..due).filter_map(read_again).collect()
    }
}

fn event(owner: &Subject, options: SocketOptions, time: BootTime) -> Event {
    Event { time, subject: owner.clone(), body: EventBody::SocketOptions(options) }
}

/// Reads the options of a connection. Returns `None` if the connection has ended, belongs to another process now, or
/// cannot be read.
fn options(owner: &Subject, flow: &Flow) -> Option<SocketOptions> {
    let held = snapshot::connection_of(owner, flow)?;
    let log = |error: &dyn std::fmt::Display| {
        debug!(process = owner.key.pid, %error, "socket options could not be read");
    };
    let socket = duplicate_socket(&held).inspect_err(|error| log(error)).ok()?;
    let read = || -> Result<SocketOptions, Errno> {
        let times = || -> Result<Keepalive, Errno> {
            Ok(Keepalive {
                idle_s: tcp_keepidle(&socket)?.as_secs(),
                interval_s: tcp_keepintvl(&socket)?.as_secs(),
                probes: tcp_keepcnt(&socket)?,
            })
        };
        let keepalive = if socket_keepalive(&socket)? { Some(times()?) } else { None };
        Ok(SocketOptions { flow: *flow, keepalive, no_delay: tcp_nodelay(&socket)? })
    };
    read().inspect_err(|error| log(error)).ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};

    use super::*;
    use crate::{
        model::{ProcessKey, Protocol},
        testing::subject,
    };

    fn this_process() -> Subject {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("procfs is mounted");
        let fields = stat.rsplit_once(") ").expect("a name in brackets").1;
        let ticks =
            fields.split(' ').nth(19).and_then(|field| field.parse().ok()).expect("field 22, proc(5)");
        let key = ProcessKey::from_ticks(std::process::id(), ticks);
        subject(key)
    }

    #[test]
    fn options_are_read_twice_and_reported_again_if_they_changed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let now = BootTime(1_000_000_000);
        let later = now.plus(SECOND_READING);
        let flow = Flow {
            protocol: Protocol::Tcp,
            source: client.local_addr().expect("connected"),
            destination: client.peer_addr().expect("connected"),
            opened: now,
        };
        let found = |event: &Event| match event.body {
            EventBody::SocketOptions(options) => {
                (options.keepalive.map(|times| times.idle_s), options.no_delay)
            }
            _ => panic!("{event:?}"),
        };
        let mut fingerprints = Fingerprints::default();
        for _ in 0..2 {
            let event = fingerprints.read(this_process(), flow, now).expect("a connection");
            assert_eq!(found(&event), (None, false));
        }
        assert!(fingerprints.tick(now).is_empty(), "not yet");
        set_socket_keepalive(&client, true).expect("open");
        set_tcp_keepidle(&client, Duration::from_secs(60)).expect("open");
        client.set_nodelay(true).expect("open");
        let events = fingerprints.tick(later);
        assert_eq!(events.iter().map(found).collect::<Vec<_>>(), [(Some(60), true); 2]);
        assert!(fingerprints.read(this_process(), flow, later).is_some());
        assert!(fingerprints.tick(later.plus(SECOND_READING)).is_empty(), "nothing changed");
        drop(client);
        assert!(fingerprints.read(this_process(), flow, later).is_none(), "it has ended");
    }
}
