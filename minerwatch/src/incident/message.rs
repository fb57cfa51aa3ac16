//! The message of an alert: one sentence for the user.

use super::chain::Chain;
use crate::{
    detect::{SignalInfo, behavior, compute, network},
    model::{AlertAction, ChainEdge, ChainKind, ProcessView, Signal, Verdict},
    process::base_name,
};

/// The input of the message.
#[derive(Debug)]
pub(super) struct Story<'a> {
    pub(super) verdict: Verdict,
    pub(super) action: AlertAction,
    pub(super) suspect: &'a ProcessView,
    pub(super) parent: Option<&'a ProcessView>,
    /// The signals, strongest first.
    pub(super) signals: &'a [Signal],
    pub(super) chain: &'a Chain,
    pub(super) speaks_of_mining: bool,
}

/// Builds the message: the suspect and its parent, what the suspect did, what its relatives did, and the verdict in
/// words.
pub(super) fn sentence(story: &Story<'_>) -> String {
    let mut text = who(story.suspect);
    if let Some(parent) = story.parent {
        text = format!("{text}, started by {},", parent.name);
    }
    let mut own = own_deeds(story);
    if own.is_empty() {
        let first = story.signals.iter().find(|signal| signal.process == story.suspect.key);
        own.extend(first.map(|signal| format!("was noticed ({})", signal.detail)));
    }
    let mut text = format!("{text} {}", listed(&own));
    for (kind, verb) in [(ChainKind::Connect, "connected to"), (ChainKind::Persist, "wrote")] {
        if let Some((edge, more)) = deed(story, kind, false) {
            text = format!(
                "{text}; its relative {} (pid {}) {verb} {}{more}",
                edge.name, edge.process.pid, edge.object
            );
        }
    }
    format!("{text}: {}", judgement(story))
}

fn who(suspect: &ProcessView) -> String {
    let ProcessView { key, name, executable, credentials, .. } = suspect;
    let user = match &credentials.user {
        Some(user) => format!("user {user}"),
        None => format!("uid {}", credentials.uid),
    };
    let path = executable.path.as_ref();
    // The kernel cuts process names to 15 bytes, so a prefix of the file name counts as the same name.
    if path.is_empty() {
        format!("'{name}' (pid {}, {user})", key.pid)
    } else if base_name(path).starts_with(name.as_ref()) {
        format!("'{path}' (pid {}, {user})", key.pid)
    } else {
        format!("'{name}' ({path}, pid {}, {user})", key.pid)
    }
}

fn own_deeds(story: &Story<'_>) -> Vec<String> {
    let mut deeds = Vec::new();
    let shows = |info: SignalInfo| {
        story.signals.iter().any(|signal| info.names(signal) && signal.process == story.suspect.key)
    };
    let spoken = [network::RELAY, network::MINER_WORDS, network::POOL_WORDS, network::SOLO_MINING];
    let words = spoken.iter().find_map(|info| {
        story.signals.iter().find(|signal| info.names(signal) && signal.process == story.suspect.key)
    });
    deeds.extend(words.map(|signal| signal.detail.clone()));
    if shows(compute::ROUNDING_MODES) {
        deeds.push("does the arithmetic of RandomX".to_owned());
    }
    if shows(behavior::MINER_COMMAND_LINE) {
        deeds.push("has the command line of a miner".to_owned());
    }
    if shows(behavior::KERNEL_NAME) {
        deeds.push("hides behind the name of a kernel thread".to_owned());
    }
    if shows(behavior::FILELESS) {
        deeds.push("runs without a file".to_owned());
    }
    if shows(behavior::DROP_AND_RUN) {
        deeds.push(match story.chain.of(ChainKind::Drop).next() {
            Some(edge) => format!("ran just after {} wrote {}", edge.name, edge.object),
            None => "ran just after it was written".to_owned(),
        });
    }
    if let Some((edge, more)) = deed(story, ChainKind::Connect, true) {
        deeds.push(format!("connected to {}{more}", edge.object));
    }
    if let Some((edge, more)) = deed(story, ChainKind::Persist, true) {
        deeds.push(format!("wrote {}{more}", edge.object));
    }
    if shows(compute::SUSTAINED_CPU) {
        deeds.push("kept the processors busy".to_owned());
    }
    deeds
}

/// Returns the first step of a kind, and how many more there are, in words. If `own`, only steps of the suspect count.
/// Otherwise only steps of relatives count, and only if the suspect took no step of this kind.
fn deed<'a>(story: &Story<'a>, kind: ChainKind, own: bool) -> Option<(&'a ChainEdge, String)> {
    let mine = |edge: &&ChainEdge| edge.process == story.suspect.key;
    let first_own = story.chain.of(kind).find(mine);
    let shown = if own { first_own? } else { story.chain.of(kind).next().filter(|_| first_own.is_none())? };
    let more = story.chain.of(kind).filter(|edge| mine(edge) == own && edge.object != shown.object).count();
    Some((shown, if more > 0 { format!(" and {more} more") } else { String::new() }))
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => "was noticed".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn judgement(story: &Story<'_>) -> &'static str {
    if story.action == AlertAction::IncidentClosed {
        return "closed";
    }
    let connects = story.chain.of(ChainKind::Connect).next().is_some();
    match (story.verdict, story.speaks_of_mining) {
        (Verdict::Mining, _) => "cryptocurrency mining",
        (Verdict::Suspected, true) => "a suspected miner",
        (Verdict::Suspected, false) if connects => "a suspected intrusion",
        (Verdict::Suspected, false) => "suspected tampering",
        (Verdict::Noted, true) => "a possible miner, on record only",
        (Verdict::Noted, false) => "on record only, the evidence does not suffice for an alarm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_prose() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(listed(&words(&["a"])), "a");
        assert_eq!(listed(&words(&["a", "b"])), "a and b");
        assert_eq!(listed(&words(&["a", "b", "c"])), "a, b and c");
    }
}
