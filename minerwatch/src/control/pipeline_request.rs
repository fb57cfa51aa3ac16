//! Requests from the control socket to the pipeline.

use tokio::sync::oneshot;

use super::request::{Peer, RespondRequest, WatchRequest};

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
    /// What is known about the incident with this id, as one object.
    Case(String),
    /// Apply stages of the response.
    Respond(RespondRequest, Peer),
    /// Undo what the response did for the incident with this id.
    Release(String, Peer),
    /// Watch a cleaned incident for a return, end its watch, or list the watched incidents.
    Watch(WatchRequest),
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

    /// Sends an error to the client.
    pub fn refuse(self, message: &str) {
        self.answer(serde_json::json!({ "error": message }).to_string());
    }
}
