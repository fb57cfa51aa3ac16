//! Collects evidence in a thread of its own, so that no order waits for it.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use super::{
    responder::{LateEvidence, Responder},
    settings::ResponseSettings,
};
use crate::model::ResponseReport;

/// Maximum number of collections that wait.
const MAX_WAITING: usize = 256;

/// Takes an answer: the order, a report, and whether the order is finished.
pub type TakeAnswer = fn(u64, Option<ResponseReport>, bool);

/// The thread, and what waits for it.
#[derive(Debug)]
pub struct Collector {
    waiting: SyncSender<(u64, LateEvidence)>,
    thread: JoinHandle<()>,
}

impl Collector {
    /// Starts the thread.
    pub fn start(settings: ResponseSettings, answer: TakeAnswer) -> io::Result<Self> {
        let (waiting, queue) = sync_channel(MAX_WAITING);
        let thread = thread::Builder::new()
            .name("evidence".to_owned())
            .spawn(move || run(&Responder::new(settings), &queue, answer))?;
        Ok(Self { waiting, thread })
    }

    /// Takes over the rest of an order, or gives it back if too many wait.
    pub fn take(&self, id: u64, late: LateEvidence) -> Option<LateEvidence> {
        match self.waiting.try_send((id, late)) {
            Ok(()) => None,
            Err(TrySendError::Full((_, late)) | TrySendError::Disconnected((_, late))) => Some(late),
        }
    }

    /// Waits until all is collected.
    pub fn finish(self) {
        drop(self.waiting);
        // A panic was reported when it happened.
        let _ = self.thread.join();
    }
}

fn run(responder: &Responder, queue: &Receiver<(u64, LateEvidence)>, answer: TakeAnswer) {
    // Orders go first. On Linux, this is about the calling thread only (setpriority(2), C library/kernel differences).
    let _ = rustix::process::setpriority_process(None, 0);
    for (id, late) in queue {
        responder.collect_late(&late, &mut |report| answer(id, Some(report), false));
        answer(id, None, true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::testing::samples;

    static SAID: Mutex<Vec<(u64, bool, bool)>> = Mutex::new(Vec::new());

    #[test]
    fn an_order_is_finished_when_its_evidence_is_collected() {
        let scratch = tempfile::tempdir().expect("a directory");
        let settings = ResponseSettings::of_state(scratch.path().to_owned());
        let collector = Collector::start(settings, |id, report, done| {
            SAID.lock().expect("nobody panics").push((id, report.is_some(), done));
        })
        .expect("a thread can be started");
        for id in [7, 8] {
            assert!(collector.take(id, LateEvidence::of_alert(samples::alert())).is_none());
        }
        collector.finish();
        // No evidence is wanted, so there is no report.
        assert_eq!(*SAID.lock().expect("nobody panics"), [(7, false, true), (8, false, true)]);
    }
}
