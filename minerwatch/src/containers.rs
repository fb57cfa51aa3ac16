//! Asks container runtimes on this host for the names of containers, through their sockets.
//!
//! ```text
//! ask ─► worker ─► lookup ─► socket ─┬─► docker ─► http      Docker, Podman
//!                                    └─► cri ────► grpc      containerd, CRI-O
//! ```
//!
//! One thread of low priority asks. Nobody waits for it: an answer that comes late is an event like any other. Every
//! question, every answer and the number of both is limited, because the user who starts a container chooses the texts.

mod counters;
mod cri;
mod describe;
mod docker;
mod error;
mod grpc;
mod http;
mod lookup;
mod settings;
mod socket;
mod worker;

use std::{io, sync::Arc};

pub use counters::{ContainerCounters, SocketCounters};
pub use settings::{ContainerSettings, Protocol, RuntimeSocket};

use crate::model::{ContainerDescription, ContainerDetails, Event, EventBody, Subject};
use counters::Shared;
use worker::{Question, Worker};

/// Runs every parser of answers on the same bytes; for the fuzzer.
#[doc(hidden)]
pub fn parse_all(bytes: &[u8]) {
    docker::parse_all(bytes);
    cri::parse_all(bytes);
    http::parse_all(bytes);
}

/// Asks the runtimes, in a thread of its own.
#[derive(Debug)]
pub struct ContainerNames {
    questions: tokio::sync::mpsc::Sender<Question>,
    answers: std::sync::mpsc::Receiver<Answered>,
    shared: Arc<Shared>,
}

/// The process that was asked about, and the answer.
#[derive(Debug)]
struct Answered {
    subject: Subject,
    description: ContainerDescription,
}

impl ContainerNames {
    /// Starts the thread. It calls `wake` whenever [`Self::take_answers`] has something new.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(settings: ContainerSettings, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(&settings.sockets));
        let (questions, queue) = tokio::sync::mpsc::channel(worker::MAX_QUESTIONS);
        let (outcomes, answers) = std::sync::mpsc::channel();
        let worker = Worker::new(settings, Arc::clone(&shared))?;
        std::thread::Builder::new().name("containers".to_owned()).spawn(move || {
            worker.run(queue, |answered| {
                let is_wanted = outcomes.send(answered).is_ok();
                if is_wanted {
                    wake();
                }
                is_wanted
            });
        })?;
        Ok(Self { questions, answers, shared })
    }

    /// Asks about the container of a process. Returns whether an answer will come; it always does, unless too many
    /// questions wait already or the process is in no container.
    pub fn ask(&self, subject: &Subject) -> bool {
        let Some(container) = subject.container.as_ref().filter(|container| container.id.is_some()) else {
            return false;
        };
        self.shared.asked();
        let question = Question { subject: subject.clone(), container: Arc::clone(container) };
        let is_taken = self.questions.try_send(question).is_ok();
        if !is_taken {
            self.shared.refused();
        }
        is_taken
    }

    /// Appends the answers since the last call, as events.
    pub fn take_answers(&self, now: crate::model::BootTime, events: &mut Vec<Event>) {
        while let Ok(Answered { subject, description }) = self.answers.try_recv() {
            let body = EventBody::ContainerDescription(Box::new(description));
            events.push(Event { time: now, subject, body });
        }
    }

    /// The counters.
    pub fn counters(&self) -> ContainerCounters {
        self.shared.read()
    }
}

/// Returns the answer to a question that nobody can answer. `None` if the process is in no container.
pub fn no_answer(subject: &Subject) -> Option<ContainerDescription> {
    let id = subject.container.as_ref()?.id.clone()?;
    Some(ContainerDescription { id, details: Arc::new(ContainerDetails::default()) })
}

#[cfg(test)]
mod doubles;
#[cfg(test)]
mod tests;
