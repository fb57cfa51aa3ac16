//! The interface between a network output and the protocol of its server.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::Class;

/// One line without its newline: an object in JSON, as `ecs` encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Whether it is an event or an alert.
    pub class: Class,
    /// The object.
    pub json: Bytes,
}

/// A server that receives documents. Each protocol implements it in a file of its own.
///
/// A destination keeps its connection between two calls, and opens a new one after an error. It reads its secrets before
/// each connection or request.
pub trait Destination: fmt::Debug + Send {
    /// Sends documents, in order, and waits for the answer. All documents of a call are of one class.
    ///
    /// # Errors
    ///
    /// No document of the call counts as delivered. [`SendError`] says what happens to them.
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError>;
}

/// The result of a call. Documents that are neither in `refused` nor in `later` were delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Documents that the server refused for ever, for example because they do not fit its mapping.
    pub refused: Vec<Refusal>,
    /// Indices of documents that the server could not accept now. They are sent again.
    pub later: Vec<usize>,
    /// What the server said: why it did not accept the documents in `later`, or that it accepted all. At most a few
    /// hundred bytes.
    pub words: String,
}

impl Delivery {
    /// Returns the result of a call that delivered all documents.
    pub fn complete(words: impl Into<String>) -> Self {
        Self { words: words.into(), ..Self::default() }
    }
}

/// A refused document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Index of the document in the call.
    pub index: usize,
    /// The message of the server.
    pub reason: String,
}

/// The error of a call that delivered nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server cannot be reached, does not answer in time, or its answer is not valid. The documents are sent again after
    /// a pause.
    #[error("{0}")]
    Unreachable(String),
    /// The server is overloaded (429, 503). The documents are sent again after the pause for which it asks, or after a
    /// growing pause.
    #[error("{words}")]
    Busy {
        /// The pause for which the server asks (`Retry-After`).
        after: Option<Duration>,
        /// The message of the server.
        words: String,
    },
    /// The server does not accept the credentials or the certificate (401, 403, 407). The documents are sent again after a
    /// pause.
    #[error("{0}")]
    Denied(String),
    /// The request is too large for the server (413). The documents are sent again in halves. A single document goes to the
    /// dead letters.
    #[error("{0}")]
    TooLarge(String),
    /// The server refuses the content (400, 422 and others) and does not name the document at fault. The documents are sent
    /// again in halves. A single document goes to the dead letters.
    #[error("{0}")]
    Refused(String),
}
