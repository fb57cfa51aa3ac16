//! A server that takes lines, seen from the shipper.

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

/// A server that takes documents. One file of this module implements it for each protocol.
///
/// A destination keeps its connection between two calls, and opens it again after an error. It reads secrets again
/// before each connection or request.
pub trait Destination: fmt::Debug + Send {
    /// Sends documents, in order, and waits for the answer. All documents of a call are of one class.
    ///
    /// # Errors
    ///
    /// Nothing of the call counts as delivered. See [`SendError`] for what happens next.
    fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError>;
}

/// What became of the documents of a call. Documents that are in neither list were delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Documents that the server refused for ever, for example because they do not fit its mapping.
    pub refused: Vec<Refusal>,
    /// Indices of documents that the server could not take now. They are sent again.
    pub later: Vec<usize>,
    /// The server's own words about `later`, or about the success if there are any. At most a few hundred bytes.
    pub words: String,
}

impl Delivery {
    /// Everything was delivered.
    pub fn complete(words: impl Into<String>) -> Self {
        Self { words: words.into(), ..Self::default() }
    }
}

/// A refused document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Index of the document in the call.
    pub index: usize,
    /// The server's own words.
    pub reason: String,
}

/// Why a call failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server cannot be reached, does not answer in time, or its answer makes no sense. Tried again after a pause.
    #[error("{0}")]
    Unreachable(String),
    /// The server is overloaded (429, 503). Tried again after its pause, or after ours.
    #[error("{words}")]
    Busy {
        /// The pause for which the server asks (`Retry-After`).
        after: Option<Duration>,
        /// The server's own words.
        words: String,
    },
    /// The server does not accept our credentials or certificate (401, 403). Tried again after a pause.
    #[error("{0}")]
    Denied(String),
    /// The request is too large for the server (413). Sent again in halves; a single document goes to the dead letters.
    #[error("{0}")]
    TooLarge(String),
    /// The server refuses the content (400, 422) and does not say which document is at fault. Sent again in halves; a
    /// single document goes to the dead letters.
    #[error("{0}")]
    Refused(String),
}
