//! Checks that need more than one key.

use super::{Config, Detection, ListSync, SyncList, except::ExceptionEntry};
use crate::{
    except::Source,
    model::{AccountHasher, Approver},
    output::OutputSettings,
};

/// A contradiction between keys: the key at fault, and the message.
pub(super) type Conflict = (&'static str, String);

/// Checks for keys that contradict each other. Fails at the first contradiction.
pub(super) fn conflicts(config: &Config) -> Result<(), Conflict> {
    outputs(&config.sink.all())?;
    account_key(&config.detection)?;
    alert_size(config)?;
    if config.response.approve == Approver::Webhook {
        config.response.approval.check()?;
    }
    syncs(&config.intel.sync)
}

/// An alert must have room for more than the fields of the user.
fn alert_size(config: &Config) -> Result<(), Conflict> {
    const PART: usize = 8;
    let (fields, limit) = (config.fields.json_length(), config.limits.max_alert_bytes);
    let least = fields.saturating_mul(PART) as u64;
    if least > limit {
        let message =
            format!("{limit} is too low for [fields], which has {fields} bytes; set at least {least}");
        return Err(("max_alert_bytes", message));
    }
    Ok(())
}

fn account_key(detection: &Detection) -> Result<(), Conflict> {
    if detection.account_key_file.is_some() && detection.account_key != AccountHasher::DEFAULT_KEY {
        let message = "account_key has a key already; give one of the two".to_owned();
        return Err(("account_key_file", message));
    }
    Ok(())
}

/// Checks exceptions. An error has the index of the exception.
pub(super) fn exceptions(exceptions: &[ExceptionEntry]) -> Result<(), (usize, Conflict)> {
    let mut ids = Vec::new();
    for (index, exception) in exceptions.iter().enumerate() {
        exception.check().map_err(|conflict| (index, conflict))?;
        let id = exception.to_exception(Source::Configuration).id;
        if ids.contains(&id) {
            let message = format!("the exception {id} is there already; remove one, or give it another id");
            return Err((index, ("id", message)));
        }
        ids.push(id);
    }
    Ok(())
}

fn outputs(outputs: &[&dyn OutputSettings]) -> Result<(), Conflict> {
    for (index, output) in outputs.iter().enumerate() {
        output.check()?;
        let name = output.name();
        if outputs.iter().take(index).any(|other| other.name() == name) {
            let message = format!("two outputs write to {name}; give each its own");
            return Err((output.naming_key().unwrap_or("sink"), message));
        }
    }
    Ok(())
}

fn syncs(syncs: &[ListSync]) -> Result<(), Conflict> {
    for (index, sync) in syncs.iter().enumerate() {
        if syncs.iter().take(index).any(|other| other.name == sync.name) {
            return Err(("name", format!("two lists are called {}; give each its own name", sync.name)));
        }
        if sync.headers_file.is_some() && !sync.from.is_https() {
            let message = "an API key is sent over https only; `from` is something else".to_owned();
            return Err(("headers_file", message));
        }
        if sync.list == SyncList::Allow && sync.from.is_plain_http() {
            let message = "over http anybody on the way could add entries; use https".to_owned();
            return Err(("from", message));
        }
    }
    Ok(())
}
