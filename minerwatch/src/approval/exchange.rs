//! One question and its answer, as the server sees them.

use std::{fs, io, time::Duration};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    DecisionOutcome,
    signature::{self, HEADER, Kind},
};
use crate::{
    credentials::SecretSource,
    model::{IncidentId, Stage},
    output::JsonClient,
};

/// The kernel gives another random UUID for each read.
const RANDOM_UUID: &str = "/proc/sys/kernel/random/uuid";
/// Maximum length of a name or a reason, in characters.
const MAX_WORDS: usize = 100;

/// A question: may the policy apply these stages to the suspects of an incident?
#[derive(Clone, Debug)]
pub struct Question {
    /// Chosen by the caller; the decision repeats it.
    pub number: u64,
    /// Time for an answer.
    pub timeout: Duration,
    /// The random id that the answer repeats.
    id: String,
    body: Vec<u8>,
}

/// The body of a question.
#[derive(Serialize)]
struct Body<'a> {
    request: &'a str,
    question: &'static str,
    incident: String,
    stages: &'a [Stage],
    expires: String,
    alert: &'a Value,
}

/// The body of an answer.
#[derive(Debug, Deserialize)]
struct Answer {
    request: String,
    decision: Word,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Approve,
    Deny,
    Wait,
}

impl Question {
    /// Makes a question. `alert` is the alert as a line of JSON.
    ///
    /// # Errors
    ///
    /// The kernel gives no random id, or the alert is not JSON.
    pub fn new(
        number: u64,
        incident: IncidentId,
        stages: &[Stage],
        alert: &[u8],
        timeout: Duration,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let id = random_id().with_context(|| format!("reading {RANDOM_UUID}"))?;
        let alert: Value = serde_json::from_slice(alert).context("the alert is not JSON")?;
        let body = serde_json::to_vec(&Body {
            request: &id,
            question: "respond",
            incident: incident.to_string(),
            stages,
            expires: now.saturating_add(timeout.try_into()?).format(&Rfc3339)?,
            alert: &alert,
        })?;
        Ok(Self { number, timeout, id, body })
    }

    /// Asks once. Returns `None` if the server has not decided yet.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or its answer is not signed or not about this question.
    pub(super) fn ask(
        &self,
        client: &mut JsonClient,
        secret: &SecretSource,
    ) -> anyhow::Result<Option<DecisionOutcome>> {
        let secret = secret.read()?;
        if secret.expose().chars().count() < signature::LEAST_SECRET {
            bail!("the secret is shorter than {} characters", signature::LEAST_SECRET);
        }
        let signed =
            signature::sign(&secret, Kind::Question, &self.body).context("the secret is not usable")?;
        let answer = client.post(&[(HEADER, &signed)], &self.body)?;
        let Some(value) = answer.header(HEADER) else { bail!("the answer has no signature") };
        if !signature::is_signed(&secret, Kind::Answer, &answer.body, value) {
            bail!("the signature of the answer is wrong");
        }
        let answer: Answer =
            serde_json::from_slice(&answer.body).context("the answer is not what it should be")?;
        if answer.request != self.id {
            bail!("the answer is about another question");
        }
        let by = if answer.by.trim().is_empty() { "the webhook".to_owned() } else { words(&answer.by) };
        Ok(match answer.decision {
            Word::Approve => Some(DecisionOutcome::Approved { by }),
            Word::Deny => Some(DecisionOutcome::Denied { by, reason: words(&answer.reason) }),
            Word::Wait => None,
        })
    }
}

fn random_id() -> io::Result<String> {
    fs::read_to_string(RANDOM_UUID).map(|text| text.trim().to_owned())
}

/// Returns a text of the server as one short line without control characters.
fn words(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(MAX_WORDS).collect::<String>().trim().to_owned()
}
