//! An approval request and the response to it.

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

/// Asks whether the policy may apply these stages to the suspects of an incident.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// Chosen by the caller; the decision repeats it.
    pub number: u64,
    /// Time for a decision.
    pub timeout: Duration,
    /// The random id, which the response repeats.
    id: String,
    body: Vec<u8>,
}

/// The body of a request.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    incident: String,
    stages: &'a [Stage],
    expires: String,
    alert: &'a Value,
}

/// The body of a response.
#[derive(Debug, Deserialize)]
struct Response {
    id: String,
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
    Pending,
}

impl ApprovalRequest {
    /// Creates a request. `alert` is the alert as a line of JSON.
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
            id: &id,
            kind: "approval-request",
            incident: incident.to_string(),
            stages,
            expires: now.saturating_add(timeout.try_into()?).format(&Rfc3339)?,
            alert: &alert,
        })?;
        Ok(Self { number, timeout, id, body })
    }

    /// Posts the request once. Returns `None` if it is still pending.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or its response is not signed or is about another request.
    pub(super) fn post(
        &self,
        client: &mut JsonClient,
        secret: &SecretSource,
    ) -> anyhow::Result<Option<DecisionOutcome>> {
        let secret = secret.read()?;
        if secret.expose().chars().count() < signature::LEAST_SECRET {
            bail!("the secret is shorter than {} characters", signature::LEAST_SECRET);
        }
        let signed =
            signature::sign(&secret, Kind::Request, &self.body).context("the secret is not usable")?;
        let response = client.post(&[(HEADER, &signed)], &self.body)?;
        let Some(value) = response.header(HEADER) else { bail!("the response has no signature") };
        if !signature::is_signed(&secret, Kind::Response, &response.body, value) {
            bail!("the signature of the response is wrong");
        }
        let response: Response =
            serde_json::from_slice(&response.body).context("the response is not what it should be")?;
        if response.id != self.id {
            bail!("the response is about another request");
        }
        let by = if response.by.trim().is_empty() { "the webhook".to_owned() } else { words(&response.by) };
        Ok(match response.decision {
            Word::Approve => Some(DecisionOutcome::Approved { by }),
            Word::Deny => Some(DecisionOutcome::Denied { by, reason: words(&response.reason) }),
            Word::Pending => None,
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
