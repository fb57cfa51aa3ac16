//! What the control socket asks the pipeline.

use tokio::sync::oneshot;

/// A question that only the pipeline can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The status: one object with the daemon's counters.
    Status,
    /// The state of the incidents, one object each: all of them, or the one with this id.
    Explain(Option<String>),
}

/// A question with the way back to whoever asked. If it is dropped without an answer, they get an error.
#[derive(Debug)]
pub struct PipelineRequest {
    /// The question.
    pub question: Question,
    pub(super) reply: oneshot::Sender<String>,
}

impl PipelineRequest {
    /// Answers with lines of JSON; a missing last newline is added.
    pub fn answer(self, json: String) {
        // The connection may be closed by now.
        let _ = self.reply.send(json);
    }
}
