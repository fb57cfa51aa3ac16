//! The members of a JSON message that mining protocols use.

use super::json::{self, Text, Value};

/// The members of one message. Strings borrow from the payload.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "which keys were there: each is a fact of its own")]
pub struct Message<'a> {
    /// `method`.
    pub method: Option<Text<'a>>,
    /// Whether `id` is present.
    pub id: bool,
    /// The shape of `params`, if it is an array or an object.
    pub params: Option<Shape>,
    /// The first three elements of the array `params`; `None` for an element that is no string.
    pub arguments: [Option<Text<'a>>; 3],
    /// `params.login`.
    pub login: Option<Text<'a>>,
    /// `params.agent`.
    pub agent: Option<Text<'a>>,
    /// `params.wallet_address`.
    pub wallet_address: Option<Text<'a>>,
    /// Whether `params.pass` is present.
    pub pass: bool,
    /// Whether `params.algo` is an array, or `params.rigid` is present.
    pub algorithms: bool,
    /// Whether `params.reserve_size` is present.
    pub template: bool,
    /// The `worker` at the top level.
    pub worker: Option<Text<'a>>,
    /// Whether `params.job_id` is present.
    pub job_id: bool,
    /// Whether `params.nonce` is present.
    pub nonce: bool,
    /// Whether `params.result` is present.
    pub hash: bool,
    /// Members of a job, in `params` or in `result.job`: `blob`, `target`, `job_id`, `seed_hash`, `height`, `algo`.
    pub job: Job,
    /// Whether `params.id`, the id of a session, is present.
    pub session: bool,
    /// Whether the message is complete.
    pub whole: bool,
}

/// The shape of a nested value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An array.
    Array,
    /// An object.
    Object,
}

/// The members of a job that are present.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "which keys were there: each is a fact of its own")]
pub struct Job {
    /// `blob`.
    pub blob: bool,
    /// `target`.
    pub target: bool,
    /// `job_id`.
    pub id: bool,
    /// `seed_hash`, `algo` or `height`.
    pub more: bool,
}

impl Job {
    /// Whether the members make a job: data to hash (`blob`), with a target or with a job id and another member.
    pub fn is_one(self) -> bool {
        self.blob && (self.target || (self.id && self.more))
    }

    fn note(&mut self, key: Text<'_>) {
        self.blob |= key.is("blob");
        self.target |= key.is("target");
        self.id |= key.is("job_id");
        self.more |= key.is("seed_hash") || key.is("algo") || key.is("height");
    }
}

impl<'a> Message<'a> {
    /// Parses the message that begins with `bytes`. Also returns the bytes after the message, or `None` if the message
    /// is truncated or not JSON.
    pub fn read(bytes: &'a [u8]) -> (Self, Option<&'a [u8]>) {
        let mut message = Self::default();
        // The messages of a batch are nested one level deeper.
        let base = usize::from(bytes.first() == Some(&b'['));
        let rest = json::walk(bytes, |position, value| {
            let depth = position.depth.saturating_sub(base);
            match (depth, position.element) {
                (1, None) => message.top(position.key, value),
                (2, None) if position.parent.is("params") => message.parameter(position.key, value),
                (2, Some(index)) if position.key.is("params") => message.argument(index, value),
                (3, None) if position.parent.is("job") => message.job.note(position.key),
                _ => {}
            }
        });
        message.whole = rest.is_some();
        (message, rest)
    }

    fn top(&mut self, key: Text<'a>, value: Value<'a>) {
        match value {
            Value::Text(text) if key.is("method") => self.method = Some(text),
            Value::Text(text) if key.is("worker") => self.worker = Some(text),
            Value::Nested { array } if key.is("params") => {
                self.params = Some(if array { Shape::Array } else { Shape::Object });
            }
            Value::Text(_) | Value::Other | Value::Nested { .. } => self.id |= key.is("id"),
        }
    }

    fn parameter(&mut self, key: Text<'a>, value: Value<'a>) {
        if let Value::Text(text) = value {
            if key.is("login") {
                self.login = Some(text);
            } else if key.is("agent") {
                self.agent = Some(text);
            } else if key.is("wallet_address") {
                self.wallet_address = Some(text);
            }
        }
        self.pass |= key.is("pass");
        self.algorithms |= key.is("rigid") || (key.is("algo") && value == Value::Nested { array: true });
        self.template |= key.is("reserve_size");
        self.job_id |= key.is("job_id");
        self.nonce |= key.is("nonce");
        self.hash |= key.is("result");
        self.session |= key.is("id");
        self.job.note(key);
    }

    fn argument(&mut self, index: usize, value: Value<'a>) {
        if let (Value::Text(text), Some(argument)) = (value, self.arguments.get_mut(index)) {
            *argument = Some(text);
        }
    }
}
