//! Why a question to a runtime has no answer.

use std::io;

/// A failure of one question to one socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// There is no such socket, so the runtime is not installed or does not run.
    #[error("there is no such socket")]
    Absent,
    /// The connection failed.
    #[error("{0}")]
    Io(io::Error),
    /// The runtime took too long.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not what the protocol allows.
    #[error("not understood: {0}")]
    Garbage(String),
    /// The runtime refused.
    #[error("refused: {0}")]
    Refused(String),
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Absent,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Io(error),
        }
    }
}

impl AskError {
    /// Whether the next question to the same socket would probably fail, too.
    pub(super) fn is_of_socket(&self) -> bool {
        match self {
            Self::Io(_) | Self::TimedOut | Self::Garbage(_) | Self::Refused(_) => true,
            // A missing socket costs nothing, and a large answer says nothing about other containers.
            Self::Absent | Self::TooLarge => false,
        }
    }
}
