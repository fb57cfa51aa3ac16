//! The process that has the privileges for a response. It reads orders from standard input and writes answers to standard
//! output, one JSON object a line. The first line has the settings.
//!
//! The daemon drops its privileges before it reads the first event, and could not get them back. So it starts this process
//! first. When the daemon ends, however it ends, standard input ends. Then the process stays until the leases end, so
//! that a suspect does not stay frozen for ever, unless the configuration says so.

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use anyhow::Context as _;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use tracing::warn;

use super::{
    collector::Collector,
    order::{Answer, Order},
    responder::Responder,
    settings::ResponseSettings,
};
use crate::{
    host,
    model::{AfterDeath, ResponseReport},
};

/// Maximum length of an order, in bytes. An alert has a bounded size.
const MAX_ORDER: usize = 8 << 20;
/// Longest pause between two looks at the leases.
const LOOK: Duration = Duration::from_secs(60);
/// The same while isolations are held, which another process may release.
const LOOK_HOLDING: Duration = Duration::from_secs(1);

/// Runs until the sender of orders is gone and no lease is left.
pub fn run() -> anyhow::Result<()> {
    // A miner that uses all processors must not hold it up.
    let _ = rustix::process::setpriority_process(None, -10);
    // A terminal that is closed must not end it.
    let _ = rustix::process::setsid();
    raise_file_limit();
    let mut orders = Lines::default();
    let first = orders.wait_line(None)?.context("the settings are missing")?;
    let settings: ResponseSettings = serde_json::from_slice(&first).context("the settings")?;
    let collector =
        Collector::start(settings.clone(), answer).context("starting the thread for the evidence")?;
    let mut responder = Responder::new(settings);
    loop {
        let leases = !(orders.has_ended && responder.settings().when_agent_dies == AfterDeath::Keep);
        responder.tick(leases, &mut |report| answer(0, Some(report), true));
        if !orders.has_ended {
            responder.prepare();
        }
        let pause = pause(&responder);
        if orders.has_ended {
            // An isolation ends with this process, so it stays for it.
            let waits = match responder.settings().when_agent_dies {
                AfterDeath::Keep => responder.holds_anything(),
                AfterDeath::Release => responder.holds_anything() || responder.next_end().is_some(),
            };
            if !waits {
                collector.finish();
                return Ok(());
            }
            std::thread::sleep(pause.min(LOOK_HOLDING));
            continue;
        }
        let Some(line) = orders.wait_line(Some(pause))? else { continue };
        match serde_json::from_slice::<Order>(&line) {
            Ok(order) => handle(&order, &mut responder, &collector),
            Err(error) => warn!("an order cannot be read: {error}"),
        }
    }
}

/// Each isolation holds about fifteen descriptors, and the usual limit of 1024 would end at seventy of them.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        warn!("the limit of open files cannot be raised: {error}");
    }
}

/// Carries out an order, and answers it.
fn handle(order: &Order, responder: &mut Responder, collector: &Collector) {
    let mut tell = |report| answer(order.id, Some(report), false);
    if let Some(late) = responder.handle(order, &mut tell) {
        let Some(late) = collector.take(order.id, late) else { return };
        responder.collect_late(&late, &mut tell);
    }
    answer(order.id, None, true);
}

/// Returns the time until the next lease ends, but at most [`LOOK`].
fn pause(responder: &Responder) -> Duration {
    let longest = if responder.holds_anything() { LOOK_HOLDING } else { LOOK };
    let Some(end) = responder.next_end() else { return longest };
    let left = u64::try_from(end.saturating_sub(host::unix_seconds())).unwrap_or(0);
    // The clock of the host may be set meanwhile.
    Duration::from_secs(left).clamp(Duration::from_millis(200), longest)
}

/// Writes an answer. Nobody may be left to read it.
fn answer(id: u64, report: Option<ResponseReport>, done: bool) {
    let Ok(mut line) = serde_json::to_vec(&Answer { id, report, done }) else { return };
    line.push(b'\n');
    let mut output = io::stdout().lock();
    let _ = output.write_all(&line).and_then(|()| output.flush());
}

/// The lines of standard input.
#[derive(Debug, Default)]
struct Lines {
    waiting: Vec<u8>,
    has_ended: bool,
}

impl Lines {
    /// Returns the next line, or `None` at the end of the input or after `limit`.
    fn wait_line(&mut self, limit: Option<Duration>) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.waiting.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.waiting.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            anyhow::ensure!(self.waiting.len() < MAX_ORDER, "an order is too long");
            let input = io::stdin();
            if let Some(limit) = limit {
                let timeout = Timespec {
                    tv_sec: i64::try_from(limit.as_secs())?,
                    tv_nsec: limit.subsec_nanos().into(),
                };
                match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&timeout)) {
                    Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
                    Ok(_) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let mut chunk = vec![0; 64 << 10];
            // The lock has a buffer, which would hide bytes from the poll. A chunk is larger than the buffer.
            let length = input.lock().read(&mut chunk)?;
            if length == 0 {
                self.has_ended = true;
                return Ok(None);
            }
            self.waiting.extend_from_slice(chunk.get(..length).unwrap_or_default());
        }
    }
}
