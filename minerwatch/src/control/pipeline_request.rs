//! Requests from the control socket to the pipeline.

use tokio::sync::oneshot;

/// A question that only the pipeline can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The status: one object with the daemon's counters.
    Status,
    /// The exceptions, after they were read again if the flag is set.
    Exceptions {
        /// Whether to read the exceptions again.
        reload: bool,
    },
    /// The state of the incident with this id, or of all incidents. The answer has one object per incident.
    Explain(Option<String>),
}

/// A question, with the channel for its answer. If the request is dropped without an answer, the client gets an error.
#[derive(Debug)]
pub struct PipelineRequest {
    /// The question.
    pub question: Question,
    pub(super) reply: oneshot::Sender<String>,
}

impl PipelineRequest {
    /// Sends lines of JSON to the client. The connection adds a missing last newline.
    pub fn answer(self, json: String) {
        // The client may have closed the connection.
        let _ = self.reply.send(json);
    }
}
