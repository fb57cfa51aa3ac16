//! The thread that asks the runtimes.

use std::{io, sync::Arc};

use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc::Receiver,
    task::JoinSet,
};

use super::{Answered, counters::Shared, lookup::Lookup, settings::ContainerSettings, socket::Socket};
use crate::model::{Container, ContainerDescription, Subject};

/// Maximum number of questions that wait for their turn.
pub(super) const MAX_QUESTIONS: usize = 2_048;
/// Maximum number of look-ups that are under way. Most of them pause between two rounds.
const MAX_LOOKUPS: usize = 512;

/// A process whose container has no name yet.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) subject: Subject,
    pub(super) container: Arc<Container>,
}

pub(super) struct Worker {
    runtime: Runtime,
    lookup: Arc<Lookup>,
}

impl Worker {
    pub(super) fn new(settings: ContainerSettings, shared: Arc<Shared>) -> io::Result<Self> {
        let ContainerSettings { sockets, redactor } = settings;
        let sockets = sockets.into_iter().map(Socket::new).collect();
        let lookup = Arc::new(Lookup::new(sockets, redactor, shared));
        Ok(Self { runtime: Builder::new_current_thread().enable_io().enable_time().build()?, lookup })
    }

    /// Answers questions until no more can come, or until `answer` refuses one.
    pub(super) fn run(self, questions: Receiver<Question>, answer: impl Fn(Answered) -> bool) {
        // On Linux the nice value belongs to the thread (setpriority(2)).
        if let Err(error) = rustix::process::setpriority_process(None, 10) {
            tracing::debug!(%error, "the thread for names of containers keeps its priority");
        }
        let Self { runtime, lookup } = self;
        runtime.block_on(serve(&lookup, questions, answer));
    }
}

async fn serve(lookup: &Arc<Lookup>, mut questions: Receiver<Question>, answer: impl Fn(Answered) -> bool) {
    let mut lookups = JoinSet::new();
    loop {
        tokio::select! {
            question = questions.recv(), if lookups.len() < MAX_LOOKUPS => match question {
                Some(question) => {
                    let lookup = Arc::clone(lookup);
                    lookups.spawn(async move { find(&lookup, question).await });
                }
                None => break,
            },
            Some(found) = lookups.join_next(), if !lookups.is_empty() => {
                if let Ok(Some(answered)) = found && !answer(answered) {
                    break;
                }
            }
        }
    }
}

async fn find(lookup: &Lookup, question: Question) -> Option<Answered> {
    let Question { subject, container } = question;
    let id = container.id.clone()?;
    let details = Arc::new(lookup.find(&container).await);
    Some(Answered { subject, description: ContainerDescription { id, details } })
}
