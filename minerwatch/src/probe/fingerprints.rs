//! How the sockets of some connections are set up, looked at from outside when the engine asks for it: at once, and again a
//! little later, for a program may set its socket up after its first words.

use std::{collections::VecDeque, time::Duration};

use rustix::{
    io::Errno,
    net::sockopt::{socket_keepalive, tcp_keepcnt, tcp_keepidle, tcp_keepintvl, tcp_nodelay},
};
use tracing::debug;

use super::pidfd_getfd::borrow;
use crate::{
    enrich::snapshot,
    model::{BootTime, Event, EventBody, Flow, Keepalive, SocketOptions, Subject},
};

/// The time between the two looks.
const AGAIN: Duration = Duration::from_secs(3);
/// Connections that wait for their second look; of more, the earliest are let go.
const MAX_WAITING: usize = 64;

/// A connection that was looked at once.
#[derive(Debug)]
struct Waiting {
    owner: Subject,
    flow: Flow,
    first: Option<SocketOptions>,
    next: BootTime,
}

/// The connections that are looked at.
#[derive(Debug, Default)]
pub struct Fingerprints {
    waiting: VecDeque<Waiting>,
}

impl Fingerprints {
    /// Looks at a connection of a process; what is found is an event.
    pub fn look(&mut self, owner: Subject, flow: Flow, now: BootTime) -> Option<Event> {
        let first = options(&owner, &flow);
        let event = first.map(|options| event(&owner, options, now));
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { owner, flow, first, next: now.plus(AGAIN) });
        event
    }

    /// Lets time pass; what second looks find that is new is an event.
    pub fn tick(&mut self, now: BootTime) -> Vec<Event> {
        let due = self.waiting.iter().take_while(|waiting| waiting.next <= now).count();
        let look = |Waiting { owner, flow, first, .. }: Waiting| {
            let options = options(&owner, &flow).filter(|options| first.as_ref() != Some(options))?;
            Some(event(&owner, options, now))
        };
        self.waiting.drain(..due).filter_map(look).collect()
    }
}

fn event(owner: &Subject, options: SocketOptions, time: BootTime) -> Event {
    Event { time, subject: owner.clone(), body: EventBody::SocketOptions(options) }
}

/// `None` where the connection is over, or not the process's own any more.
fn options(owner: &Subject, flow: &Flow) -> Option<SocketOptions> {
    let held = snapshot::connection_of(owner, flow)?;
    let reason = |error: &dyn std::fmt::Display| {
        debug!(process = owner.key.pid, %error, "a socket was not looked at");
    };
    let socket = borrow(&held).inspect_err(|error| reason(error)).ok()?;
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
    read().inspect_err(|error| reason(error)).ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};

    use super::*;
    use crate::model::{ProcessKey, Protocol};

    fn this_process() -> Subject {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("procfs is mounted");
        let fields = stat.rsplit_once(") ").expect("a name in brackets").1;
        let ticks =
            fields.split(' ').nth(19).and_then(|field| field.parse().ok()).expect("field 22, proc(5)");
        let key = ProcessKey::from_ticks(std::process::id(), ticks);
        Subject { key, tid: key.pid, uid: 0, gid: 0, cgroup: 0, container: None }
    }

    #[test]
    fn a_socket_is_looked_at_twice_and_told_of_when_it_changed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let now = BootTime(1_000_000_000);
        let later = now.plus(AGAIN);
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
            let event = fingerprints.look(this_process(), flow, now).expect("a connection");
            assert_eq!(found(&event), (None, false));
        }
        assert!(fingerprints.tick(now).is_empty(), "not yet");
        set_socket_keepalive(&client, true).expect("open");
        set_tcp_keepidle(&client, Duration::from_secs(60)).expect("open");
        client.set_nodelay(true).expect("open");
        let events = fingerprints.tick(later);
        assert_eq!(events.iter().map(found).collect::<Vec<_>>(), [(Some(60), true); 2]);
        assert!(fingerprints.look(this_process(), flow, later).is_some());
        assert!(fingerprints.tick(later.plus(AGAIN)).is_empty(), "nothing changed");
        drop(client);
        assert!(fingerprints.look(this_process(), flow, later).is_none(), "it is over");
    }
}
