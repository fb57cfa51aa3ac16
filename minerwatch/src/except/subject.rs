//! What an exception is compared with: the processes and peers of a suspect.

use crate::model::{ContainerDetails, Peer, ProcessView};

/// A process of a suspect.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The process.
    pub view: &'a ProcessView,
    /// The hash of its executable, if it is known by now.
    pub sha256: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// Returns what is known of a process.
    pub fn of(view: &'a ProcessView) -> Self {
        Self { view, sha256: view.sha256.as_deref() }
    }

    /// The id of the container of the process.
    pub(super) fn container_id(&self) -> Option<&'a str> {
        self.view.container.as_deref()?.id.as_deref()
    }

    /// What the runtime says about the container; `None` if it has not answered yet.
    pub(super) fn details(&self) -> Option<&'a ContainerDetails> {
        self.view.container.as_deref()?.details.as_deref()
    }
}

/// A suspect, as an exception sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// All known processes of the suspect. An exception must match each of them.
    pub processes: &'a [Facts<'a>],
    /// The peers of the suspect's own signals. An exception with peers must match each of them.
    pub peers: &'a [Peer],
}

/// Whether an exception matches a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// A key does not match.
    No,
    /// All keys match, except that the hash of an executable or the name of a container is not known yet.
    Pending,
    /// All keys match.
    Yes,
}
